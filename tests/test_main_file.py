"""How `main` takes another commit: under git's lock, beside git and after killed processes."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from promptgit.service import Service
from promptgit.store import main_file
from promptgit.store.main_file import MainFile
from promptgit.store.store import Store
from tests.support import foreign_commit, git, git_text


def test_a_lock_that_a_killed_process_left_is_swept(service: Service, repository: Path) -> None:
    (repository / "refs" / "heads" / "main.lock").write_text("")
    assert service.create("x", name="a").newest.number == 1
    assert not (repository / "refs" / "heads" / "main.lock").exists()


def test_a_lock_that_a_killed_process_of_ours_left_is_not_waited_for(
    service: Service, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = service.create("0", name="a")
    lock = repository / "refs" / "heads" / "main.lock"
    lock.hardlink_to(repository / "promptgit-main")
    monkeypatch.setattr(
        main_file, "_LOCK_SECONDS", 0.5
    )  # less than before a lock is swept: whoever finds a lock of another gives up
    assert service.save(prompt.id, "1").newest.number == 2
    assert not lock.exists()


def test_a_live_lock_of_git_is_waited_for(service: Service, repository: Path) -> None:
    """An administrator's transaction on the ref finishes first."""
    transaction = subprocess.Popen(
        ["git", "-C", str(repository), "update-ref", "--stdin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert transaction.stdin
    assert transaction.stdout
    transaction.stdin.write("start\nupdate refs/heads/main HEAD\nprepare\n")
    transaction.stdin.flush()
    assert transaction.stdout.readline() == "start: ok\n"
    assert transaction.stdout.readline() == "prepare: ok\n"
    assert (repository / "refs" / "heads" / "main.lock").exists()
    writing = threading.Thread(target=lambda: service.create("x", name="a"))
    writing.start()
    writing.join(0.1)
    assert writing.is_alive()
    transaction.communicate("commit\n")
    writing.join()
    assert [prompt.name for prompt in service.list(limit=9)] == ["a"]


def test_main_among_packed_refs_is_moved_all_the_same(service: Service, repository: Path) -> None:
    prompt = service.create("0", name="a")
    git(repository, "pack-refs", "--all")
    assert not (repository / "refs" / "heads" / "main").exists()
    assert service.save(prompt.id, "1").newest.number == 2
    assert git_text(repository, "rev-list", "--count", "main") == "3"


def test_an_error_after_main_has_moved_is_no_error(
    store: Store, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last fsync of a folder can fail when all is done: the ref is read again."""
    move = MainFile.move

    def moved_but_failed(self: MainFile, expect_old: Callable[[], None]) -> None:
        move(self, expect_old)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(MainFile, "move", moved_but_failed)
    assert service.create("x", name="a").newest.number == 1


def test_who_moved_main_last_is_seen(store: Store, service: Service, repository: Path) -> None:
    prompt = service.create("0", name="a")
    assert store.repository.is_as_left()
    foreign_commit(repository, {"prompts/a.md": b"1"})
    assert not store.repository.is_as_left()
    service.save(prompt.id, "2")
    assert store.repository.is_as_left()
    git(repository, "pack-refs", "--all")
    assert not store.repository.is_as_left()
