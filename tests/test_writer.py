"""The writer: locks, batches, and commits of somebody who holds no lock."""

from __future__ import annotations

import itertools
import multiprocessing
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from filelock import FileLock

from promptgit import deferral
from promptgit.domain.models import Author
from promptgit.errors import LockTimeout, NameTaken, OutcomeUnknown, PathBlocked, StorageFull, UnusableRepository
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store import files
from promptgit.store.git.commits import Edit
from promptgit.store.operation import Operation
from promptgit.store.store import COMMITTER, Store
from tests.support import assert_sound, at_once, command, foreign_commit, git, git_text, wait_for


def test_many_threads_share_few_batches_and_all_get_their_answers(
    store: Store, service: Service, repository: Path
) -> None:
    """While the lock is held elsewhere, changes gather; then they become one move of `main`."""
    prompts = [service.create("0", name=f"p{at}") for at in range(8)]
    moves: list[str] = []
    move = store.repository.move_main
    store.repository.move_main = lambda old, new, now: (moves.append(new), move(old, new, now))[1]  # type: ignore[method-assign,func-returns-value]
    numbers: list[int] = []

    def save(prompt_id: str) -> None:
        numbers.append(service.save(prompt_id, "1").newest.number)

    at_once(store, [partial(save, prompt.id) for prompt in prompts])
    assert numbers == [2] * 8
    assert len(moves) == 1
    assert git_text(repository, "rev-list", "--count", "main") == "17"
    assert_sound(repository)


def test_a_leader_waits_for_those_whom_the_last_batch_has_answered(store: Store, service: Service) -> None:
    """What they write next comes one after the other, and becomes one batch: a push for one alone takes as long."""
    prompts = [service.create("0", name=f"p{at}") for at in range(8)]
    store.writer.gathering = 1e4  # times the seconds of a batch: a minute or more
    at_once(store, [partial(service.save, prompt.id, "1") for prompt in prompts])
    moves: list[str] = []
    move = store.repository.move_main
    store.repository.move_main = lambda old, new, now: (moves.append(new), move(old, new, now))[1]  # type: ignore[method-assign,func-returns-value]
    threads = [threading.Thread(target=service.save, args=(prompt.id, "2")) for prompt in prompts]
    for number, thread in enumerate(threads, 1):
        thread.start()
        wait_for(lambda number=number: store.writer.waiting == number or moves)  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert len(moves) == 1


def test_a_leader_waits_for_a_request_that_was_announced(store: Store, service: Service) -> None:
    """The server has received it, and a thread is about to queue its operation."""
    prompts = [service.create("0", name=f"p{at}") for at in range(2)]
    store.writer.gathering = 1e4
    moves: list[str] = []
    move = store.repository.move_main
    store.repository.move_main = lambda old, new, now: (moves.append(new), move(old, new, now))[1]  # type: ignore[method-assign,func-returns-value]

    def save_announced() -> None:
        deferral.announcement.set("the second request")
        service.save(prompts[1].id, "1")

    threads = [
        threading.Thread(target=service.save, args=(prompts[0].id, "1")),
        threading.Thread(target=save_announced),
    ]
    deferral.announced.add("the second request")
    try:
        threads[0].start()
        wait_for(lambda: store.writer.waiting == 1 or moves)
        threads[1].start()
        for thread in threads:
            thread.join()
        assert deferral.announced == set()
    finally:
        deferral.announced.clear()
    assert len(moves) == 1


def test_a_leader_does_not_wait_for_a_request_that_was_refused(store: Store, service: Service) -> None:
    """It was announced, and ended without an operation."""
    prompt = service.create("0", name="a")
    store.writer.gathering = 1e6  # minutes
    deferral.announced.add("a request")
    with ThreadPoolExecutor(1) as pool:
        saved = pool.submit(service.save, prompt.id, "1")
        wait_for(lambda: store.writer.waiting == 1)
        deferral.announced.clear()
        assert saved.result().newest.number == 2


def test_saves_of_one_prompt_in_one_batch_are_versions_one_after_the_other(store: Store, service: Service) -> None:
    """Each is compared with the one before it, which is not on disk yet."""
    prompt = service.create("0", name="a")
    numbers: list[int] = []

    def save(content: str) -> None:
        numbers.append(service.save(prompt.id, content).newest.number)

    at_once(store, [partial(save, str(at // 2)) for at in range(10)])
    versions = list(service.versions(service.get(prompt.id)))
    contents = [service.content(version) for version in versions]
    assert max(numbers) == len(versions)
    assert all(one != other for one, other in itertools.pairwise(contents))
    assert set(contents) == {b"0", b"1", b"2", b"3", b"4"}


def test_changes_of_one_batch_keep_their_committers(store: Store, service: Service, repository: Path) -> None:
    """A batch has the changes of many requests, each with a credential of its own."""

    def create(name: str) -> None:
        service.create("x", name=name, attribution=Attribution(committer=Author(name, f"{name}@promptgit")))

    at_once(store, [partial(create, name) for name in "abcd"])
    log = git_text(repository, "log", "--format=%cn %an", "--name-only", "-4", "main").split()
    assert sorted(log) == sorted([*"aabbccdd", *(f"prompts/{name}.md" for name in "abcd")])
    for name in "abcd":
        assert git_text(repository, "log", "--format=%cn %an", "main", "--", f"prompts/{name}.md") == f"{name} {name}"


def test_a_refused_change_fails_alone(store: Store, service: Service) -> None:
    """Each change of a batch is checked against what the ones before it left."""

    def create(name: str) -> Operation[str]:
        def plan(index: object) -> Edit:
            from promptgit.service import checks

            checks.expect_free(index, name)
            return Edit({f"prompts/{name}.md": b"x"}, "x", COMMITTER)

        return Operation(plan, lambda _: name)

    answers = store.writer.together([create("a"), create("A"), create("b")], stop_at_refusal=False)
    assert answers[0] == "a"
    assert isinstance(answers[1], NameTaken)
    assert answers[2] == "b"
    stopped = store.writer.together([create("c"), create("C"), create("d")], stop_at_refusal=True)
    assert len(stopped) == 2
    assert [prompt.name for prompt in service.list(limit=9)] == ["a", "b", "c"]


def test_a_write_is_made_though_the_index_can_neither_keep_it_nor_roll_back(store: Store, service: Service) -> None:
    """Git has it; the index takes it in at the next look, through another connection."""

    def plan(index: sqlite3.Connection) -> Edit:
        index.set_authorizer(
            lambda action, *_: sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_TRANSACTION else sqlite3.SQLITE_OK
        )
        return Edit({"prompts/a.md": b"x"}, "x", COMMITTER)

    assert store.writer.submit(Operation(plan, lambda _: "made")) == "made"
    assert [prompt.name for prompt in service.list(limit=9)] == ["a"]
    assert service.create("y", name="b").newest.number == 1


def test_the_lock_is_waited_for_and_then_given_up(store: Store, tmp_path: Path, repository: Path) -> None:
    impatient = Store(store.folder, lock_timeout=0.05)
    service = Service(impatient, 100)
    head = git_text(repository, "rev-parse", "main")
    with FileLock(store.folder / "write.lock"):
        with pytest.raises(LockTimeout):
            service.create("x", name="a")
        assert service.list(limit=1) == []
    assert git_text(repository, "rev-parse", "main") == head
    assert service.create("x", name="a").newest.number == 1


def _hold(path: Path, held: Event, release: Event) -> None:
    with FileLock(path):
        held.set()
        release.wait()


def test_followers_of_a_leader_without_the_lock_time_out_too(store: Store) -> None:
    """Nobody waits longer than the time-out, and nothing of theirs is written later."""
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(store.folder / "write.lock", held, release))
    holder.start()
    held.wait()
    service = Service(Store(store.folder, lock_timeout=0.2), 100)
    errors: list[type[Exception]] = []

    def write(name: str) -> None:
        try:
            service.create("x", name=name)
        except Exception as error:
            errors.append(type(error))

    threads = [threading.Thread(target=write, args=(f"p{at}",)) for at in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    release.set()
    holder.join()
    assert errors == [LockTimeout] * 5
    assert service.list(limit=9) == []


def test_a_commit_without_the_lock_in_the_middle_of_a_write_loses_nothing(
    store: Store, service: Service, repository: Path
) -> None:
    """Compare-and-swap on the ref: the change is made again on top of the other one."""
    prompt = service.create("1", name="a")
    keep = store.repository.store
    pushed: list[str] = []

    def store_and_push(batch: object) -> None:
        keep(batch)
        if not pushed:
            pushed.append(foreign_commit(repository, {"prompts/a.md": b"2", "prompts/b.md": b"x"}))

    store.repository.store = store_and_push  # type: ignore[method-assign]
    assert service.save(prompt.id, "3").newest.number == 3
    assert service.version(prompt.id, 2).commit == pushed[0]
    assert_sound(repository)


def test_an_index_that_cannot_follow_does_not_undo_a_write(
    store: Store, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    prompt = service.create("1", name="a")
    with monkeypatch.context() as broken:
        broken.setattr(store.index, "record", lambda *_: (_ for _ in ()).throw(StorageFull))
        assert service.save(prompt.id, "2").newest.number == 2
    assert "could not be brought up" in caplog.text
    assert service.get(prompt.id).newest.number == 2


def test_a_disk_with_too_little_room_takes_no_write(
    store: Store, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There must be room for the index to follow what git has taken."""
    prompt = service.create("1", name="a")
    with monkeypatch.context() as small:
        small.setattr(files, "_RESERVE_BYTES", 1 << 62)
        with pytest.raises(StorageFull):
            service.save(prompt.id, "2")
        assert service.get(prompt.id) == prompt
    assert service.save(prompt.id, "2").newest.number == 2


def test_what_is_no_prompt_is_never_overwritten(service: Service, repository: Path) -> None:
    foreign_commit(repository, {"prompts/file": b"x", "prompts/folder.md/x": b"y"})
    for name in ("file/inner", "folder"):
        with pytest.raises(PathBlocked):
            service.create("x", name=name)
    prompt = service.create("x", name="free")
    with pytest.raises(PathBlocked):
        service.rename(prompt.id, "file/inner")
    assert service.save(prompt.id, "y").newest.number == 2
    assert_sound(repository)


def test_a_symbolic_link_is_not_written_over(service: Service, repository: Path) -> None:
    blob = git(repository, "hash-object", "-w", "--stdin", data=b"b.md").decode().strip()
    inner = git(repository, "mktree", data=f"120000 blob {blob}\ta.md\n".encode()).decode().strip()
    tree = git(repository, "mktree", data=f"040000 tree {inner}\tprompts\n".encode()).decode().strip()
    git(repository, "update-ref", "refs/heads/main", git_text(repository, "commit-tree", tree, "-p", "main", "-m", "x"))
    with pytest.raises(PathBlocked):
        service.create("x", name="a")


def test_an_executable_file_stays_one(service: Service, repository: Path) -> None:
    prompt = service.create("x", name="a")
    blob = git(repository, "hash-object", "-w", "--stdin", data=b"x").decode().strip()
    inner = git(repository, "mktree", data=f"100755 blob {blob}\ta.md\n".encode()).decode().strip()
    tree = git(repository, "mktree", data=f"040000 tree {inner}\tprompts\n".encode()).decode().strip()
    git(repository, "update-ref", "refs/heads/main", git_text(repository, "commit-tree", tree, "-p", "main", "-m", "x"))
    service.save(prompt.id, "y")
    assert git_text(repository, "ls-tree", "-r", "main").startswith("100755 blob ")


def test_a_deeply_nested_prompt_goes_as_quickly_as_any(service: Service, repository: Path) -> None:
    """The time does not double with each folder that empties."""
    prompt = service.create("x", name="/".join("b" * 100))
    service.rename(prompt.id, "/".join("c" * 100))
    service.delete(prompt.id)
    assert git_text(repository, "ls-tree", "-r", "--name-only", "main") == "README.md"


def test_a_branch_that_is_gone_is_not_begun_anew(store: Store, service: Service, repository: Path) -> None:
    """A history without its branch can be brought back, if nothing hides it."""
    service.create("x", name="a")
    head = git_text(repository, "rev-parse", "main")
    git(repository, "update-ref", "-d", "refs/heads/main")
    again = Store(store.folder, lock_timeout=1)
    for broken in (again.open, lambda: service.list(limit=1)):
        with pytest.raises(UnusableRepository, match="update-ref"):
            broken()
    git(repository, "update-ref", "refs/heads/main", head)
    again.open()
    assert [prompt.name for prompt in Service(again, 10).list(limit=1)] == ["a"]


@pytest.mark.parametrize("left", [b"", b"\0" * 41, b"1234\n"], ids=["empty", "zeros", "no commit"])
def test_a_branch_that_cannot_be_read_is_told_in_a_sentence(
    store: Store, service: Service, repository: Path, left: bytes
) -> None:
    """As a disk leaves it; what the sentence says brings the branch back."""
    service.create("x", name="a")
    head = git_text(repository, "rev-parse", "main")
    file = repository / "refs" / "heads" / "main"
    file.write_bytes(left)
    done = command("serve", "--data", str(store.folder), "--port", "0")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    for word in ("its branch main cannot be read", "fsck --lost-found", "remove the file", "update-ref"):
        assert word in done.stderr
    file.unlink()
    assert head in git_text(repository, "fsck", "--lost-found")
    git(repository, "update-ref", "refs/heads/main", head)
    assert [prompt.name for prompt in Service(Store(store.folder, lock_timeout=1), 10).list(limit=1)] == ["a"]


@pytest.mark.parametrize("arguments", [["repack", "-a", "-d"], ["repack", "-A", "-d"], ["gc", "--prune=now"]])
def test_a_repack_between_storing_and_moving_main_loses_nothing(
    store: Store, service: Service, repository: Path, arguments: list[str]
) -> None:
    """What no ref reaches yet is not garbage."""
    prompt = service.create("1", name="a")
    move = store.repository.move_main

    def repack_and_move(old: str, new: str, now: int) -> None:
        git(repository, *arguments, "-q")
        move(old, new, now)

    store.repository.move_main = repack_and_move  # type: ignore[method-assign]
    assert service.save(prompt.id, "2").newest.number == 2
    assert [service.content(version) for version in service.versions(service.get(prompt.id))] == [b"1", b"2"]
    assert list((repository / "objects" / "pack").glob("*.keep")) == []
    assert_sound(repository)


def test_what_a_killed_writer_left_is_swept(store: Store, service: Service, repository: Path) -> None:
    folder = repository / "objects" / "pack"
    prompt = service.create("0", name="a")
    pack = next(folder.glob("*.pack"))
    pack.with_suffix(".keep").write_text("promptgit\n")
    (folder / "pack-0.keep").write_text("an administrator's\n")
    (folder / "tmp_promptgit_pack-0.pack_").write_text("half")
    for at in range(1, 40):
        service.save(prompt.id, str(at))
    assert [path.name for path in folder.glob("*.keep")] == ["pack-0.keep"]
    assert list(folder.glob("tmp_*")) == []


def test_a_leader_that_is_ended_acknowledges_nothing(store: Store, service: Service, repository: Path) -> None:
    """SystemExit in the middle of a batch: nobody in it is told of what was rolled back."""
    prompts = [service.create("0", name=f"p{at}") for at in range(4)]
    put = store.repository.store
    ended: list[type[BaseException]] = []

    def end(_: object) -> None:
        store.repository.store = put  # type: ignore[method-assign]
        raise SystemExit

    def save(prompt_id: str) -> None:
        try:
            service.save(prompt_id, "1")
        except (SystemExit, OutcomeUnknown) as error:
            ended.append(type(error))

    store.repository.store = end  # type: ignore[assignment,method-assign]
    at_once(store, [partial(save, prompt.id) for prompt in prompts])
    assert sorted(kind.__name__ for kind in ended) == ["OutcomeUnknown"] * 3 + ["SystemExit"]
    assert git_text(repository, "rev-list", "--count", "main") == "5"
    assert [service.save(prompt.id, "1").newest.number for prompt in prompts] == [2] * 4
