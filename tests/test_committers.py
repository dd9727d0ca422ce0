"""Nobody passes for somebody else: whoever stored what an author made stands beside the author."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from promptgit.auth.tokens import Scope, Tokens
from promptgit.exchange import checker
from promptgit.store.store import Store
from tests.support import foreign_commit, git
from tests.test_import import line, take

ADA = {"name": "Ada", "email": "ada@example.org"}
BOT = {"name": "bot", "email": "bot@promptgit"}
PAIR = {"author": ADA, "committer": BOT}
OWN = {"author": BOT}


def pair(answer: dict[str, Any]) -> dict[str, Any]:
    """Who made it."""
    return {key: answer[key] for key in ("author", "committer") if key in answer}


class Bot:
    """The client of a token named bot, which writes its own things and Ada's."""

    def __init__(self, app: Flask, folder: Path) -> None:
        self._client = app.test_client()
        self._headers = {"Authorization": f"Bearer {Tokens(folder).create('bot', Scope.WRITE, owner='bot')[1]}"}

    def __call__(self, method: str, address: str, **body: Any) -> Any:
        """What is answered: JSON, or the text of a page, that of a deleted prompt (410) too."""
        answer = self._client.open(address, method=method, json=body or None, headers=self._headers)
        assert answer.status_code in (200, 201, 204, 410), answer.text
        return answer.json if answer.is_json else answer.text


@pytest.fixture
def bot(app: Flask, tmp_path: Path) -> Bot:
    return Bot(app, tmp_path / "data")


def words(page: str) -> str:
    """What a page says, without marks."""
    return " ".join(re.sub(r"<[^>]*>", "", page).split()).replace(" ,", ",")


def test_a_committer_stands_beside_an_author_wherever_both_differ(bot: Bot, store: Store) -> None:
    """In every answer that names an author, in the feed and on the pages; and nowhere else."""
    at = f"/api/prompts/{bot('POST', '/api/prompts', name='a', content='1', author=ADA)['id']}"
    bot("PUT", at, content="2")
    saved = bot("PUT", at, content="3", author=ADA)
    label = bot("PUT", f"{at}/labels/production", version_number=3, author=ADA)
    check = bot("PUT", f"{at}/versions/3/checks/eval", state="success", author=ADA)
    moves = bot("GET", f"{at}/labels/production/history")
    for one in (saved, label, check, *moves, bot("GET", at), bot("GET", "/api/names/a"), *bot("GET", "/api/prompts")):
        assert pair(one) == PAIR
    for address in (f"{at}/labels", f"{at}/versions/3/checks", f"{at}/checks", f"{at}?at={saved['commit']}"):
        found = bot("GET", address)
        assert [pair(one) for one in (found if isinstance(found, list) else [found])] == [PAIR]
    whole = bot("GET", f"{at}/versions")  # streamed; a page is quick, and so is a single version
    assert [pair(one) for one in whole] == [PAIR, OWN, PAIR]
    assert bot("GET", f"{at}/versions?limit=9") == whole
    singles = [bot("GET", f"{at}/versions/{number}") for number in (1, 2, 3)]
    assert [{key: one[key] for key in whole[0]} for one in singles[::2]] == whole[::2]
    assert pair(bot("GET", f"{at}/labels/production")) == PAIR
    assert [bot("GET", f"/api/public/v2/prompts/a?version={one}").get("committer") for one in (1, 2)] == [BOT, None]

    bot("PATCH", at, name="b", author=ADA)
    page = at.removeprefix("/api")
    by = "Ada, stored by bot"
    for address, count in ((page, 3), (f"{page}/versions/3", 2), (f"{page}/labels/production", 1), ("/", 1)):
        assert words(bot("GET", address)).count(by) == count, address
    assert words(bot("GET", f"{page}/compare?from=2&to=3")).count(by) == 1
    bot("DELETE", at, author=ADA)
    assert words(bot("GET", "/deleted")).count(by) == 1
    assert words(bot("GET", page)).count(f"by {by}") == 1
    feed = bot("GET", "/api/changes")
    assert {one["type"]: pair(one) for one in feed} == dict.fromkeys(
        ("version", "label", "check", "rename", "delete"), PAIR
    )
    assert [pair(one) for one in feed if one["type"] == "version"] == [PAIR, OWN, PAIR]
    grouped = bot("GET", "/api/changes?group=commit")
    assert [pair(one) for one in grouped] == [pair(one["changes"][0]) for one in grouped]
    assert list(checker.differences(store)) == []


def test_a_push_tells_author_and_committer_as_git_has_them(client: FlaskClient, repository: Path) -> None:
    """A commit that somebody has cherry-picked has both; one that its author made has one."""
    made = foreign_commit(repository, {"prompts/a.md": b"1"})
    ada = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}
    picked = git(repository, "commit-tree", f"{made}^{{tree}}", "-p", f"{made}^", "-m", "Picked", **ada)
    git(repository, "update-ref", "refs/heads/main", picked.decode().strip())
    foreign_commit(repository, {"prompts/a.md": b"2"})
    versions = client.get(f"/api/prompts/{client.get('/api/names/a').json['id']}/versions").json
    admin = {"name": "admin", "email": "admin@example.org"}
    assert [pair(one) for one in versions] == [{"author": ADA, "committer": admin}, {"author": admin}]


def test_what_promptgit_itself_has_stored_is_told_quietly(client: FlaskClient, store: Store) -> None:
    """An import of a hundred thousand versions: in JSON as of others, on pages in the author's title, once in words."""
    take(store, *(line(content=str(number)) for number in range(3)))
    prompt = client.get("/api/names/a").json
    assert prompt["committer"] == {"name": "promptgit", "email": "promptgit@localhost"}
    page = client.get(f"/prompts/{prompt['id']}").text
    assert page.count('title="ada@example.org, stored by promptgit"') == 3
    assert "stored by" not in words(page)
    assert "Ada L., stored by promptgit" in words(client.get(f"/prompts/{prompt['id']}/versions/2").text)
    assert list(checker.differences(store)) == []
