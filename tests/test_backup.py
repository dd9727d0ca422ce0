"""`promptgit backup`, as its own process beside a running server."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from promptgit.errors import BackupRefused
from promptgit.exchange.backup import back_up
from promptgit.store.git.repository import Repository
from promptgit.store.store import Store
from tests.support import (
    PROMPTGIT,
    Http,
    Server,
    assert_sound,
    command,
    environment,
    foreign_commit,
    git,
    git_text,
    processes_of,
)


@pytest.fixture
def source(store: Store) -> Repository:
    """A repository with a prompt of two versions."""
    repository = store.repository.path
    foreign_commit(repository, {"prompts/a.md": b"1"})
    foreign_commit(repository, {"prompts/a.md": b"2"})
    return store.repository


def run(source: Repository, dest: Path) -> str:
    """What `promptgit backup` prints."""
    done = command("backup", str(dest), "--data", str(source.path.parent))
    assert done.returncode == 0, done.stderr
    return done.stdout


def refs(repository: Path) -> str:
    return git_text(repository, "for-each-ref", "--format=%(refname) %(objectname)")


def test_a_backup_holds_everything(source: Repository, tmp_path: Path) -> None:
    """All refs and all commits, in files of its own; it is told how many, and up to which."""
    dest = tmp_path / "backups" / "b.git"
    git(source.path, "branch", "private", "main~1")
    assert run(source, dest) == f"{dest} holds 3 commits, up to {source.main()}.\n"
    assert refs(dest) == refs(source.path)
    assert_sound(dest)
    assert all(path.stat().st_nlink == 1 for path in dest.rglob("*") if path.is_file())
    assert not (dest / "objects" / "info" / "alternates").exists()


def test_a_backup_is_brought_up_to_date(source: Repository, tmp_path: Path) -> None:
    """What was deleted here since stays there."""
    dest = tmp_path / "b.git"
    git(source.path, "branch", "private", "main~1")
    run(source, dest)
    git(source.path, "branch", "-D", "private")
    tip = foreign_commit(source.path, {"prompts/a.md": b"3"})
    for _ in range(2):
        assert run(source, dest) == f"{dest} holds 4 commits, up to {tip}.\n"
    assert "refs/heads/private" in refs(dest)
    assert_sound(dest)


def test_many_backups_leave_few_packs(source: Repository, tmp_path: Path) -> None:
    dest = tmp_path / "b.git"
    for at in range(12):
        foreign_commit(source.path, {"prompts/a.md": b"%d" % at})
        back_up(source, dest)
    assert len(list((dest / "objects" / "pack").glob("*.pack"))) < 6
    assert_sound(dest)


def test_a_mirror_made_by_git_is_a_backup(source: Repository, tmp_path: Path) -> None:
    dest = tmp_path / "b.git"
    git(tmp_path, "clone", "-q", "--mirror", str(source.path), str(dest))
    tip = foreign_commit(source.path, {"prompts/a.md": b"3"})
    assert back_up(source, dest).main() == tip


def test_what_is_no_backup_is_left_alone(source: Repository, tmp_path: Path) -> None:
    file, folder, worktree = (tmp_path / name for name in ("file", "folder", "worktree"))
    file.write_text("mine")
    folder.mkdir()
    (folder / "mine").write_text("mine")
    git(tmp_path, "clone", "-q", str(source.path), str(worktree))
    for dest in (file, folder, worktree):
        with pytest.raises(BackupRefused, match="something else is there"):
            back_up(source, dest)
    assert file.read_text() == (folder / "mine").read_text() == "mine"
    for dest in (source.path, source.path / "b"):
        with pytest.raises(BackupRefused, match="it is the repository itself"):
            back_up(source, dest)


def test_another_services_repository_is_left_alone(source: Repository, tmp_path: Path) -> None:
    other = Store(tmp_path / "other", lock_timeout=5)
    other.open()
    foreign_commit(other.repository.path, {"prompts/other.md": b"x"})
    before = refs(other.repository.path)
    with pytest.raises(BackupRefused, match="it is of another"):
        back_up(source, other.repository.path)
    assert refs(other.repository.path) == before


def test_a_refusal_is_told_in_one_line(source: Repository, tmp_path: Path) -> None:
    """And nothing is made."""
    for data, dest, said in (
        (source.path.parent, source.path, "it is the repository itself"),
        (tmp_path / "nowhere", tmp_path / "b.git", "There is no repository"),
        (source.path.parent, Path("/dev/null/b"), "File exists"),
    ):
        done = command("backup", str(dest), "--data", str(data))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert said in done.stderr
    assert not (tmp_path / "nowhere").exists()
    assert not (tmp_path / "b.git").exists()


def test_a_rewritten_main_does_not_reach_a_backup(source: Repository, tmp_path: Path) -> None:
    """A backup is what is left when somebody rewrites history."""
    dest = tmp_path / "b.git"
    back_up(source, dest)
    before = refs(dest)
    foreign_commit(source.path, {"prompts/a.md": b"other"}, parent="main~1")
    with pytest.raises(BackupRefused, match="main was rewritten"):
        back_up(source, dest)
    assert refs(dest) == before


def test_backups_beside_writers_are_sound(server: Server, tmp_path: Path) -> None:
    """Again and again into the same one and into new ones; each is a state that was acknowledged."""
    created = Http(server.url)("POST", "/api/prompts", {"name": "busy", "content": "first"}).json
    source = Store(server.folder, lock_timeout=5).repository
    acknowledged, done = {created["commit"]}, threading.Event()

    def write(writer: int) -> None:
        http, at = Http(server.url), 0
        while not done.is_set():
            answer = http("PUT", f"/api/prompts/{created['id']}", {"content": f"{writer} {at}"})
            assert answer.status == 200
            acknowledged.add(answer.json["commit"])
            at += 1

    tips: list[str] = []
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, writer) for writer in range(3)]
        try:
            for at in range(5):
                for dest in (tmp_path / "same.git", tmp_path / f"new{at}.git"):
                    tips.append(back_up(source, dest).main())
                    assert_sound(dest)
        finally:
            done.set()
        for writing in writers:
            writing.result()
    assert set(tips) <= acknowledged
    assert len(set(tips)) > 1


def kill_as_it_writes(source: Repository, dest: Path, written: Path) -> None:
    """Kill `promptgit backup` with all its children once git writes a pack below *written*."""
    before = set(written.rglob("tmp_pack*"))
    child = subprocess.Popen(
        [PROMPTGIT, "backup", str(dest), "--data", str(source.path.parent)],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while child.poll() is None and set(written.rglob("tmp_pack*")) <= before:
        threading.Event().wait(0.001)
    for process in processes_of(child.pid):
        with suppress(ProcessLookupError):
            os.kill(int(process.name), signal.SIGKILL)
    child.wait()


def test_a_backup_that_was_killed_is_made_when_it_is_run_again(source: Repository, tmp_path: Path) -> None:
    """What is at its place is always whole: a new one appears at the end, an older one stays what it was."""
    dest = tmp_path / "b.git"
    for written in (tmp_path / ".b.git.backup", dest):
        foreign_commit(source.path, {written.name: os.urandom(4 << 20)})
        kill_as_it_writes(source, dest, written)
        if dest.exists():
            assert_sound(dest)
        assert source.main() in run(source, dest)
        assert_sound(dest)


def test_a_lock_that_a_killed_backup_left_is_swept(source: Repository, tmp_path: Path) -> None:
    dest = tmp_path / "b.git"
    back_up(source, dest)
    left = dest / "refs" / "heads" / "main.lock"
    left.touch()
    os.utime(left, (1, 1))
    tip = foreign_commit(source.path, {"prompts/a.md": b"3"})
    assert back_up(source, dest).main() == tip


def test_a_service_starts_on_a_backup(source: Repository, tmp_path: Path) -> None:
    back_up(source, tmp_path / "restored" / "prompts.git")
    with Server(tmp_path / "restored") as server:
        http = Http(server.url)
        (prompt,) = http("GET", "/api/prompts?include=content").json
        assert (prompt["name"], prompt["version_number"], prompt["content"]) == ("a", 2, "2")
        assert http("PUT", f"/api/prompts/{prompt['id']}", {"content": "3"}).json["version_number"] == 3
    assert command("check", "--data", str(tmp_path / "restored")).returncode == 0
