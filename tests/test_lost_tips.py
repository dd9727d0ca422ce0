"""Commits that were made with git alone and change what was served: lost tips, wrong dates, another HEAD."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from promptgit.app import create_app
from promptgit.errors import UnusableRepository
from promptgit.service.service import Service
from promptgit.settings import Settings
from promptgit.store.store import Store
from tests.conftest import Clock
from tests.support import Http, Server, command, environment, foreign_commit, git, git_text

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def wrong_way(service: Service, store: Store, repository: Path) -> str:
    """The tip of `main` before somebody's merge put it second; its version 2 is lost."""
    prompt = service.create("1", name="a")
    base = git_text(repository, "rev-parse", "main")
    service.save(prompt.id, "2")
    ours = git_text(repository, "rev-parse", "main")
    theirs = foreign_commit(repository, {"prompts/b.md": b"theirs"}, parent=base)
    git(repository, "update-ref", "refs/heads/main", ours)
    service.get(prompt.id)
    tree = git_text(repository, "merge-tree", "--write-tree", theirs, ours)
    merge = git_text(repository, "commit-tree", tree, "-p", theirs, "-p", ours, "-m", "Merge")
    git(repository, "update-ref", "refs/heads/main", merge, ours)
    return ours


def test_a_tip_that_main_has_lost_is_kept_and_told(
    wrong_way: str, service: Service, store: Store, repository: Path
) -> None:
    """In a ref, the log, readiness, the metrics and `promptgit check`, as long as the ref is there."""
    service.list(limit=1)
    assert git_text(repository, "rev-parse", f"refs/promptgit/lost/{wrong_way}") == wrong_way
    client = create_app(Settings(data=store.folder)).test_client()
    (warning,) = client.get("/readyz").json["warnings"]
    assert wrong_way in warning and "docs/recovery.md" in warning
    assert "\npromptgit_lost_tips 1.0\n" in client.get("/metrics").text
    checked = command("check", "--data", str(store.folder))
    assert (checked.returncode, wrong_way in checked.stdout) == (1, True)
    git(repository, "update-ref", "-d", f"refs/promptgit/lost/{wrong_way}")
    assert client.get("/readyz").json == {"status": "ok", "warnings": []}
    assert command("check", "--data", str(store.folder)).returncode == 0


def test_a_history_that_only_grows_loses_nothing(service: Service, store: Store, repository: Path) -> None:
    """Neither does a merge the right way round, nor an index of another schema or place."""
    prompt = service.create("1", name="a")
    base = git_text(repository, "rev-parse", "main")
    service.save(prompt.id, "2")
    ours = git_text(repository, "rev-parse", "main")
    theirs = foreign_commit(repository, {"prompts/b.md": b"x"}, parent=base)
    tree = git_text(repository, "merge-tree", "--write-tree", ours, theirs)
    merge = git_text(repository, "commit-tree", tree, "-p", ours, "-p", theirs, "-m", "Merge")
    git(repository, "update-ref", "refs/heads/main", merge)
    assert service.get(prompt.id).newest.number == 2
    store.index.rebuild()
    assert store.lost_tips() == []


def test_a_tip_that_main_has_again_is_not_lost(service: Service, store: Store, repository: Path) -> None:
    """Its ref stays, for nothing removes what may be the only name of versions; with or without an index."""
    prompt = service.create("1", name="a")
    old = git_text(repository, "rev-parse", "main")
    service.save(prompt.id, "2")
    tip = git_text(repository, "rev-parse", "main")
    git(repository, "update-ref", "refs/heads/main", old)
    assert service.get(prompt.id).newest.number == 1
    assert store.lost_tips() == [tip]
    git(repository, "update-ref", "refs/heads/main", tip)
    assert store.lost_tips() == []  # the index is still of the history before
    assert service.get(prompt.id).newest.number == 2
    service.save(prompt.id, "3")
    assert (store.lost_tips(), store.warnings()) == ([], [])
    assert git_text(repository, "rev-parse", f"refs/promptgit/lost/{tip}") == tip
    assert command("check", "--data", str(store.folder)).returncode == 0
    store.close()
    store.index.path.unlink()
    assert store.lost_tips() == []


def test_a_lost_tip_whose_objects_are_gone_is_told(
    service: Service, store: Store, repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An older backup has neither the commit nor its versions: no ref can keep it."""
    prompt = service.create("1", name="a")
    store.close()
    backup = repository.with_name("backup.git")
    shutil.copytree(repository, backup)
    service.save(prompt.id, "2")
    tip = git_text(repository, "rev-parse", "main")
    store.close()
    shutil.rmtree(repository)
    backup.rename(repository)
    assert service.get(prompt.id).newest.number == 1
    assert [record.levelname for record in caplog.records if tip in record.getMessage()] == ["ERROR"]


def test_a_history_that_cannot_be_read_says_nothing_of_a_tip(service: Service, store: Store, repository: Path) -> None:
    """No commit is said to be lost for being behind one that is damaged."""
    first = git_text(repository, "rev-parse", "main")
    absent = "1" * 40
    tree = git_text(repository, "rev-parse", "main^{tree}")
    text = f"tree {tree}\nparent {absent}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nx\n"
    made = git(repository, "hash-object", "-w", "-t", "commit", "--stdin", "--literally", data=text.encode())
    broken = made.decode().strip()
    with pytest.raises(UnusableRepository, match="cannot be read"):
        store.repository.git.leads_to(first, broken)


def test_the_documented_way_back_works(wrong_way: str, service: Service, store: Store, tmp_path: Path) -> None:
    """Numbers are as before, and what the others have done comes after it."""
    service.list(limit=1)  # the merge is taken in, and the loss seen
    wrong = git_text(store.folder / "prompts.git", "rev-parse", "main")
    text = (DOCS / "recovery.md").read_text()
    (script,) = re.findall(r"```sh\n(git clone .*?)```", text, re.DOTALL)
    script = script.replace("data/prompts.git", shlex.quote(str(store.folder / "prompts.git")))
    script = script.replace("<commit>", wrong_way)
    subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, env=environment(), check=True, capture_output=True)
    (prompt,) = service.list(name="a", limit=1)
    assert [service.content(one) for one in service.versions(prompt)] == [b"1", b"2"]
    assert [one.name for one in service.list(limit=9)] == ["a", "b"]
    assert store.lost_tips() == [wrong]  # which is in the history, by its second parents
    git(store.folder / "prompts.git", "update-ref", "-d", f"refs/promptgit/lost/{wrong}")
    assert store.warnings() == []


def test_the_documented_hook_refuses_the_wrong_way_round(service: Service, repository: Path, tmp_path: Path) -> None:
    prompt = service.create("1", name="a")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    service.save(prompt.id, "2")
    (script,) = re.findall(r"```sh\n(#!/bin/sh.*?)```", (DOCS / "recovery.md").read_text(), re.DOTALL)
    hook = repository / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(script)
    hook.chmod(0o755)
    (clone / "prompts" / "b.md").write_text("x")
    git(clone, "add", "-A")
    git(clone, "commit", "-q", "-m", "By hand")
    git(clone, "pull", "-q", "--no-rebase", "--no-edit")
    refused = subprocess.run(["git", "-C", str(clone), "push", "-q"], capture_output=True, text=True, env=environment())
    assert refused.returncode != 0 and "git pull --rebase" in refused.stderr
    git(clone, "reset", "-q", "--hard", "HEAD^1")
    git(clone, "pull", "-q", "--rebase")
    git(clone, "push", "-q")
    assert [one.name for one in service.list(limit=9)] == ["a", "b"]


def push_in_turn(clone: Path, folder: Path) -> None:
    """Pull and push as the docs say, under the write lock of a folder."""
    (line,) = re.findall(r"^flock .*$", (DOCS / "recovery.md").read_text(), re.MULTILINE)
    line = line.replace("/path/to/data/write.lock", shlex.quote(str(folder / "write.lock")))
    subprocess.run(["sh", "-c", line], cwd=clone, env=environment(), check=True, capture_output=True)


def test_a_push_under_the_write_lock_gets_in_beside_busy_writers(tmp_path: Path) -> None:
    """The documented way, `flock` around pull and push: each try succeeds, whatever the writers do."""
    with Server(tmp_path / "data") as server:
        ended = threading.Event()

        def write(name: str) -> None:
            http, count = Http(server.url), 0
            where = http("POST", "/api/prompts", {"name": name, "content": "0"}).headers["Location"]
            while not ended.is_set():
                count += 1
                assert http("PUT", where, {"content": str(count)}).status == 200

        writers = [threading.Thread(target=write, args=(f"p{at}",)) for at in range(8)]
        for writer in writers:
            writer.start()
        try:
            clone = tmp_path / "clone"
            git(tmp_path, "clone", "-q", str(server.folder / "prompts.git"), str(clone))
            for at in range(5):
                (clone / "prompts").mkdir(exist_ok=True)
                (clone / "prompts" / "by-hand.md").write_text(str(at))
                git(clone, "add", "-A")
                git(clone, "commit", "-q", "-m", f"By hand {at}")
                push_in_turn(clone, server.folder)
        finally:
            ended.set()
            for writer in writers:
                writer.join()
        listed = Http(server.url)("GET", "/api/prompts?name=by-hand&include=content").json
        assert (listed[0]["version_number"], listed[0]["content"]) == (5, "4")


def test_what_a_push_leaves_running_holds_no_lock(store: Store, service: Service, tmp_path: Path) -> None:
    """Git goes on with its maintenance in the background when the push is over."""
    service.create("1", name="a")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(store.repository.path), str(clone))
    foreign_commit(clone, {"prompts/b.md": b"1"})
    git(clone, "reset", "-q", "--hard")
    hook = clone / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nsleep 600 > {os.devnull} 2>&1 &\necho $! > running\n")
    hook.chmod(0o755)
    push_in_turn(clone, store.folder)
    running = int((clone / "running").read_text())
    try:
        impatient = Service(Store(store.folder, lock_timeout=0), max_content=1 << 20)
        impatient.create("1", name="c")
    finally:
        os.kill(running, signal.SIGKILL)
    assert [prompt.name for prompt in service.list(limit=9)] == ["a", "b", "c"]


# Dates


def test_a_foreign_commit_from_the_future_dates_nothing_but_itself(
    service: Service, repository: Path, clock: Clock
) -> None:
    prompt = service.create("1", name="a")
    future = {"GIT_COMMITTER_DATE": "4070908800 +0000", "GIT_AUTHOR_DATE": "4070908800 +0000"}  # 2099
    tip = git(repository, "commit-tree", "-p", "main", "-m", "By hand", "main^{tree}", **future).decode().strip()
    git(repository, "update-ref", "refs/heads/main", tip)
    clock.now += 60
    saved = service.save(prompt.id, "2").newest
    assert saved.timestamp.timestamp() == clock.now
    assert git_text(repository, "log", "-1", "--format=%at %ct", "main") == f"{int(clock.now)} {int(clock.now)}"


def test_our_own_order_holds_when_the_clock_goes_back(service: Service, repository: Path, clock: Clock) -> None:
    """Behind foreign commits, too."""
    prompt = service.create("1", name="a")
    first = prompt.newest.timestamp
    foreign_commit(repository, {"prompts/b.md": b"x"})
    clock.now -= 86_400
    assert service.save(prompt.id, "2").newest.timestamp == first


# HEAD


def test_a_head_that_leads_elsewhere_is_told(store: Store, service: Service, repository: Path) -> None:
    """Clones would be empty, or stay at one commit."""
    service.create("1", name="a")
    for wrong in (["symbolic-ref", "HEAD", "refs/heads/master"], ["update-ref", "--no-deref", "HEAD", "main^0"]):
        git(repository, *wrong)
        (warning,) = store.warnings()
        assert "do not check out main" in warning and "git symbolic-ref HEAD refs/heads/main" in warning
    git(repository, "symbolic-ref", "HEAD", "refs/heads/main")
    assert store.warnings() == []
