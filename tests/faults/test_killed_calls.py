"""A server is killed at each system call of a write: the write is made or is not, and sent again it is made once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import LONG, attempts
from tests.faults.checker import check
from tests.faults.tracing import Call, traced, worker_of
from tests.faults.writers import KINDS, Client, gate
from tests.support import Server, command, git_text

pytestmark = pytest.mark.slow

CALLS = "openat,mkdir,link,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,flock"
"""The calls that change files, names or locks, or answer: all kills between two of them leave the same."""
_PATIENCE_SECONDS = 600  # strace stops a process at each of its calls, and a busy machine goes on late
TRIED = attempts(1, 3, 1_000)
"""At how many calls of each kind of write the server is killed, at most."""


@pytest.mark.parametrize("kind", KINDS if LONG else ["several"])
def test_a_server_killed_at_a_system_call_has_made_the_write_or_has_not(
    kind: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """The calls are counted, then the server is killed at each.

    A look at what is left, a start, the same request with its key: the write is then made once.
    """
    folder = tmp_path / "data"
    with Server(folder, "--workers", "1") as server:
        client = Client(server.url, kind, _PATIENCE_SECONDS)
        gate(folder / "prompts.git")
        points = _points(_traced(server, client, kind), worker_of(server))
        server.kill()
    assert len(points) > 40
    kills = made = 0
    chosen = points if len(points) <= TRIED else random.Random(kind).sample(points, TRIED)
    for name, at, answers in (*chosen, ("fsync", 1_000, False)):  # so many no write makes: the last one is made
        commits = check(folder / "prompts.git", client.known)
        with Server(folder, "--workers", "1") as server:
            client.move(server.url)
            if client.is_unknown:  # else the write made fewer calls than that of which the calls were counted
                kills += 1
                answer = client.again()
                assert answer is not None and answer.status < 300, answer
                made += _commits(folder) == commits
            _traced(server, client, kind, f"{name}:signal=KILL:when={at}", answers=answers)
            server.kill()
    assert not client.is_unknown and not client.known.refused
    assert 2 * kills > len(chosen)
    check(folder / "prompts.git", client.known)
    checked = command("check", "--data", str(folder))
    assert checked.returncode == 0, checked.stdout
    record_property("kills", kills)
    record_property("writes had been made by then, 0 lost, 0 doubled", made)


def _commits(folder: Path) -> int:
    return int(git_text(folder / "prompts.git", "rev-list", "--count", "--first-parent", "main"))


def _traced(server: Server, client: Client, kind: str, *rules: str, answers: bool | None = None) -> list[Call]:
    """Make a write under strace; what a new worker does once has been done before.

    The calls are those of the thread that answers, of the others (False), or of all (None).
    """
    prepare, write = KINDS[kind]
    client.create()
    for one in (*prepare, write, *prepare):
        answer = one(client)
        assert answer is not None and answer.status < 300, (one, answer)
    worker = worker_of(server)
    others = [int(task.name) for task in Path(f"/proc/{worker}/task").iterdir() if task.name != str(worker)]
    threads = [worker] if answers else others if answers is False else []
    with traced(worker, CALLS, *rules, threads=threads) as calls:
        write(client)
    return calls


def _points(calls: list[Call], worker: int) -> list[tuple[str, int, bool]]:
    """The names of the calls, their places among those of the name in their thread, and whether that one answers."""
    seen: Counter[tuple[int, str]] = Counter()
    points: dict[tuple[str, int, bool], None] = {}
    for call in calls:
        seen[call.thread, call.name] += 1
        if call.name != "openat" or "O_CREAT" in call.arguments:
            points[call.name, seen[call.thread, call.name], call.thread == worker] = None
    return list(points)
