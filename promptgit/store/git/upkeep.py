"""Upkeep: few packs, with deltas, a multi-pack index with a bitmap, and a commit-graph.

So a clone is counted and copied quickly, and `git log -- path` skips the commits that did not touch the
path. It runs while others read and write, and drops no object: what no ref reaches is packed along.
It does what `git repack --geometric --write-midx` does (git-repack(1)), with the packs named by us: git
would take the ones that come while it starts, too, and those may be joined meanwhile.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from promptgit.errors import StorageFull, UnusableRepository
from promptgit.store.files import fsync_folder
from promptgit.store.git.orphans import has_no_owner
from promptgit.store.git.pack_format import multi_pack_index_names
from promptgit.store.git.packs import drop_stale_multi_pack_index
from promptgit.store.git.repository import Repository
from promptgit.store.locks import WriteLock

_FRESH_PART = 16  # upkeep pays once such a part of all objects is fresh
# A pack stays as it is while it has so many times the objects of all smaller ones together.
_FACTOR = 2
_MEMORY = ("-c", "pack.deltaCacheSize=32m", "-c", "core.packedGitLimit=64m", "-c", "core.deltaBaseCacheLimit=32m")
_COMMIT_GRAPH = ("--reachable", "--changed-paths", "--split", "--no-progress")
_LEFT_BEHIND_SECONDS = 3_600
_ATTEMPTS = 5
# A pack index: header, table of first bytes, two checksums; and id, checksum and offset of each object.
_INDEX_BYTES, _ENTRY_BYTES = 8 + 256 * 4 + 2 * 20, 20 + 4 + 4
_OURS = {".pack", ".idx", ".rev", ".bitmap"}


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack: its name without suffix, its objects and bytes.

    It is *fresh* until the multi-pack index has it, and *kept* if something lies beside it that bids so.
    """

    name: str
    objects: int
    size: int
    fresh: bool
    kept: bool


@dataclass(frozen=True, slots=True)
class UpkeepState:
    """How many packs there are, with how many objects, and how many of both no upkeep has seen yet (objects: about).

    *last_done* is when an upkeep last came to its end, in seconds since 1970; None: never.
    """

    packs: int
    objects: int
    fresh_packs: int
    fresh_objects: int
    last_done: float | None


class Upkeep:
    """The upkeep of one repository, one at a time over all processes; it has the write lock for a moment."""

    fresh_objects: ClassVar[int] = 20_000
    """It pays from so many objects on that no upkeep has seen (four or five to a version)."""

    fresh_packs: ClassVar[int] = 100
    """It pays from so many packs on that no upkeep has seen.

    Only fetches lead to so many: packs with deltas, which `packs.roll` cannot join. Each look-up asks every pack.
    """

    deltas: ClassVar[tuple[str, ...]] = ("--no-reuse-delta", "--window=50", "--depth=10", "--window-memory=64m")
    """Options of git-pack-objects(1).

    Many candidates for each delta, for versions differ little; short chains, for a version is read as often as it is
    cloned. What is packed anew gets new deltas: git takes packs of whole objects for packs in which it has found none.
    """

    def __init__(self, repository: Repository, write_lock: WriteLock) -> None:
        self._repository = repository
        self._folder = repository.packs
        self._write_lock = write_lock

    def state(self) -> UpkeepState:
        """How things stand; costs the listing of a folder."""
        packs = _packs(self._folder)
        loose = _loose_objects(self._folder.parent)
        objects = loose + sum(pack.objects for pack in packs)
        fresh = loose + sum(pack.objects for pack in packs if pack.fresh)
        fresh_packs = sum(pack.fresh for pack in packs)
        return UpkeepState(len(packs), objects, fresh_packs, fresh, self._repository.claim.fulfilled_at())

    def pays(self) -> bool:
        """True if enough new objects have come. A multi-pack index that a `git gc` broke meanwhile is removed."""
        drop_stale_multi_pack_index(self._folder)
        state = self.state()
        return (
            state.fresh_objects >= max(self.fresh_objects, state.objects // _FRESH_PART)
            or state.fresh_packs >= self.fresh_packs
        )

    def run(self) -> bool:
        """Do it now; False if it is under way already.

        Raises:
            LockTimeout: writers kept the write lock.
            StorageFull: there may be too little room for new packs in addition to the old ones.
            UnusableRepository: git failed, and says why; every object is where it was.
        """
        for at in range(_ATTEMPTS):
            with self._claimed() as (guard, packs, is_broken):
                if guard is None:
                    return False
                self._sweep(is_broken)
                drop_stale_multi_pack_index(self._folder)
                try:
                    if any(pack.fresh for pack in packs) or _loose_objects(self._folder.parent):
                        self._repack(packs, guard)
                    self._git(guard, "commit-graph", "write", *_COMMIT_GRAPH)
                except (UnusableRepository, FileNotFoundError):
                    # An administrator's `git repack` may have replaced packs, even while `_packs` listed them.
                    if at + 1 == _ATTEMPTS or _names(_packs(self._folder)) == _names(packs):
                        raise
                    continue
                self._repository.claim.fulfil(guard)
                break
        return True

    @contextmanager
    def _claimed(self) -> Iterator[tuple[int | None, list[Pack], bool]]:
        """All packs that are there now, which `packs.roll` leaves alone; and whether the upkeep before broke off."""
        with self._write_lock.held():
            packs = _packs(self._folder)
            is_broken = self._repository.claim.is_broken()
            guard = self._repository.claim.take(f"{pack.name}.idx" for pack in packs)
        try:
            yield guard, packs, is_broken
        finally:
            if guard is not None:
                self._repository.claim.release(guard)

    def _sweep(self, is_broken: bool) -> None:
        """Remove what a git that was killed has left: halves of packs, and locks that would stop every later one.

        With *is_broken* the locks are those of the upkeep before, which was killed with its git: nobody else makes
        such but a `git gc` of an administrator's, which fails without them, and harms nothing.
        """
        stale = time.time() - _LEFT_BEHIND_SECONDS
        graphs = self._folder.parent / "info" / "commit-graphs"
        locks = [*self._folder.glob("*.lock"), *graphs.glob("*.lock")]
        for lock in locks:
            if is_broken or has_no_owner(lock, self._repository.path):
                lock.unlink(missing_ok=True)
        for path in (*self._folder.glob("tmp_*"), *self._folder.glob(".tmp-*"), *locks):
            with suppress(FileNotFoundError):  # others come and go
                if path.stat().st_mtime < stale:
                    path.unlink()

    def _expect_room(self, rolled: Sequence[Pack]) -> None:
        """Writers must not run out of room because of us."""
        if shutil.disk_usage(self._folder).free < 2 * sum(pack.size for pack in rolled):
            raise StorageFull

    def _repack(self, packs: Sequence[Pack], guard: int) -> None:
        rolled = _rolled(packs)
        self._expect_room(rolled)
        stay = [pack.name for pack in packs if pack not in rolled]
        new = self._pack(rolled, stay, guard)
        self._write_index(stay + new, guard)
        self._remove(_names(rolled).difference(new))
        drop_stale_multi_pack_index(self._folder)
        self._git(guard, "prune-packed", "--quiet")

    def _pack(self, rolled: Sequence[Pack], stay: Sequence[str], guard: int) -> list[str]:
        """Put the objects of packs, and loose ones, into a new pack; its name."""
        lines = [f"{pack.name}.pack" for pack in rolled] + [f"^{name}.pack" for name in stay]
        options = ("--stdin-packs", "--unpacked", "--non-empty", "--delta-base-offset", "--quiet", *self.deltas)
        new = self._git(guard, "pack-objects", *options, str(self._folder / "pack"), lines=lines)
        fsync_folder(self._folder)
        return [f"pack-{checksum}" for checksum in new]

    def _write_index(self, names: Sequence[str], guard: int) -> None:
        sizes = {name: (self._folder / f"{name}.idx").stat().st_size for name in names}
        largest = max(names, key=lambda name: sizes[name])  # a clone gets most of it as it lies on disk
        options = ("--bitmap", "--stdin-packs", f"--preferred-pack={largest}.idx", "--no-progress")
        self._git(guard, "multi-pack-index", "write", *options, lines=[f"{name}.idx" for name in names])
        fsync_folder(self._folder)

    def _remove(self, names: set[str]) -> None:
        for name in names:
            # The index first: nobody then finds an object whose pack is gone.
            for suffix in (".idx", *_OURS):
                (self._folder / f"{name}{suffix}").unlink(missing_ok=True)

    def _git(self, guard: int, *arguments: str, lines: Sequence[str] = ()) -> list[str]:
        return self._repository.git.tend(*_MEMORY, *arguments, lines=lines, guard=guard)


def _names(packs: Sequence[Pack]) -> set[str]:
    return {pack.name for pack in packs}


def _rolled(packs: Sequence[Pack]) -> list[Pack]:
    """The packs to be made one: fresh ones, and with them those that are not much larger than all before."""
    rolled = [pack for pack in packs if pack.fresh and not pack.kept]
    total = sum(pack.objects for pack in rolled)
    smaller: list[Pack] = []
    for pack in sorted((pack for pack in packs if not pack.fresh and not pack.kept), key=lambda pack: pack.objects):
        smaller.append(pack)
        if pack.objects < _FACTOR * total:
            rolled += smaller
            smaller = []
        total += pack.objects
    return rolled


def _packs(folder: Path) -> list[Pack]:
    indexed = multi_pack_index_names(folder)
    suffixes: defaultdict[str, set[str]] = defaultdict(set)
    for name in os.listdir(folder):
        stem, suffix = os.path.splitext(name)
        suffixes[stem].add(suffix)
    packs = []
    for stem, found in suffixes.items():
        # A `git repack` under way has packs whose names begin with `.tmp-`, until all of them are whole.
        if stem.startswith("pack-") and {".pack", ".idx"} <= found:
            try:
                index, size = ((folder / f"{stem}{suffix}").stat().st_size for suffix in (".idx", ".pack"))
            except FileNotFoundError:
                continue
            objects = (index - _INDEX_BYTES) // _ENTRY_BYTES
            packs.append(Pack(stem, objects, size, f"{stem}.idx" not in indexed, not found <= _OURS))
    return packs


def _loose_objects(folder: Path) -> int:
    """About how many there are, as `git gc --auto` counts them: ids are spread evenly."""
    try:
        return len(os.listdir(folder / "17")) * 256
    except FileNotFoundError:
        return 0
