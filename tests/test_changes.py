"""`GET /api/changes`: everything that is done, in order, whoever does it and by whatever way."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from promptgit.domain.models import Author
from promptgit.errors import CommitNotFound
from promptgit.exchange import checker
from promptgit.service.feed import Feed
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.support import Answer, Http, Server, foreign_commit, git_text, wait_for

GREETING = "support/greeting"


@pytest.fixture
def feed(store: Store) -> Feed:
    return Feed(store, waiters=2)


def told(changes: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    """Type and name of each change, and what belongs to its type."""
    own = ("version_number", "old_name", "label", "from", "to")
    return [(change["type"], change["name"], *(change[key] for key in own if key in change)) for change in changes]


def everything(client: FlaskClient) -> Any:
    """Do each kind of thing to one prompt."""
    prompt = client.post("/api/prompts", json={"name": GREETING, "content": "1"}).json
    at = f"/api/prompts/{prompt['id']}"
    ada = {"name": "Ada", "email": "ada@example.org"}
    client.put(at, json={"content": "2", "description": "Shorter", "author": ada})
    client.put(f"{at}/labels/production", json={"version_number": 1})
    client.put(f"{at}/labels/production", json={"version_number": 2})
    client.patch(at, json={"name": "welcome"})
    client.delete(at)
    client.post(f"{at}/versions/1/revert")
    return prompt


EVERYTHING = [
    ("version", GREETING, 1),
    ("version", GREETING, 2),
    ("label", GREETING, "production", None, 1),
    ("label", GREETING, "production", 1, 2),
    ("rename", "welcome", GREETING),
    ("delete", "welcome", 2),
    ("label", "welcome", "production", 2, None),
    ("restore", "welcome", 3),
    ("version", "welcome", 3),
]


def test_everything_is_told_in_order(client: FlaskClient) -> None:
    prompt = everything(client)
    answer = client.get("/api/changes")
    assert told(answer.json) == EVERYTHING
    assert {change["prompt_id"] for change in answer.json} == {prompt["id"]}
    second = answer.json[1]
    version = client.get(f"/api/prompts/{prompt['id']}/versions/2").json
    for key in ("commit", "timestamp", "description", "author"):
        assert second[key] == version[key]
    assert second["author"] == {"name": "Ada", "email": "ada@example.org"}


def test_each_commit_leads_to_what_came_after_it(client: FlaskClient, repository: Path) -> None:
    everything(client)
    changes = client.get("/api/changes").json
    for commit in {change["commit"] for change in changes}:
        last = max(place for place, change in enumerate(changes) if change["commit"] == commit)
        answer = client.get(f"/api/changes?after={commit}")
        assert answer.json == changes[last + 1 :]
        assert answer.headers["X-Last-Commit"] == git_text(repository, "rev-parse", "main")


@pytest.mark.parametrize("limit", [1, 2, 3, 8, 9, 10])
def test_pages_join_without_gap_and_end_with_a_commit(client: FlaskClient, limit: int) -> None:
    everything(client)
    whole = client.get("/api/changes").json
    path = f"/api/changes?limit={limit}"
    joined: list[Any] = []
    while path:
        answer = client.get(path)
        pages = answer.json
        assert len(pages) <= max(limit, 2)  # the deletion and its label are one commit
        if joined and pages:
            assert joined[-1]["commit"] != pages[0]["commit"]
        joined += pages
        assert answer.headers["X-Last-Commit"] == joined[-1]["commit"]
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert joined == whole


def test_what_git_did_is_told_too(client: FlaskClient, repository: Path) -> None:
    """Also several prompts in one commit; a commit that does nothing to prompts is no change, but can be named."""
    foreign_commit(repository, {"prompts/a.md": b"1", "prompts/b.md": b"2", "labels/x/b": b"1\n"}, message="Two")
    changes = client.get("/api/changes").json
    assert told(changes) == [("version", "a", 1), ("version", "b", 1), ("label", "b", "x", None, 1)]
    assert {change["description"] for change in changes} == {"Two"}
    elsewhere = foreign_commit(repository, {"elsewhere": b"x"})
    answer = client.get(f"/api/changes?after={changes[0]['commit']}")
    assert (answer.json, answer.headers["X-Last-Commit"]) == ([], elsewhere)
    foreign_commit(repository, {"prompts/a.md": None, "prompts/c.md": b"1"})
    foreign_commit(repository, {"prompts/b.md": None, "prompts/d.md": b"3"})
    later = client.get(f"/api/changes?after={elsewhere}&limit=1")
    assert told(later.json) == [("rename", "c", "a")]
    rest = client.get(later.headers["Link"].partition(">")[0][1:])
    assert told(rest.json)[:2] == [("delete", "b", 1), ("version", "d", 1)]
    first = git_text(repository, "rev-list", "--max-parents=0", "main")
    assert client.get(f"/api/changes?after={first}").json == client.get("/api/changes").json


def test_a_commit_that_main_never_had_is_refused(client: FlaskClient, repository: Path) -> None:
    """Or has no more: the answer says to begin anew."""
    first = git_text(repository, "rev-parse", "main")
    lost = client.post("/api/prompts", json={"name": "a", "content": "1"}).json["commit"]
    assert client.get(f"/api/changes?after={lost}").json == []
    foreign_commit(repository, {"prompts/b.md": b"1"}, parent=first)
    for after in (lost, "0" * 40, lost[:12], "x", "", "main", first.upper()):
        answer = client.get(f"/api/changes?after={after}")
        assert (answer.status_code, answer.json["code"]) == (404, "commit_not_found")
        assert "Begin anew" in answer.json["detail"]
    assert told(client.get("/api/changes").json) == [("version", "b", 1)]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "wait=31", "wait=-1", "wait=x", "before=1"])
def test_what_cannot_be_meant_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/api/changes?{query}").status_code == 422


def test_an_index_built_anew_tells_the_same(service: Service, store: Store, feed: Feed) -> None:
    prompt = service.create("1", name="a", attribution=Attribution(author=Author("Ada", "a@example.org")))
    service.labels.point(prompt.id, "x", 1, attribution=Attribution())
    foreign_commit(store.repository.path, {"labels/y/a": b"1\n", "prompts/b.md": b"x", "prompts/0.md": b"y"})
    service.rename(prompt.id, "c/d")
    service.delete(prompt.id)
    before = feed.page(None, 1_000)
    store.index.rebuild()
    assert feed.page(None, 1_000) == before
    service.create("2", name="a")
    assert list(checker.differences(store)) == []


def test_a_check_tells_of_a_feed_that_is_not_gits(service: Service, store: Store) -> None:
    service.rename(service.create("1", name="a").id, "b")
    store.index.peek(lambda index: index.execute("UPDATE changes SET name = 'c'"))
    store.index.peek(lambda index: index.execute("UPDATE commits SET version = version + 1"))
    told = list(checker.differences(store))
    assert any("the change" in line for line in told) and any("the commit" in line for line in told)


def test_who_waits_is_answered_when_something_comes(service: Service, store: Store, feed: Feed) -> None:
    """What does nothing to prompts does not end the wait, and is not looked at again."""
    prompt = service.create("1", name="a")
    found: list[Any] = []
    waiter = threading.Thread(target=lambda: found.append(feed.wait(prompt.newest.commit, 10, 60)))
    waiter.start()
    foreign_commit(store.repository.path, {"elsewhere": b"x"})
    saved = service.save(prompt.id, "2")
    waiter.join(30)
    assert [change.commit for change in found[0].changes] == [saved.newest.commit] == [found[0].last]


def test_only_some_threads_wait(service: Service, feed: Feed) -> None:
    """The others are answered at once, so that there is always one for other requests."""
    main = feed.page(None, 1).last
    waiters = [threading.Thread(target=feed.wait, args=(main, 1, 60)) for _ in range(2)]
    for waiter in waiters:
        waiter.start()
    wait_for(lambda: feed.waiting == 2)
    start = time.monotonic()
    assert feed.wait(main, 1, 60).changes == []
    assert time.monotonic() - start < 30
    service.create("1", name="a")  # ends the wait
    for waiter in waiters:
        waiter.join(30)
        assert not waiter.is_alive()


def test_a_worker_of_one_thread_waits_never(store: Store) -> None:
    assert Feed(store, waiters=0).wait(None, 1, 3_600).changes == []


def test_a_wait_ends_after_its_time(store: Store, feed: Feed) -> None:
    """And its place is free again."""
    for _ in range(3):
        assert feed.wait(store.repository.main(), 1, 0.01).changes == []


def test_a_history_that_is_rewritten_ends_the_wait(service: Service, store: Store, feed: Feed) -> None:
    first = store.repository.main()
    lost = service.create("1", name="a").newest.commit
    found: list[Exception] = []

    def wait() -> None:
        try:
            feed.wait(lost, 1, 60)
        except CommitNotFound as error:
            found.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    foreign_commit(store.repository.path, {"elsewhere": b"x"}, parent=first)
    waiter.join(30)
    assert found


def test_clients_that_wait_have_no_threads(tmp_path: Path) -> None:
    """Many more wait than there are threads, and others are answered meanwhile; all are told what came."""
    with Server(tmp_path / "data", "--workers", "1", "--threads", "1") as server, ExitStack() as stack:
        after = Http(server.url)("GET", "/api/changes").headers["X-Last-Commit"]
        address = urlsplit(server.url)
        clients = [stack.enter_context(socket.create_connection((address.hostname, address.port))) for _ in range(50)]
        for client in clients:
            head = f"GET /api/changes?after={after}&wait=30 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            client.sendall(head.encode())
        assert Http(server.url)("GET", "/api/prompts").json == []
        commit = Http(server.url)("POST", "/api/prompts", {"content": "x", "name": "a"}).json["commit"]
        for client in clients:
            assert commit.encode() in client.makefile("rb").read()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP])
def test_a_stop_ends_the_wait_at_once(tmp_path: Path, ending: signal.Signals) -> None:
    with Server(tmp_path / "data", "--workers", "1") as server:
        after = Http(server.url)("GET", "/api/changes").headers["X-Last-Commit"]
        answers: list[tuple[Answer, float]] = []

        def wait() -> None:
            start = time.monotonic()
            answer = Http(server.url)("GET", f"/api/changes?after={after}&wait=30")
            answers.append((answer, time.monotonic() - start))

        waiter = threading.Thread(target=wait)
        waiter.start()
        wait_for(lambda: _waits(server))
        os.kill(server.process.pid, ending)
        waiter.join(60)
        answer, seconds = answers[0]
        assert (answer.status, answer.json, answer.headers["X-Last-Commit"]) == (200, [], after)
        assert seconds < 25


def _waits(server: Server) -> bool:
    """Whether a connection beside ours is established, seen from the server's port (proc(5))."""
    port = int(server.url.rpartition(":")[2])
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(line[1].endswith(f":{port:04X}") and line[3] == "01" for line in lines)


def test_without_a_server_the_feed_is_there_too(app: Flask) -> None:
    assert isinstance(app.extensions["promptgit.feed"], Feed)


def test_whole_commits_are_told_in_order(client: FlaskClient, repository: Path) -> None:
    """With `group=commit`: each once, with all that it did."""
    everything(client)
    foreign_commit(repository, {"prompts/a.md": b"1", "prompts/b.md": b"2", "elsewhere": b"x"}, message="Two")
    foreign_commit(repository, {"elsewhere": b"y"})
    changes = client.get("/api/changes").json
    commits: Any = client.get("/api/changes?group=commit").json
    assert [change for commit in commits for change in commit["changes"]] == changes
    assert [commit["commit"] for commit in commits] == list(dict.fromkeys(change["commit"] for change in changes))
    assert {commit["type"] for commit in commits} == {"commit"}
    last = commits[-1]
    assert (last["description"], last["change_count"], told(last["changes"])) == (
        "Two",
        2,
        [("version", "a", 1), ("version", "b", 1)],
    )
    assert (last["timestamp"], last["author"]) == (changes[-1]["timestamp"], changes[-1]["author"])


@pytest.mark.parametrize("limit", [1, 2, 6, 7, 8])
def test_pages_of_commits_join(client: FlaskClient, repository: Path, limit: int) -> None:
    """`limit` counts commits."""
    everything(client)
    foreign_commit(repository, {"elsewhere": b"x"})
    whole = client.get("/api/changes?group=commit").json
    assert len(whole) == 7
    path = f"/api/changes?group=commit&limit={limit}"
    joined: list[Any] = []
    while path:
        answer = client.get(path)
        assert 0 < len(answer.json) <= limit
        joined += answer.json
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert joined == whole
    assert answer.headers["X-Last-Commit"] == git_text(repository, "rev-parse", "main")


def test_a_commit_of_very_many_changes_is_cut(client: FlaskClient, repository: Path) -> None:
    """It says how many there are; one by one, all of them are told."""
    foreign_commit(repository, {f"prompts/{number}.md": b"x" for number in range(1_001)})
    (commit,) = cast("Any", client.get("/api/changes?group=commit").json)
    assert (len(commit["changes"]), commit["change_count"]) == (1_000, 1_001)
    assert len(client.get("/api/changes?limit=1").json) == 1_001
