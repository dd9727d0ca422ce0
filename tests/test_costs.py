"""What one operation costs, counted: statements, fsyncs and objects do not depend on the machine's mood."""

from __future__ import annotations

import gc
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from promptgit.domain.models import Version
from promptgit.http.api import answers
from promptgit.service.catalogue import Catalogue
from promptgit.service.service import Service
from promptgit.store.git.opened import Opened
from promptgit.store.git.repository import Repository
from promptgit.store.store import Store
from tests.support import at_once, foreign_commit, git_text, long_history


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """The SQL that this thread's connection runs meanwhile."""
    seen: list[str] = []
    connection = store.index.peek(lambda connection: connection)
    connection.set_trace_callback(seen.append)
    yield seen
    connection.set_trace_callback(None)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often files are fsynced and libgit2 reads and moves."""
    counts: Counter[str] = Counter()

    def count(owner: Any, name: str) -> None:
        original: Callable[..., Any] = getattr(owner, name)

        def counting(*arguments: Any, **options: Any) -> Any:
            counts[name] += 1
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, counting)

    count(os, "fsync")
    count(Repository, "read")
    count(Repository, "main")
    count(Repository, "move_main")
    return counts


def settle(repository: Path) -> None:
    """Make `main` look as if it had moved some time ago."""
    os.utime(repository / "refs" / "heads" / "main", (1, 1))


def test_a_read_is_one_statement_and_one_blob(
    store: Store, service: Service, repository: Path, counted: Counter[str]
) -> None:
    """However long the history is, and without asking git where `main` is; the blob, if it is small, only once."""
    prompt = service.create("0", name="a")
    foreign_commit(repository, {f"prompts/p{at}.md": b"x" for at in range(50)})
    for at in range(1, 30):
        service.save(prompt.id, str(at))
    settle(repository)
    store = Store(store.folder, lock_timeout=5)  # as after a restart: no content is kept from when it was stored
    service = Service(store, 1 << 20)
    service.get(prompt.id)
    reads: list[Callable[[], Version]] = [lambda: service.get(prompt.id).newest, lambda: service.version(prompt.id, 7)]
    for read, blobs in itertools.product(reads, ({"read": 1}, {})):
        counted.clear()
        with statements(store) as seen:
            service.content(read())
        assert len(seen) == 1, seen
        assert counted == blobs


def test_contents_that_are_read_often_stay_in_memory(service: Service, repository: Path, counted: Counter[str]) -> None:
    """For each content that comes, the one that was read the longest ago goes."""
    foreign_commit(repository, {f"prompts/p{at:03}.md": b"%d" % at for at in range(201)})
    often, *others = (prompt.newest for prompt in service.list(limit=201))
    for other in others:
        service.content(other)
        service.content(often)
    counted.clear()
    service.content(often)
    for other in others[-100:]:
        service.content(other)
    assert counted == {}


def test_a_page_of_versions_is_two_statements(store: Store, service: Service, repository: Path) -> None:
    prompt = service.create("0", name="a")
    for at in range(1, 120):
        service.save(prompt.id, str(at))
    settle(repository)
    service.get(prompt.id)
    with statements(store) as seen:
        found, _ = service.find(prompt.id)
        list(service.versions_json(found, limit=50, newest_first=True))
    assert len(seen) == 2, seen


def test_a_save_is_a_pack_and_a_move(store: Store, service: Service, repository: Path, counted: Counter[str]) -> None:
    """Five fsyncs: the pack, its index, the next `main`; and the two folders.

    Read are the commit and the five folders that it stands on, each once: nothing is built on what is damaged.
    """
    prompt = service.create("0", name="deep/in/folders/a")
    service.save(prompt.id, "1")
    before = set((repository / "objects" / "pack").iterdir())
    counted.clear()
    with statements(store) as seen:
        service.save(prompt.id, "2")
    assert counted == {"fsync": 5, "move_main": 1, "main": 2, "read": 6}
    new = set((repository / "objects" / "pack").iterdir()) - before
    assert sorted(path.suffix for path in new) == [".idx", ".pack"]
    assert len(seen) <= 20, seen


def test_a_batch_costs_no_more_fsyncs_than_one_save(store: Store, service: Service, counted: Counter[str]) -> None:
    prompt = service.create("0", name="a")
    counted.clear()
    at_once(store, [partial(service.save, prompt.id, str(at)) for at in range(1, 21)])
    assert service.get(prompt.id).newest.number == 21
    assert (counted["fsync"], counted["move_main"]) == (5, 1)


def test_packs_do_not_pile_up(store: Store, service: Service, repository: Path) -> None:
    """Small ones are joined: look-ups stay quick, and nothing is lost."""
    prompt = service.create("0", name="a")
    for at in range(1, 200):
        service.save(prompt.id, f"{at}" * 50)
    assert len(list((repository / "objects" / "pack").glob("*.pack"))) < 50
    contents = [service.content(version).decode() for version in service.versions(service.get(prompt.id))]
    assert contents == ["0", *(f"{at}" * 50 for at in range(1, 200))]
    git_text(repository, "fsck", "--strict")


def test_files_that_are_gone_do_not_stay_open(store: Store, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Handles give joined packs up at once, not when Python collects its garbage: descriptors would run out."""
    monkeypatch.setattr(Opened, "look_seconds", 0)
    prompt = service.create("0", name="a")
    gc.collect()
    before = _open_but_gone()
    gc.disable()
    try:
        for at in range(1, 250):
            saved = service.save(prompt.id, str(at))
            service.content(saved.newest)
        after = _open_but_gone()
    finally:
        gc.enable()
    assert after - before < 120


def test_many_threads_that_write_do_not_each_keep_packs(
    store: Store, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who leads a batch reads what it stands on, and each leader passes on what it has open."""
    monkeypatch.setattr(Opened, "look_seconds", 0)
    prompts = [service.create("0", name=f"p{at}").id for at in range(16)]
    with ThreadPoolExecutor(len(prompts)) as threads:
        for at in range(1, 40):
            list(threads.map(lambda prompt_id, at=at: service.save(prompt_id, f"{at} {prompt_id}"), prompts))
        maps = Path("/proc/self/maps").read_text().splitlines()
    gone = [line for line in maps if str(store.repository.path) in line and line.endswith(".idx (deleted)")]
    assert len(gone) < 40


def _open_but_gone() -> int:
    """How many files this process has open that were removed."""
    return sum(_target(f"/proc/self/fd/{name}").endswith("(deleted)") for name in os.listdir("/proc/self/fd"))


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:  # the listing's own
        return ""


def test_packs_of_gits_own_are_left_to_git(service: Service, repository: Path) -> None:
    """Those with deltas, and those in a multi-pack index; they do not keep ours from being joined."""
    folder = repository / "objects" / "pack"
    prompt = service.create("x\n" * 1_000, name="a")
    for at in range(5):
        service.save(prompt.id, "x\n" * 1_000 + str(at))
    git_text(repository, "repack", "-q", "-a", "-d")
    (deltas,) = folder.glob("*.pack")
    for at in range(50):
        service.save(prompt.id, f"y {at}")
    assert deltas.exists()
    assert len(list(folder.glob("*.pack"))) < 40
    git_text(repository, "multi-pack-index", "write")
    before = set(folder.glob("*.pack"))
    os.utime(deltas)
    for at in range(50):
        service.save(prompt.id, f"z {at}")
    assert before <= set(folder.glob("*.pack"))
    git_text(repository, "multi-pack-index", "verify")
    assert service.content(service.version(prompt.id, 3)).endswith(b"x\n1")
    git_text(repository, "fsck", "--strict")


def test_a_damaged_pack_is_not_copied(service: Service, repository: Path) -> None:
    """Its checksum would be made good, and the evidence removed."""
    folder = repository / "objects" / "pack"
    prompt = service.create("0", name="a")
    damaged = max(folder.glob("*.pack"), key=lambda path: path.stat().st_mtime_ns)
    data = bytearray(damaged.read_bytes())
    data[20] ^= 1
    damaged.chmod(0o644)
    damaged.write_bytes(data)
    for at in range(1, 40):
        service.save(prompt.id, str(at))
    assert damaged.exists()


def test_a_whole_history_is_read_in_chunks(service: Service, repository: Path) -> None:
    """The first bytes go out before the last version is read."""
    prompt = service.create("0", name="a")
    long_history(repository, "prompts/a.md", map(str, range(1_200)))
    chunks = list(service.versions_json(service.get(prompt.id)))
    assert [rest for _, rest in chunks] == [500, 1_000, None]
    assert answers.json_array((text for text, _ in chunks), {}).is_streamed


def steps(store: Store, query: Callable[[], object]) -> int:
    """The hundreds of steps of SQLite's machine that a query takes."""
    query()
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    connection = store.index.peek(lambda connection: connection)
    connection.set_progress_handler(tick, 100)
    query()
    connection.set_progress_handler(None, 100)
    return count


def test_what_a_page_asks_does_not_grow_with_the_history(store: Store, service: Service, repository: Path) -> None:
    """Its newest versions, those that they repeat, and its timeline, however many versions there are."""
    catalogue = Catalogue(store)
    contents = {"short": 400, "long": 8_000}
    taken = {}
    for name, count in contents.items():
        service.create("start", name=name)
        long_history(repository, f"prompts/{name}.md", [*map(str, range(count)), "start"])
        prompt = service.list(name=name, limit=1)[0]
        assert catalogue.history(prompt, limit=25)[0].repeats == 1
        assert len(catalogue.timeline(prompt, 240)) == 240
        asked = [
            partial(catalogue.history, prompt, limit=25),
            partial(catalogue.history, prompt, before=count // 2, limit=25),
            partial(catalogue.timeline, prompt, 240),
        ]
        taken[name] = [steps(store, query) for query in asked]
    assert all(long <= short + 5 for short, long in zip(taken["short"], taken["long"], strict=True)), taken


def test_a_past_state_is_looked_up_and_not_walked_to(store: Store, service: Service, repository: Path) -> None:
    """However many versions and moves of labels came before it and after it."""
    taken = {}
    for name, count in {"short": 50, "long": 2_000}.items():
        prompt = service.create("start", name=name)
        long_history(repository, f"prompts/{name}.md", map(str, range(count)))
        long_history(repository, f"labels/production/{name}", (f"{at % 7 + 1}\n" for at in range(count)))
        middle = git_text(repository, "rev-parse", f"main~{count // 2}")
        then = service.as_of(middle).get(prompt.id)
        assert (then.newest.number, len(then.labels)) == (count + 1, 1)
        time = then.newest.seconds
        reads = [
            lambda middle=middle, prompt=prompt: service.as_of(middle).get(prompt.id),
            lambda middle=middle, prompt=prompt: service.as_of(middle).labels.all(prompt.id),
            lambda middle=middle, name=name: service.as_of(middle).named(name),
            lambda time=time: service.as_of(time),
        ]
        taken[name] = [steps(store, read) for read in reads]
    assert all(long <= short + 5 for short, long in zip(taken["short"], taken["long"], strict=True)), taken


def test_folders_are_found_without_a_look_at_every_prompt(store: Store, repository: Path) -> None:
    """The prompts of each are counted, up to a thousand."""
    catalogue = Catalogue(store)
    taken = []
    for count in (2_000, 6_000):
        foreign_commit(repository, {f"prompts/f{at % 2}/p{at}.md": b"x" for at in range(count)})
        assert catalogue.folders("") == [("f0", 1_000), ("f1", 1_000)]
        taken.append(steps(store, lambda: catalogue.folders("")))
    assert taken[1] <= taken[0] + 5
