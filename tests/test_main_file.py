"""How `main` takes another commit: under git's lock, beside git and after killed processes."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from promptgit.domain.models import Author
from promptgit.errors import MainLocked, OutcomeUnknown
from promptgit.service.service import Service
from promptgit.store.git.refs import MainFile
from promptgit.store.store import Store
from tests.support import environment, git, git_text

INITIAL_NAMESPACE = 0xEFFFFFFC  # see promptgit/store/git/orphans.py


@pytest.fixture
def lock(repository: Path) -> Path:
    """Git's lock of `main`."""
    return repository / "refs" / "heads" / "main.lock"


@pytest.fixture
def hurried(store: Store) -> Service:
    """A service on the folder of `store` that waits for no lock."""
    return Service(Store(store.folder, lock_timeout=0), max_content=1 << 20)


@contextmanager
def transaction(repository: Path, *options: str, where: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A transaction of git that is prepared: it holds the lock, and is told on its input how to end.

    *options* are those of `git update-ref`; *where* is another folder that git takes for this repository.
    """
    with subprocess.Popen(
        ["git", "-C", str(where or repository), "update-ref", *options, "--stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as child:
        assert child.stdin and child.stdout
        child.stdin.write("start\nupdate refs/heads/main HEAD\nprepare\n")
        child.stdin.flush()
        assert [child.stdout.readline(), child.stdout.readline()] == ["start: ok\n", "prepare: ok\n"]
        yield child


# Locks of the dead


def test_a_lock_of_a_killed_process_of_ours_is_not_waited_for(hurried: Service, repository: Path, lock: Path) -> None:
    prompt = hurried.create("0", name="a")
    lock.hardlink_to(repository / "promptgit-main")
    assert hurried.save(prompt.id, "1").newest.number == 2
    assert not lock.exists()


def test_the_start_removes_what_a_killed_process_of_ours_has_locked(
    store: Store, service: Service, repository: Path, lock: Path
) -> None:
    """An administrator's git is not held up until the next save."""
    service.create("0", name="a")
    lock.hardlink_to(repository / "promptgit-main")
    Store(store.folder, lock_timeout=0).open()
    assert not lock.exists()


def test_the_start_removes_the_lock_of_head_that_a_killed_git_has_left(store: Store, repository: Path) -> None:
    """Every administrator's push would fail, and no write of ours ever meets it."""
    lock = repository / "HEAD.lock"
    lock.write_text("")
    os.utime(lock, (1, 1))  # from before the last boot
    Store(store.folder, lock_timeout=0).open()
    assert not lock.exists()
    git(repository, "update-ref", "refs/heads/main", "main^0")


def test_the_start_leaves_the_lock_of_head_that_a_living_git_holds(store: Store, repository: Path) -> None:
    lock = repository / "HEAD.lock"
    with transaction(repository):
        lock.touch()
        os.utime(lock, (1, 1))
        Store(store.folder, lock_timeout=0).open()
        assert lock.exists()
    lock.unlink(missing_ok=True)


def test_a_write_that_removes_the_lock_of_a_killed_git_removes_that_of_head_as_well(
    hurried: Service, repository: Path, lock: Path
) -> None:
    both = [lock, repository / "HEAD.lock"]
    for one in both:
        one.write_text("")
        os.utime(one, (1, 1))
    assert hurried.create("x", name="a").newest.number == 1
    assert [one.exists() for one in both] == [False, False]


def test_a_lock_from_before_the_last_boot_is_not_waited_for(hurried: Service, lock: Path) -> None:
    lock.write_text("")
    os.utime(lock, (1, 1))
    assert hurried.create("x", name="a").newest.number == 1
    assert not lock.exists()


@pytest.mark.skipif(
    not Path("/proc/self/ns/pid").exists() or os.stat("/proc/self/ns/pid").st_ino != INITIAL_NAMESPACE,
    reason="the machine's processes cannot all be seen from here",
)
@pytest.mark.parametrize("age", [0, 86_400])
def test_a_lock_of_a_killed_git_is_not_waited_for(hurried: Service, repository: Path, lock: Path, age: int) -> None:
    with transaction(repository) as child:
        child.kill()
    assert lock.exists()
    os.utime(lock, (time.time() - age,) * 2)
    assert hurried.create("x", name="a").newest.number == 1
    assert not lock.exists()


# Locks of the living


def test_a_live_lock_of_git_is_waited_for(service: Service, repository: Path) -> None:
    """An administrator's transaction on the ref finishes first."""
    with transaction(repository) as child:
        writing = threading.Thread(target=lambda: service.create("x", name="a"))
        writing.start()
        writing.join(0.1)
        assert writing.is_alive()
        child.communicate("commit\n")
    writing.join()
    assert [prompt.name for prompt in service.list(limit=9)] == ["a"]


@pytest.mark.parametrize("age", [0, 86_400])
def test_a_live_lock_of_git_is_never_removed(hurried: Service, repository: Path, lock: Path, age: int) -> None:
    """Its transaction may be as old as it likes: what git calls committed is on `main` afterwards."""
    tip = git_text(repository, "commit-tree", "-p", "main", "-m", "By hand", "main^{tree}")
    with subprocess.Popen(
        ["git", "-C", str(repository), "update-ref", "--stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as child:
        assert child.stdin and child.stdout
        child.stdin.write(f"start\nupdate refs/heads/main {tip}\nprepare\n")
        child.stdin.flush()
        assert [child.stdout.readline(), child.stdout.readline()] == ["start: ok\n", "prepare: ok\n"]
        if age:
            # As old as if it had been made a moment after its process began.
            os.utime(lock, (time.time() + 1,) * 2)
        with pytest.raises(MainLocked, match=r"main\.lock"):
            hurried.create("x", name="a")
        assert lock.exists()
        said, _ = child.communicate("commit\n")
        assert said == "commit: ok\n"
    assert git_text(repository, "rev-parse", "main") == tip
    assert hurried.create("x", name="a").newest.number == 1


@pytest.mark.parametrize("age", [0, 1 << 30])
@pytest.mark.parametrize("way", ["as itself", "with a message", "in a worktree", "by another name"])
def test_a_git_that_works_in_the_repository_is_recognized(
    hurried: Service, repository: Path, lock: Path, tmp_path: Path, way: str, age: int
) -> None:
    """Wherever it stands, whatever words it is given, and though the clock has been set forward since."""
    options: list[str] = []
    where: Path | None = None
    if way == "with a message":
        options = ["-m", "log"]  # which is also the name of a command that locks nothing
    elif way == "in a worktree":
        where = tmp_path / "elsewhere"
        git(repository, "worktree", "add", "-q", str(where), "main")
    elif way == "by another name":
        where = tmp_path / "alias"
        where.mkdir()
        (where / ".git").symlink_to(repository)
    with transaction(repository, *options, where=where) as child:
        os.utime(lock, (time.time() - age,) * 2)
        with pytest.raises(MainLocked):
            hurried.create("x", name="a")
        assert child.communicate("commit\n")[0] == "commit: ok\n"
    assert hurried.create("x", name="a").newest.number == 1


def test_others_are_served_while_a_lock_is_waited_for(service: Service, repository: Path) -> None:
    """A search brings its own table up to date, which takes the index's one place for who writes."""
    service.create("x", name="a")
    with transaction(repository) as child:
        writing = threading.Thread(target=lambda: service.create("x", name="b"))
        writing.start()
        writing.join(0.1)
        assert [prompt.name for prompt in service.list(q="x", limit=9)] == ["a"]
        child.communicate("abort\n")
    writing.join()
    assert [prompt.name for prompt in service.list(q="x", limit=9)] == ["a", "b"]


def test_a_hook_of_git_may_hold_the_lock(hurried: Service, repository: Path, tmp_path: Path, lock: Path) -> None:
    """`reference-transaction` runs while the lock is held (githooks(5))."""
    go, there = tmp_path / "go", tmp_path / "there"
    os.mkfifo(go)
    os.mkfifo(there)
    hook = repository / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\n[ "$1" = prepared ] || exit 0\necho > {there}\nread line < {go}\n')
    hook.chmod(0o755)
    tip = git_text(repository, "commit-tree", "-p", "main", "-m", "By hand", "main^{tree}")
    with subprocess.Popen(["git", f"--git-dir={repository}", "update-ref", "refs/heads/main", tip], env=environment()):
        there.read_text()
        with pytest.raises(MainLocked):
            hurried.create("x", name="a")
        go.write_text("\n")
    assert git_text(repository, "rev-parse", "main") == tip


# The log


@pytest.mark.parametrize("setting", ["true", "always"])
def test_moves_are_logged_where_git_would_log_them(service: Service, repository: Path, setting: str) -> None:
    git(repository, "config", "core.logAllRefUpdates", setting)
    prompt = service.create("0", name="a")
    before = git_text(repository, "rev-parse", "main")
    service.save(prompt.id, "1")
    for ref in ("main", "HEAD"):
        log = git_text(repository, "reflog", "show", "--format=%H %gn %gs", ref).splitlines()
        assert log[:2] == [
            f"{git_text(repository, 'rev-parse', 'main')} promptgit promptgit: write",
            f"{before} promptgit promptgit: write",
        ]
    assert git_text(repository, "rev-parse", "main@{1}") == before


def test_a_log_that_is_there_goes_on(service: Service, repository: Path) -> None:
    """As git has it, whatever the setting says now."""
    prompt = service.create("0", name="a")
    (repository / "logs" / "refs" / "heads").mkdir(parents=True)
    (repository / "logs" / "refs" / "heads" / "main").touch()
    service.save(prompt.id, "1")
    assert len(git_text(repository, "reflog", "show", "main").splitlines()) == 1
    assert not (repository / "logs" / "HEAD").exists()


def test_a_head_that_is_elsewhere_is_not_logged(service: Service, repository: Path) -> None:
    """HEAD has a log of its own, in which a move of `main` is noted only if HEAD points at it."""
    git(repository, "config", "core.logAllRefUpdates", "true")
    prompt = service.create("0", name="a")
    git(repository, "symbolic-ref", "HEAD", "refs/heads/other")
    before = git_text(repository, "rev-parse", "main")
    service.save(prompt.id, "1")
    assert git_text(repository, "rev-parse", "main@{1}") == before
    assert (repository / "logs" / "HEAD").read_text().splitlines()[-1].split()[1] == before  # it has what came before


def test_nothing_is_logged_unless_it_is_asked_for(service: Service, repository: Path) -> None:
    service.create("0", name="a")
    assert not (repository / "logs").exists()


# Where `main` is


def test_a_failed_move_is_unknown_where_main_cannot_be_read(tmp_path: Path) -> None:
    """A disk that fails twice leaves nobody sure that nothing was written."""
    (tmp_path / "refs" / "heads" / "main").mkdir(parents=True)  # no file takes a folder's place
    (tmp_path / "promptgit-main").touch()
    known = ["1" * 40]

    def read() -> str:
        if not known:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return known.pop()

    with pytest.raises(OutcomeUnknown):
        MainFile(tmp_path, read, lambda: False, 0).move("1" * 40, "2" * 40, Author("a", "a@example.org"), 0)
    assert not (tmp_path / "refs" / "heads" / "main.lock").exists()


def test_main_among_packed_refs_is_moved_all_the_same(service: Service, repository: Path) -> None:
    prompt = service.create("0", name="a")
    git(repository, "pack-refs", "--all")
    assert not (repository / "refs" / "heads" / "main").exists()
    assert service.save(prompt.id, "1").newest.number == 2
    assert git_text(repository, "rev-list", "--count", "main") == "3"
