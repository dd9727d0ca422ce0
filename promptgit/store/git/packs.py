"""When packs are written, joined and left to git: a batch costs three fsyncs, whatever it holds.

Small packs pile up, and every look-up asks each of them, so `roll` joins them now and then by copying
their entries as they are. Packs that git made, with deltas, are left to `upkeep`.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from promptgit.store.files import TEMPORARY, File, fsync_folder, write_all_durably
from promptgit.store.git import pack_format
from promptgit.store.git.pack_format import Entry, Foreign, multi_pack_index_names

_KEPT, _KEPT_FILE = b"promptgit\n", "promptgit-keep"  # what is in a file of ours that keeps a pack; one in git's folder

# So many packs of one size class are joined into one, which is of a higher class: each object is
# copied three times or four, and the largest copy is 16 MB (a tenth of a second).
_FAN_IN = 16
_CLASSES = (16 << 10, 128 << 10, 1 << 20)


def write(folder: Path, objects: Mapping[str, tuple[str, bytes]], more: Sequence[File] = ()) -> Path:
    """Put objects (id -> kind and bytes) into one new pack, which stays through a power cut.

    Until `release` is called with the answer, git does not take the pack for garbage: a repack at the
    same time removes what no ref reaches yet. `roll` releases what a killed process has left so. The files *more* are
    written along, which costs no more time.
    """
    entries = [pack_format.entry_of(oid, kind, data) for oid, (kind, data) in objects.items()]
    return _write(folder, entries, more, keep=True)


def release(pack: Path) -> None:
    """Let git treat a pack as any other, now that a ref reaches what is in it; else `roll` does it, later."""
    with suppress(OSError):
        os.unlink(f"{str(pack).removesuffix('.pack')}.keep")


def roll(folder: Path, spared: frozenset[str]) -> None:
    """Join small packs, if there are many, but for those with the indexes *spared*; call it under the write lock.

    Whoever looks for an object meanwhile and finds its pack gone has to look again.
    """
    _sweep(folder)
    classes: list[list[Path]] = [[] for _ in _CLASSES]
    # Largest first: what a killed process has joined already joins to itself.
    for path, size in sorted(_packs(folder, spared), key=lambda pack: -pack[1]):
        classes[bisect_right(_CLASSES, size)].append(path)
    for paths in classes:
        if len(paths) >= _FAN_IN:
            _join(folder, paths)


def _sweep(folder: Path) -> None:
    """Remove what killed processes have left; nobody else writes packs of ours under the write lock."""
    for leftover in folder.glob(f"{TEMPORARY}*"):
        leftover.unlink(missing_ok=True)
    for keep in folder.glob("*.keep"):
        if keep.read_bytes() == _KEPT:
            keep.unlink(missing_ok=True)


def _join(folder: Path, paths: list[Path]) -> None:
    entries: dict[bytes, Entry] = {}
    joined: list[Path] = []
    for path in paths:
        try:
            entries |= {entry[0]: entry for entry in pack_format.entries_of(path)}
            joined.append(path)
        except (FileNotFoundError, Foreign):
            continue  # git has repacked meanwhile, or made it; or it is damaged
    if len(joined) < _FAN_IN:
        return
    new = _write(folder, list(entries.values()))
    for path in joined:
        if path == new:
            continue  # one of them held all the others' objects
        # The index first: nobody then finds an object whose pack is gone.
        path.with_suffix(".idx").unlink(missing_ok=True)
        path.unlink(missing_ok=True)


def _packs(folder: Path, spared: frozenset[str]) -> Iterator[tuple[Path, int]]:
    """The packs that can be joined, with their sizes: those that have no file except their index."""
    spared |= multi_pack_index_names(folder)
    suffixes: defaultdict[str, set[str]] = defaultdict(set)
    for name in os.listdir(folder):
        stem, suffix = os.path.splitext(name)
        suffixes[stem].add(suffix)
    for stem, found in suffixes.items():
        # Those of a `git repack` that is not done yet begin with `.tmp-`.
        if stem.startswith("pack-") and found == {".pack", ".idx"} and f"{stem}.idx" not in spared:
            path = folder / f"{stem}.pack"
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue
            if size < _CLASSES[-1]:
                yield path, size


def drop_stale_multi_pack_index(folder: Path) -> None:
    """Remove a multi-pack index that names packs which are gone: what is in others would not be found.

    A `git gc` that runs while one is written leaves such a one behind. Packs are found by their own indexes, too.
    """
    path = folder / "multi-pack-index"
    with suppress(OSError):  # there is none; or it cannot be looked at, which whoever reads a pack is told
        seen = path.stat().st_ino
        names = multi_pack_index_names(folder)
        if not all((folder / name).with_suffix(".pack").exists() for name in names) and path.stat().st_ino == seen:
            path.unlink()  # it was not replaced meanwhile, which comes before packs are removed


def _write(folder: Path, entries: list[Entry], more: Sequence[File] = (), *, keep: bool = False) -> Path:
    name, pack, index = pack_format.build(entries)
    stem = f"{folder}/{name}"
    if keep:
        _keep(folder, f"{stem}.keep")
    # The index last: a reader that sees it finds the pack.
    write_all_durably([File(f"{stem}.pack", pack, 0o444), File(f"{stem}.idx", index, 0o444), *more])
    fsync_folder(folder)
    return Path(f"{stem}.pack")


def _keep(folder: Path, keep: str) -> None:
    """Let nobody take a pack for garbage until `release`.

    A hard link to a file that is there already costs a tenth of a new file (ext4, 2026-11): ext4 has to find a free
    inode for a new one, and skips those that were freed lately.
    """
    named = folder.parents[1] / _KEPT_FILE
    try:
        os.link(named, keep)
    except OSError:  # it is the first time, or a killed process has left the keep
        write_all_durably([File(keep, _KEPT)])
        with suppress(FileExistsError):
            os.link(keep, named)
