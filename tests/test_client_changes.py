"""`client.changes()`: the feed, as typed values."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import httpx2
import pytest

from promptgit import errors
from promptgit.app import create_local_app
from promptgit.client import AsyncClient, Client, FeedEntry, ReleaseItem
from promptgit.settings import Settings
from tests.support import Server, foreign_commit
from tests.test_releases import Team


def test_each_type_is_a_value(tmp_path: Path) -> None:
    """Read from a folder, as the commands do without a server."""
    team = Team(tmp_path / "data")
    team.rule()
    number = team.open()
    team.check()
    team.ok("post", f"/api/releases/{number}/approve", "bob")
    team.ok("post", f"/api/releases/{number}/release", "bob")
    app = create_local_app(Settings(data=team.folder, lock_timeout=5))
    with Client("http://localhost", transport=httpx2.WSGITransport(app)) as client:
        changes = list(client.changes())
        assert list(client.changes(page=1)) == changes
        commits = list(client.changes(commits=True, page=2))
        assert list(client.changes(after=commits[2].commit, commits=True)) == commits[3:]
    assert [change.type for change in changes] == [
        *("version", "version", "version", "rules", "release", "check", "release", "label", "release"),
    ]
    first, rules, opened, check = changes[0], changes[3], changes[4], changes[5]
    label, released = changes[7:]
    assert (first.prompt_id, first.name, first.version_number) == (team.prompt, "support/greeting", 1)
    assert first.timestamp.utcoffset() is not None
    assert (rules.prompt_id, rules.name) == (None, None)
    assert (check.check, check.version_number, check.state) == ("eval", 2, "success")
    assert (label.label, label.before, label.after, label.outside) == ("production", None, 2, False)
    assert (opened.prompt_id, opened.name, opened.action, opened.state) == (None, None, "opened", "open")
    assert (released.release, released.by, released.owner) == (number, "bob", "bob@example.org")
    assert released.items == (ReleaseItem(team.prompt, "support/greeting", None, 2),)
    assert [change for commit in commits for change in commit.changes] == changes
    assert (commits[-1].type, commits[-1].change_count, commits[-1].prompt_id) == ("commit", 2, None)


def test_a_type_that_came_later_is_a_value_too() -> None:
    """With what this client knows of it."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        said = {"type": "comet", "commit": "0" * 40, "timestamp": "2026-11-26T10:00:00Z", "description": ""}
        author = {"name": "Ada", "email": "ada@example.org"}
        return httpx2.Response(200, json=[{**said, "author": author, "tail": [1], "name": "support/greeting"}])

    with Client("http://localhost", transport=httpx2.MockTransport(answer)) as client:
        (change,) = client.changes()
    assert (change.type, change.name, change.prompt_id, change.items) == ("comet", "support/greeting", None, ())


def test_who_waits_is_told_what_comes(server: Server, tmp_path: Path) -> None:
    """In threads and with asyncio; a commit that `main` does not have is refused."""
    with Client(server.url) as client:
        last = client.create("a", "1").commit
        found: list[FeedEntry] = []
        waiter = threading.Thread(target=lambda: found.extend(client.changes(after=last, commits=True, wait=30)))
        waiter.start()
        commit = foreign_commit(tmp_path / "data" / "prompts.git", {"prompts/b.md": b"1", "prompts/c.md": b"2"})
        waiter.join(60)
        assert [(one.commit, [change.name for change in one.changes]) for one in found] == [(commit, ["b", "c"])]
        assert list(client.changes(after=commit)) == []
        with pytest.raises(errors.CommitNotFound):
            list(client.changes(after="0" * 40))

    async def read() -> list[FeedEntry]:
        async with AsyncClient(server.url) as other:
            return [change async for change in other.changes(after=last, commits=True, wait=30)]

    assert asyncio.run(read()) == found
