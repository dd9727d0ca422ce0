"""Locks of `main`: what a dead process has left is removed by the next write, what a living one holds is respected."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from tests.faults import FULL, LONG, attempts
from tests.faults.checker import check
from tests.faults.load import Load
from tests.faults.writers import Client
from tests.support import Http, Server, command, environment, git_text

HOLDS = attempts(1, 2, 10)
SECONDS = 20 if FULL else 0
"""How long git holds the lock at least; in the other forms until two writes were refused."""
TIMEOUT = 10 if FULL else 0.2
LEFT = [
    *("refs/heads/main.lock", "HEAD.lock", "packed-refs.lock", "config.lock", "gc.pid"),
    *("objects/maintenance.lock", "objects/pack/multi-pack-index.lock", "objects/info/commit-graph.lock"),
    *("objects/info/commit-graphs/commit-graph-chain.lock", "promptgit-fetch.lock", "promptgit-upkeep"),
    *("../write.lock", "../index.lock", "../access.lock", "../usage.lock", "../tokens.lock"),
]
"""Files by which git and promptgit lock something in the repository, or in the folder."""
INITIAL_NAMESPACE = 0xEFFFFFFC  # see promptgit/store/git/orphans.py
SEES_ALL = Path("/proc/self/ns/pid").exists() and os.stat("/proc/self/ns/pid").st_ino == INITIAL_NAMESPACE


def leave_locked(path: Path) -> None:
    """Have a process lock a file as git (by its being there) and as promptgit (flock(2)), and kill it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["flock", "--close", path, "sh", "-c", "echo; read line"], stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()


@pytest.mark.parametrize(
    "age", ["of the last boot", "of now"] if LONG else ["of now" if SEES_ALL else "of the last boot"]
)
def test_what_a_dead_process_has_left_keeps_no_write_waiting(
    age: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """All locks at once, in the longer forms each alone before; a write that waited for a second would be refused."""
    if age == "of now" and not SEES_ALL:
        pytest.skip("the machine's processes cannot all be seen from here")
    with Server(tmp_path / "data", "--workers", "1", PROMPTGIT_LOCK_TIMEOUT="1") as server:
        repository, client = server.folder / "prompts.git", Client(server.url, "a")
        client.create()
        slowest = 0.0
        tries = [[one] for one in LEFT] * attempts(0, 2, 20)
        for left in [*tries, LEFT]:
            for name in left:
                leave_locked(repository / name)
                if age == "of the last boot":
                    os.utime(repository / name, (1, 1))
            client.connect()
            start = time.monotonic()
            answer = client.save()
            slowest = max(slowest, time.monotonic() - start)
            assert answer is not None and answer.status == 200, (left, answer.body if answer else "")
            assert not (repository / "refs/heads/main.lock").exists()
        assert not (repository / "HEAD.lock").exists()  # with that of main
        assert command("upkeep", "--data", str(server.folder)).returncode == 0
        for name in ("packed-refs.lock", "config.lock", "gc.pid", "objects/info/commit-graph.lock"):
            (repository / name).unlink(missing_ok=True)  # git's own affair
        check(repository, client.known)
    record_property(f"locks {age}", len(tries) + len(LEFT))
    record_property("ms for the slowest write", round(slowest * 1000))


@contextmanager
def transaction(repository: Path, old: str, new: str) -> Iterator[Callable[[], bool]]:
    """A prepared transaction of `git update-ref --stdin`; what is given ends it; true: git says so."""
    command = ["git", "-C", str(repository), "update-ref", "--stdin"]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment()) as child:
        assert child.stdin and child.stdout
        child.stdin.write(f"start\nupdate refs/heads/main {new} {old}\nprepare\n")
        child.stdin.flush()
        assert [child.stdout.readline(), child.stdout.readline()] == ["start: ok\n", "prepare: ok\n"]
        yield lambda: child.communicate("commit\n")[0] == "commit: ok\n" and child.returncode == 0


@contextmanager
def hook(repository: Path, old: str, new: str) -> Iterator[Callable[[], bool]]:
    """The same for a `git update-ref` whose hook `reference-transaction` takes its time (githooks(5))."""
    there, go = repository / "hook-is-there", repository / "hook-may-go"
    for pipe in (there, go):
        pipe.unlink(missing_ok=True)
        os.mkfifo(pipe)
    script = repository / "hooks" / "reference-transaction"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\n[ "$1" = prepared ] || exit 0\necho > {there}\nread line < {go}\n')
    script.chmod(0o755)
    with subprocess.Popen(
        ["git", "-C", str(repository), "update-ref", "refs/heads/main", new, old], env=environment()
    ) as child:
        there.read_text()

        def end() -> bool:
            go.write_text("\n")
            return child.wait() == 0

        yield end
    script.unlink()


@pytest.mark.parametrize("holding", [transaction, hook])
def test_neither_side_loses_what_it_was_told_has_succeeded(
    holding: Callable[[Path, str, str], AbstractContextManager[Callable[[], bool]]],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Writers go on: while git holds its lock they are refused and reads are answered; then both are on `main`."""
    folder = tmp_path / "data"
    repository, git_said = folder / "prompts.git", []
    with Server(folder, "--workers", "1", PROMPTGIT_LOCK_TIMEOUT=str(TIMEOUT)) as server:
        http, reads = Http(server.url), 0
        with Load([server.url]) as load:
            load.until(4)
            for hold in range(1, HOLDS + 1):
                with ExitStack() as held:
                    with FileLock(folder / "write.lock", poll_interval=0.001):  # so that `main` stands still
                        old = git_text(repository, "rev-parse", "main")
                        tree = git_text(repository, "rev-parse", "main^{tree}")
                        new = git_text(repository, "commit-tree", "-p", old, "-m", f"hold {hold}", tree)
                        end = held.enter_context(holding(repository, old, new))
                    until, refused = time.monotonic() + SECONDS, len(load.known().refused)
                    while time.monotonic() < until or len(load.known().refused) < refused + 2:
                        assert http("GET", "/api/prompts?limit=1").status == 200
                        assert git_text(repository, "rev-parse", "main") == old
                        reads += 1
                    assert end()
                    git_said.append(new)
                load.until(len(load.known().versions) + 4)
    known = load.known()
    assert {answer.json["code"] for answer in known.refused} <= {"main_locked", "write_lock_timeout"}
    assert all(answer.status == 503 and answer.headers["Retry-After"] for answer in known.refused)
    assert {*git_said} <= {*git_text(repository, "rev-list", "--first-parent", "main").split()}
    check(repository, known)
    record_property("holds by git, none lost", len(git_said))
    record_property("writes acknowledged, none lost", load.acknowledged)
    record_property("writes refused meanwhile, none made", len(known.not_made))
    record_property("reads meanwhile", reads)
