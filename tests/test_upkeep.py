"""Upkeep: clones, `git log` and reads stay quick, and nobody notices."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from promptgit.app import create_app, start_chores
from promptgit.errors import LockTimeout, StorageFull, UnusableRepository
from promptgit.jobs import chores
from promptgit.service.service import Service
from promptgit.settings import Settings
from promptgit.store.git import objects, packs, upkeep
from promptgit.store.git.hashing import object_id
from promptgit.store.store import Store
from tests.support import Http, Server, assert_sound, command, git, git_text

TEXT = "".join(hashlib.sha256(b"%d" % at).hexdigest() + "\n" for at in range(20))  # hardly compresses


def saved(service: Service, count: int, name: str = "a") -> str:
    """A prompt of so many versions; its id."""
    prompt = service.create(f"{TEXT}0", name=name)
    for at in range(1, count):
        service.save(prompt.id, f"{TEXT}{at}")
    return prompt.id


def contents(service: Service, prompt_id: str) -> list[bytes]:
    return [service.content(version) for version in service.versions(service.get(prompt_id))]


def pack_names(repository: Path) -> set[str]:
    return {path.stem for path in (repository / "objects" / "pack").glob("*.pack")}


def test_many_packs_become_one_with_deltas_a_bitmap_and_a_commit_graph(
    store: Store, service: Service, repository: Path
) -> None:
    """What was whole objects takes a fraction of the room, and reads back identical."""
    prompt_id = saved(service, 60)
    before = sum(path.stat().st_size for path in (repository / "objects" / "pack").iterdir())
    assert store.upkeep.state().packs > 1
    assert store.upkeep.run()
    folder = repository / "objects" / "pack"
    assert len(pack_names(repository)) == 1
    assert sum(path.stat().st_size for path in folder.iterdir()) < before / 2
    assert len(list(folder.glob("multi-pack-index-*.bitmap"))) == 1
    git(repository, "multi-pack-index", "verify")
    git(repository, "commit-graph", "verify")
    (graph,) = (repository / "objects" / "info" / "commit-graphs").glob("*.graph")
    assert b"BIDX" in graph.read_bytes()[:200]  # the index of the filters of changed paths
    assert contents(service, prompt_id) == [f"{TEXT}{at}".encode() for at in range(60)]
    assert_sound(repository)


def test_large_packs_stay_until_as_much_has_come(store: Store, service: Service, repository: Path) -> None:
    """So each object is copied a few times only, however long the history gets."""
    prompt_id = saved(service, 60)
    store.upkeep.run()
    large = pack_names(repository)
    service.save(prompt_id, "x")
    store.upkeep.run()
    assert large < pack_names(repository)
    assert len(pack_names(repository)) == 2
    saved(service, 60, "b")
    store.upkeep.run()
    assert len(pack_names(repository)) == 1
    assert len(contents(service, prompt_id)) == 61
    assert_sound(repository)


def test_upkeep_of_what_was_kept_up_writes_nothing(store: Store, service: Service, repository: Path) -> None:
    saved(service, 20)
    store.upkeep.run()
    files = {path: path.stat().st_mtime_ns for path in (repository / "objects").rglob("*")}
    assert store.upkeep.run()
    assert {path: path.stat().st_mtime_ns for path in (repository / "objects").rglob("*")} == files


def test_nothing_is_dropped_that_no_ref_reaches(store: Store, service: Service, repository: Path) -> None:
    """Not a batch that `main` is about to reach, nor what somebody has brought in and not used yet."""
    prompt_id = saved(service, 5)
    loose = git(repository, "hash-object", "-w", "--stdin", data=b"loose").decode().strip()
    oids = {object_id(objects.BLOB, data): data for data in (b"under way", b"left")}
    kept, left = (packs.write(store.repository.packs, {oid: (objects.BLOB, data)}) for oid, data in oids.items())
    packs.release(left)
    store.upkeep.run()
    assert kept.exists() and kept.with_suffix(".keep").exists()
    assert not left.exists()
    for oid, data in [*oids.items(), (loose, b"loose")]:
        assert git(repository, "cat-file", "blob", oid) == data
        assert store.repository.read(oid) == data
    packs.release(kept)
    store.upkeep.run()
    assert [store.repository.read(oid) for oid in oids] == list(oids.values())
    assert len(contents(service, prompt_id)) == 5


def test_handles_that_were_open_before_find_everything(store: Store, service: Service, repository: Path) -> None:
    """Those of a server's threads outlive the packs that they know."""
    prompt_id = saved(service, 40)
    versions = list(service.versions(service.get(prompt_id)))
    turn = threading.Barrier(2, timeout=60)

    def read() -> bytes:
        service.content(versions[0])
        turn.wait()
        turn.wait()
        return service.content(versions[1]) + service.content(versions[30])

    with ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            reading = pool.submit(read)
            turn.wait()
            service.save(prompt_id, f"{TEXT}{os.urandom(4).hex()}")
            store.upkeep.run()
            turn.wait()
            assert reading.result() == f"{TEXT}1{TEXT}30".encode()


def test_packs_under_repack_are_not_joined_but_later_ones_are(
    store: Store, service: Service, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers go on meanwhile, and their packs do not pile up."""
    prompt_id = saved(service, 10)
    claimed = pack_names(repository)
    tend = store.repository.git.tend
    met: list[str] = []

    def slow(*arguments: str, **options: object) -> list[str]:
        if "pack-objects" in arguments:
            for at in range(100):
                service.save(prompt_id, f"{TEXT}meanwhile {at}")
            met.extend(pack_names(repository))
            assert not Store(store.folder, lock_timeout=1).upkeep.run()  # one at a time
        return tend(*arguments, **options)

    monkeypatch.setattr(store.repository.git, "tend", slow)
    assert store.upkeep.run()
    assert claimed <= set(met)
    assert len(met) - len(claimed) < 50
    assert not claimed & pack_names(repository)
    assert len(contents(service, prompt_id)) == 110
    assert_sound(repository)


def test_a_repack_of_an_administrator_that_is_not_done_yet_is_left_alone(
    store: Store, service: Service, repository: Path
) -> None:
    """Git gives its new packs their names once all of them are whole (builtin/repack.c)."""
    prompt_id = saved(service, 5)
    folder = repository / "objects" / "pack"
    pack = next(folder.glob("pack-*.pack"))
    theirs = [folder / f".tmp-1-{pack.stem}{suffix}" for suffix in (".pack", ".idx")]
    for path in theirs:
        shutil.copyfile(pack.with_suffix(path.suffix), path)
    assert store.upkeep.run()
    for at in range(40):
        service.save(prompt_id, f"{at}")
    assert [path.exists() for path in theirs] == [True, True]
    assert_sound(repository)


def test_packs_that_an_administrator_has_repacked_meanwhile_are_looked_for_anew(
    store: Store, service: Service, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_id = saved(service, 10)
    tend = store.repository.git.tend
    met: list[str] = []

    def late(*arguments: str, **options: object) -> list[str]:
        if "pack-objects" in arguments and not met:
            met.extend(pack_names(repository))
            git(repository, "repack", "-q", "-a", "-d", "-f")
        return tend(*arguments, **options)

    monkeypatch.setattr(store.repository.git, "tend", late)
    assert store.upkeep.run()
    assert not pack_names(repository) & {*met}
    assert len(contents(service, prompt_id)) == 10
    assert_sound(repository)


def test_packs_that_are_replaced_while_they_are_looked_for_are_looked_for_anew(
    store: Store, service: Service, repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A `git repack` that began before the newest pack was there ends between the list of files and the look at each.

    Then the old packs have gone, and the one that has their objects was not in the list yet.
    """
    prompt_id = saved(service, 10)
    folder = repository / "objects" / "pack"
    old = [folder / f"{name}.idx" for name in pack_names(repository)]
    git(tmp_path, "clone", "-q", "--bare", "--no-local", str(repository), "repacked")
    service.save(prompt_id, "on top of what was repacked")
    listed = os.listdir

    def late(path: str | Path = ".") -> list[str]:
        names = listed(path)
        if str(path) == str(folder) and old:
            for file in (tmp_path / "repacked" / "objects" / "pack").iterdir():
                shutil.copyfile(file, folder / file.name)
            while old:
                index = old.pop()
                index.unlink()
                index.with_suffix(".pack").unlink()
        return names

    monkeypatch.setattr(os, "listdir", late)
    assert store.upkeep.run()
    assert not old
    assert len(contents(service, prompt_id)) == 11
    assert len(pack_names(repository)) == 1
    assert_sound(repository)


def test_a_repack_that_fails_leaves_all_as_it_was(
    store: Store, service: Service, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_id = saved(service, 10)
    before = pack_names(repository)
    with monkeypatch.context() as broken:
        broken.setattr(upkeep.Upkeep, "deltas", ("--no-such-option",))
        with pytest.raises(UnusableRepository, match="no-such-option"):
            store.upkeep.run()
    assert pack_names(repository) == before
    assert store.upkeep.state().last_done is None
    for at in range(40):
        service.save(prompt_id, f"{at}")
    assert not before <= pack_names(repository)  # they can be joined again
    assert store.upkeep.run()
    done = store.upkeep.state().last_done
    assert done is not None
    assert len(contents(service, prompt_id)) == 50
    service.save(prompt_id, "x")
    monkeypatch.setattr(upkeep.Upkeep, "deltas", ("--no-such-option",))
    with pytest.raises(UnusableRepository):
        store.upkeep.run()
    assert store.upkeep.state().last_done == done


def test_what_a_killed_repack_left_does_not_stop_the_next(store: Store, service: Service, repository: Path) -> None:
    saved(service, 5)
    store.upkeep.run()
    folder = repository / "objects" / "pack"
    leftovers = [
        folder / "multi-pack-index.lock",
        folder / "tmp_pack_x",
        repository / "objects/info/commit-graphs/commit-graph-chain.lock",
    ]
    young = folder / "tmp_pack_y"
    for path in (*leftovers, young):
        path.write_bytes(b"x")
    for path in leftovers:
        os.utime(path, (1, 1))
    saved(service, 5, "b")
    assert store.upkeep.run()
    assert [path.exists() for path in (*leftovers, young)] == [False, False, False, True]


@pytest.mark.parametrize("lock", ["pack/multi-pack-index.lock", "info/commit-graphs/commit-graph-chain.lock"])
def test_locks_of_an_upkeep_that_was_killed_a_moment_ago_do_not_stop_the_next(
    store: Store, service: Service, repository: Path, lock: str
) -> None:
    """Its claim was never fulfilled, and nobody works on it any more."""
    saved(service, 5)
    store.upkeep.run()
    service.save(saved(service, 1, "b"), "c")
    claim = store.repository.claim.take(["pack-x.idx"])
    assert claim is not None
    left = repository / "objects" / lock
    with subprocess.Popen(["sleep", "60"], pass_fds=[claim]) as child:  # as its git, which holds the claim, too
        os.close(claim)
        left.touch()
        assert not store.upkeep.run()
        assert left.exists()
        child.kill()
    assert store.upkeep.run()
    assert not left.exists()
    assert_sound(repository)


def test_a_child_that_inherits_the_claim_by_accident_does_not_prolong_it(store: Store) -> None:
    """A fork on another thread copies all descriptors, and its child has them until it calls exec."""
    claim = store.repository.claim.take(["pack-x.idx"])
    assert claim is not None
    with subprocess.Popen(["sleep", "60"], pass_fds=[claim]) as child:
        store.repository.claim.release(claim)
        assert store.upkeep.run()
        child.kill()


def test_upkeep_leaves_room_for_writers(store: Store, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(service, 5)
    usage = shutil.disk_usage(store.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000))
    with pytest.raises(StorageFull):
        store.upkeep.run()


def test_upkeep_waits_for_the_write_lock_only_so_long(store: Store) -> None:
    impatient = Store(store.folder, lock_timeout=0.01)
    with FileLock(store.folder / "write.lock"), pytest.raises(LockTimeout):
        impatient.upkeep.run()


def test_gc_and_upkeep_do_not_harm_each_other(store: Store, service: Service, repository: Path) -> None:
    prompt_id = saved(service, 30)
    store.upkeep.run()
    git(repository, "gc", "-q")
    service.save(prompt_id, "x")
    store.upkeep.run()
    git(repository, "repack", "-q", "-a", "-d")
    service.save(prompt_id, "y")
    assert len(contents(service, prompt_id)) == 32
    assert_sound(repository)


def test_an_index_of_packs_that_are_gone_does_not_hide_what_is_there(
    store: Store, service: Service, repository: Path
) -> None:
    """A `git gc` that begins before upkeep writes its index, and removes packs after, leaves that."""
    prompt_id = saved(service, 30)
    store.upkeep.run()
    service.save(prompt_id, "y")
    fresh = Service(Store(store.folder, lock_timeout=5), 1 << 20)
    fresh.content(fresh.get(prompt_id).newest)  # this handle knows the other pack, and has not opened it
    index = repository / "objects" / "pack" / "multi-pack-index"
    stale = index.read_bytes()
    git(repository, "repack", "-q", "-a", "-d", "-f", "--depth=1")
    assert not index.exists()
    index.write_bytes(stale)
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(contents, fresh, prompt_id).result()
    assert found == [*(f"{TEXT}{at}".encode() for at in range(30)), b"y"]
    index.write_bytes(stale)
    assert not store.upkeep.pays()
    assert not index.exists()
    index.write_bytes(stale)
    service.save(prompt_id, "x")
    assert store.upkeep.run()
    git(repository, "multi-pack-index", "verify")
    assert_sound(repository)


def test_it_is_done_by_itself_once_it_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for a handful of versions."""
    settings = Settings(data=tmp_path / "data", upkeep_interval=0.01)
    store = Store(settings.data, lock_timeout=5)
    store.open()
    service = Service(store, 1 << 20)
    monkeypatch.setattr(upkeep.Upkeep, "fresh_objects", 100)
    prompt_id = saved(service, 10)
    assert not store.upkeep.pays()
    for at in range(30):
        service.save(prompt_id, f"{at}")
    assert store.upkeep.pays()
    monkeypatch.setattr(chores, "start", lambda name, folder, chore: done.update({name: chore}))
    done: dict[str, Callable[[], float]] = {}
    start_chores(settings, create_app(settings))
    assert done["upkeep"]() == 0.01
    assert store.upkeep.state().last_done is not None
    assert not store.upkeep.pays()


def test_it_pays_for_many_packs_however_small(store: Store, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a node gets them, with each fetch that has news."""
    monkeypatch.setattr(upkeep.Upkeep, "fresh_packs", 5)
    saved(service, 3)
    assert not store.upkeep.pays()
    saved(service, 3, "b")
    assert store.upkeep.pays()
    assert store.upkeep.run()
    assert not store.upkeep.pays()


def test_32_writers_and_4_clones_do_not_notice(tmp_path: Path) -> None:
    """Through two servers: every answer is a success, every clone is whole, and all is there at the end."""
    folder = tmp_path / "data"
    stop = threading.Event()
    with Server(folder) as one, Server(folder) as other, ThreadPoolExecutor(37) as pool:
        urls = [one.url, other.url]
        where = [
            Http(one.url)("POST", "/api/prompts", {"name": f"p{at}", "content": TEXT}).headers["Location"]
            for at in range(8)
        ]
        helpers: list[Future[int]] = [pool.submit(_keep_up, folder, stop)]
        helpers += [pool.submit(_clone, folder / "prompts.git", tmp_path / f"clone{at}", stop) for at in range(4)]
        runs = [pool.submit(_write, urls[at % 2], where[at % 8], at) for at in range(32)]
        try:
            acknowledged = {(at, number): text for run in runs for at, number, text in run.result()}
        finally:
            stop.set()
        assert all(helper.result() >= 1 for helper in helpers)
        assert len(acknowledged) == 32 * SAVES
        http = Http(other.url)
        for (at, number), text in acknowledged.items():
            assert http("GET", f"{at}/versions/{number}/content").body.decode() == text
    git(folder / "prompts.git", "fsck", "--full", "--strict")
    assert command("check", "--data", str(folder)).returncode == 0


SAVES = 12


def _write(url: str, where: str, writer: int) -> list[tuple[str, int, str]]:
    """Save, and read something older each time."""
    http, acknowledged = Http(url), []
    for at in range(SAVES):
        text = f"{TEXT}{writer} {at}"
        answer = http("PUT", where, {"content": text})
        assert answer.status == 200, answer.body
        acknowledged.append((where, answer.json["version_number"], text))
        _, number, older = acknowledged[at // 2]
        assert http("GET", f"{where}/versions/{number}/content").body.decode() == older
    return acknowledged


def _keep_up(folder: Path, stop: threading.Event) -> int:
    done = 0
    while not stop.is_set() or not done:
        assert Store(folder, lock_timeout=10).upkeep.run()
        done += 1
    return done


def _clone(repository: Path, target: Path, stop: threading.Event) -> int:
    done = 0
    while not stop.is_set() or not done:
        git(repository.parent, "clone", "-q", "--no-local", "--bare", str(repository), f"{target}-{done}")
        git_text(target.with_name(f"{target.name}-{done}"), "rev-list", "--count", "--objects", "main")
        done += 1
    return done


def test_the_command_packs_and_says_so(server: Server) -> None:
    for at in range(20):
        assert Http(server.url)("POST", "/api/prompts", {"name": f"p{at}", "content": TEXT}).status == 201
    done = command("upkeep", "--data", str(server.folder))
    assert (done.returncode, done.stdout) == (0, "Packs: 1. Objects that came meanwhile: 0.\n")
    assert len(pack_names(server.folder / "prompts.git")) == 1


def test_the_command_makes_nothing(tmp_path: Path) -> None:
    done = command("upkeep", "--data", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "no repository" in done.stderr
    assert not (tmp_path / "nowhere").exists()
