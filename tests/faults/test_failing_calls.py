"""System calls of a write fail: the client is told, nothing is acknowledged that is not there, and all goes on."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from promptgit.auth.tokens import Scope, Tokens
from tests.faults import FULL, LONG, attempts
from tests.faults.checker import check
from tests.faults.tracing import Call, traced, worker_of
from tests.faults.writers import KINDS, Client, gate
from tests.support import Answer, Http, Server, command, git_text, wait_for

CALLS = "openat,write,pwrite64,ftruncate,fsync,fdatasync,link,rename,unlink,flock,statfs"
ERRORS = {"openat": ("EIO", "EMFILE", "ENOSPC")} | dict.fromkeys(
    ("write", "pwrite64", "fsync", "fdatasync", "link", "rename"), ("EIO", "ENOSPC")
)
TRIED = attempts(2, 4, 1_000)
"""How many calls of each kind of write are let fail, at most: in the full form all."""
TOLD = [(503, "storage_failed"), (507, "storage_full")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of one worker, one process to trace, with few threads."""
    with Server(tmp_path_factory.mktemp("failing") / "data", "--workers", "1", "--threads", "1") as server:
        yield server


def client_of(server: Server, name: str) -> Client:
    """A client that has made every kind of write, and now has a new prompt."""
    gate(server.folder / "prompts.git")
    client = Client(server.url, name)
    warm(client, server)
    made(client.create(), server)
    return client


def warm(client: Client, server: Server) -> None:
    """Make every kind of write: what a worker opens and imports once is opened and imported."""
    for _ in range(2):
        for prepare, write in KINDS.values():
            for one in (Client.create, *prepare, write):
                made(one(client), server)


def made(answer: Answer | None, server: Server) -> None:
    """Raise unless a write was acknowledged."""
    assert answer is not None and answer.status < 300, (answer, server.raw_log[-4_000:])


def watched(client: Client, server: Server) -> tuple[int, set[int]]:
    """The worker, and its threads that move `main`."""
    warm(client, server)
    worker = worker_of(server)
    with traced(worker, "rename") as calls:
        warm(client, server)
    return worker, movers_of(calls)


def movers_of(calls: list[Call]) -> set[int]:
    """The threads that have moved `main`."""
    return {call.thread for call in calls if (call.name, call.arguments[-17:]) == ("rename", '/refs/heads/main"')}


def points_of(calls: list[Call], folder: Path) -> list[tuple[str, int]]:
    """The calls on files of *folder* of the thread that moves `main`: names, and places among those of the name.

    Not those that free a lock: no local file system has an error for that (flock(2)).
    """
    (thread,) = movers_of(calls)
    seen: Counter[str] = Counter()
    points = []
    for call in calls:
        if call.thread == thread:
            seen[call.name] += 1
            if str(folder) in call.arguments and "LOCK_UN" not in call.arguments:
                points.append((call.name, seen[call.name]))
    return points


def assert_refused_or_made(answer: Answer | None) -> None:
    """A success, or a problem document that promises that nothing was written."""
    assert answer is not None
    if answer.status >= 300:
        assert (answer.status, answer.json["code"]) in TOLD, answer
        assert "Nothing was written" in answer.json["detail"]
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.status == 507 or answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("rule", "file", "code"),
    [
        ("openat:error=ENOSPC", "write.lock", "storage_full"),
        ("openat:error=EIO", "write.lock", "storage_failed"),
        ("openat:error=EMFILE", "prompts.git/objects/pack", "storage_failed"),
        ("openat:error=EMFILE", "prompts.git/refs/heads", "storage_failed"),
        ("write:error=EIO", "prompts.git/tmp_promptgit_promptgit-main_", "storage_failed"),
        ("write:error=ENOSPC", "prompts.git/tmp_promptgit_promptgit-main_", "storage_full"),
    ],
)
def test_a_file_or_folder_that_fails_is_told_for_every_kind_of_write(
    server: Server, rule: str, file: str, code: str
) -> None:
    """As long as it fails, each write is refused."""
    client, path = client_of(server, re.sub(r"\W", " ", f"{rule} {file}")), server.folder / file
    client.save()
    before = git_text(server.folder / "prompts.git", "rev-parse", "main")
    with traced(worker_of(server), "openat,write", rule, paths=[path]) as calls:
        for write in (Client.save, Client.rename, Client.label, Client.revert, Client.delete, Client.create):
            answer = write(client)
            assert_refused_or_made(answer)
            assert answer is not None and answer.json["code"] == code
    assert sum(call.was_injected for call in calls) == 6
    assert git_text(server.folder / "prompts.git", "rev-parse", "main") == before
    again = [client.create(), client.save(), client.revert(), client.delete()]
    assert [answer.status for answer in again if answer] == [201, 200, 200, 204]
    check(server.folder / "prompts.git", client.known)


def test_a_token_that_cannot_be_kept_is_not_given(tmp_path: Path) -> None:
    """Where its file is written but the folder's fsync fails, it cannot be said whether it will last."""
    with Server(tmp_path / "data", "--workers", "1") as server:
        http, body = Http(server.url), {"name": "ada", "scope": "read"}
        root = {"Authorization": f"Bearer {Tokens(server.folder).create('root', Scope.ADMIN)[1]}"}
        assert http("GET", "/api/tokens", headers=root).status == 200
        worker = worker_of(server)
        for rule, path, code in [
            ("openat:error=EMFILE", server.folder / "tokens.lock", "storage_failed"),
            ("fsync:error=EIO", server.folder / "tmp_promptgit_tokens.json_", "storage_failed"),
            ("rename:error=ENOSPC", server.folder / "tmp_promptgit_tokens.json_", "storage_full"),
        ]:
            with traced(worker, "openat,fsync,rename", rule, paths=[path]):
                answer = http("POST", "/api/tokens", body, root)
            assert_refused_or_made(answer)
            assert (answer.json["code"], len(Tokens(server.folder).all())) == (code, 1)
        with traced(worker, "fsync", "fsync:error=EIO", paths=[server.folder]):
            answer = http("POST", "/api/tokens", body, root)
        assert (answer.status, answer.json["code"], len(Tokens(server.folder).all())) == (503, "outcome_unknown", 2)


@pytest.mark.parametrize("kind", KINDS if LONG else ["several"])
def test_whatever_fails_is_told_and_nothing_is_acknowledged_that_is_not_there(
    server: Server, kind: str, record_property: Callable[[str, object], None]
) -> None:
    """Each call of a write in turn: reads go on, and the write is made when it is sent again.

    Until `main` has moved nothing is written; what fails after that is made, or its outcome is unknown.
    """
    client, told = client_of(server, kind), Counter[str]()
    worker, movers = watched(client, server)
    prepare, write = KINDS[kind]
    for one in (Client.create, *prepare):
        made(one(client), server)
    with traced(worker, CALLS) as calls:
        write(client)
    points = points_of(calls, server.folder)
    tries = [f"{name}:error={error}:when={at}" for name, at in points for error in ERRORS.get(name, ("EIO",))]
    assert len(points) > 20
    for rule in random.Random(kind).sample(tries, min(TRIED, len(tries))):
        for one in (Client.create, *prepare):
            made(one(client), server)
        with traced(worker, CALLS, rule, threads=movers) as calls:
            answer = write(client)
        if any(call.was_injected and str(server.folder) in call.arguments for call in calls):
            assert answer is not None, rule
            told["acknowledged" if answer.status < 300 else answer.json["code"]] += 1
            if not client.is_unknown:
                assert_refused_or_made(answer)
                lately = git_text(server.folder / "prompts.git", "log", "-n9", "--first-parent", "--format=%s", "main")
                assert not {*client.known.not_made} & {*lately.split()}, "it was refused, and is there"
            elif (answer.status, answer.json["code"]) != (503, "outcome_unknown"):
                raise AssertionError(f"{rule} was answered {answer}")
        elif answer is None:  # it hit what wakes the thread that answers, and another worker has taken over
            wait_for(client.again)
            worker, movers = watched(client, server)
        if client.prompt and not client.is_unknown and client.state.content is not None:
            read = Http(server.url)("GET", f"/api/prompts/{client.prompt}")
            assert (read.status, read.json["content"]) == (200, client.state.content.decode())
        if answer is not None and answer.status >= 300:
            made(client.again(), server)
    assert told.total() >= len(tries) // 2 or not FULL
    check(server.folder / "prompts.git", client.known)
    assert not LONG or command("check", "--data", str(server.folder)).returncode == 0
    for word, times in sorted(told.items()):
        record_property(f"failed calls: {word}", times)
