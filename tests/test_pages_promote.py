"""The page that promotes a label: what will move is shown, and then done in one commit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.settings import Settings
from tests.pages import BROWSER, fields, newest, page_of, submit, told, words
from tests.support import git_text
from tests.test_pages_signing import sign_in

PAGE = "/promote?from=staging&label=production"


@pytest.fixture
def prompts(client: FlaskClient) -> None:
    """Staging is at the newest version of three prompts, production at the first version of one of them."""
    for name, contents in (
        ("support/a", ["1\n2\n3\n", "1\ntwo\nthree\n4\n"]),
        ("support/b", ["b\n"]),
        ("other", ["o\n"]),
    ):
        for content in contents:
            client.put(f"/api/names/{name}", json={"content": content})
        staging = {"name": name, "label": "staging", "version_number": "new"}
        assert client.post("/api/commits", json={"changes": [staging]}).status_code == 200
    client.put(f"/api{page_of('support/a')}/labels/production", json={"version_number": 1})


pytestmark = pytest.mark.usefixtures("prompts")


def shown(text: str) -> list[tuple[str, str]]:
    """The moves that a page shows: name, and what happens to it."""
    entries = re.findall(r'<a class="name"[^>]*>(.*?)</a>.*?<div class="by">(.*?)</div>', text, re.S)
    return [(re.sub(r"<[^>]*>", "", name), re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", how))) for name, how in entries]


def test_the_list_leads_to_it(client: FlaskClient) -> None:
    assert '"/promote"' in client.get("/").text
    assert '"/promote?prefix=support/"' in client.get("/?folder=support").text
    page = client.get("/promote?prefix=support/")
    assert 'name="prefix" value="support/"' in page.text
    assert "What will move" not in page.text


def test_what_will_move_is_shown_with_its_size(client: FlaskClient) -> None:
    text = client.get(PAGE).text
    assert shown(text) == [
        ("other", "nowhere →to v1"),
        ("support/a", "v1 →to v2 · +3 −2 lines of support/a"),
        ("support/b", "nowhere →to v1"),
    ]
    assert f'href="{page_of("support/a")}/compare?from=1&amp;to=2"' in text
    assert "Promote 3 prompts" in text
    assert [name for name, _ in shown(client.get(f"{PAGE}&prefix=support").text)] == ["support/a", "support/b"]
    assert "Nothing: free points where free does." in words(client.get("/promote?from=free&label=free"))


def test_it_is_done_in_one_commit(client: FlaskClient, repository: Path) -> None:
    before = git_text(repository, "rev-parse", "main")
    form = fields(client.get(f"{PAGE}&prefix=support/").text)
    answer = submit(client, "/promote", form | {"description": "Evaluated", "author.name": "Ada"})
    assert answer.headers["Location"].endswith("/?folder=support")
    assert told(client, answer) == "production points where staging does: 2 prompts moved."
    assert git_text(repository, "rev-parse", "main^") == before
    assert git_text(repository, "log", "-1", "--format=%an: %B", "main") == "Ada: Evaluated"
    assert newest(client, "support/a")["labels"] == {"production": 2, "staging": 2}
    assert newest(client, "other")["labels"] == {"staging": 1}
    assert told(client, submit(client, "/promote", form)).endswith("nothing had to move."), "sent twice"


@pytest.mark.parametrize("change", ["staging", "production"])
def test_what_the_page_has_not_shown_is_not_moved(client: FlaskClient, repository: Path, change: str) -> None:
    """Where somebody moves one of both labels meanwhile, what would move is shown anew; what was typed is kept."""
    form = fields(client.get(PAGE).text) | {"description": "Long reasons"}
    number = {"staging": 1, "production": 2}[change]
    client.put("/api/names/support/b", json={"content": "b2\n"})
    client.put(f"/api{page_of('support/b')}/labels/{change}", json={"version_number": number})
    if change == "staging":
        client.put(f"/api{page_of('support/b')}/labels/staging", json={"version_number": 2})
    before = git_text(repository, "rev-parse", "main")
    answer = submit(client, "/promote", form)
    assert (answer.status_code, git_text(repository, "rev-parse", "main")) == (412, before)
    assert "such as that of &#39;support/b&#39;" in words(answer)
    assert fields(answer.text)["description"] == "Long reasons"
    assert told(client, submit(client, "/promote", fields(answer.text))).endswith("3 prompts moved.")


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("from=staging&label=latest", 422, "label"),
        ("from=No&label=production", 422, "from"),
        ("from=staging&label=production&prefix=a:b", 422, "prefix"),
    ],
)
def test_what_breaks_a_rule_is_told_at_its_field(client: FlaskClient, query: str, status: int, field: str) -> None:
    answer = client.get(f"/promote?{query}", headers=BROWSER)
    assert answer.status_code == status
    assert f'id="error-{field}"' in answer.text
    assert "What will move" not in answer.text


def test_nobody_promotes_what_they_may_not_move(tmp_path: Path) -> None:
    app = create_app(Settings(data=tmp_path / "data", protected_labels="production"))
    tokens = Tokens(tmp_path / "data")
    for scope, status in ((Scope.READ, 403), (Scope.WRITE, 403), (Scope.ADMIN, 200)):
        client = app.test_client()
        sign_in(client, tokens.create(scope.word, scope)[1])
        assert client.get(PAGE, headers=BROWSER).status_code == status
        assert ("/promote" in client.get("/?folder=x").text) == (scope > Scope.READ)


def test_a_labels_form_shows_what_the_move_would_change(client: FlaskClient) -> None:
    """At once for the version that is proposed; for another one on request, before anything is done."""
    page = f"{page_of('support/a')}/point?label=production"
    first = client.get(page)
    assert "From version 1 to version 2: +3 −2 lines" in words(first)
    assert f'href="{page_of("support/a")}/compare?from=1&amp;to=2"' in first.text
    client.put("/api/names/support/a", json={"content": "1\ntwo\n"})
    form = fields(first.text) | {"version_number": "3", "description": "Shorter"}
    look = submit(client, page, form | {"look": "1"})
    assert (look.status_code, "From version 1 to version 3: +1 −2 lines" in words(look)) == (200, True)
    assert newest(client, "support/a")["labels"]["production"] == 1
    sent = fields(look.text)
    assert (sent["version_number"], sent["description"]) == ("3", "Shorter")
    assert told(client, submit(client, page, sent)) == "production now points at version 3."
