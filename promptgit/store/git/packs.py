"""Packs of whole objects, written by us (gitformat-pack(5)): a batch costs three fsyncs, whatever it holds.

Small packs pile up, and every look-up asks each of them, so `roll` joins them now and then by copying
their entries as they are. Packs that git made, with deltas, are left to `upkeep`.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise
from pathlib import Path

from promptgit.store.files import TEMPORARY, File, fsync_folder, write_all_durably
from promptgit.store.git.objects import BLOB, COMMIT, TREE

_TYPES = {COMMIT: 1, TREE: 2, BLOB: 3}
_MAGIC = b"\377tOc\0\0\0\2"
_TRAILER = 20
_FANOUT = len(_MAGIC) + 256 * 4
_SHORT = 1 << 13
_KEPT, _KEPT_FILE = b"promptgit\n", "promptgit-keep"  # what is in a file of ours that keeps a pack; one in git's folder
_LARGEST = 1 << 31  # longer offsets need another table

# So many packs of one size class are joined into one, which is of a higher class: each object is
# copied three times or four, and the largest copy is 16 MB (a tenth of a second).
_FAN_IN = 16
_CLASSES = (16 << 10, 128 << 10, 1 << 20)

_Entry = tuple[bytes, int, bytes]
"""One object as it lies in a pack: its binary id, its checksum, its bytes."""


def write(folder: Path, objects: Mapping[str, tuple[str, bytes]], beside: Sequence[File] = ()) -> Path:
    """Put objects (id -> kind and bytes) into one new pack, which stays through a power cut.

    Until `release` is called with the answer, git does not take the pack for garbage: a repack beside
    us removes what no ref reaches yet. What a killed process has left so, `roll` releases. The files *beside* are
    written along, which costs no more time.
    """
    entries = [_pack_entry(oid, kind, data) for oid, (kind, data) in objects.items()]
    return _write(folder, entries, beside, keep=True)


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
    entries: dict[bytes, _Entry] = {}
    joined: list[Path] = []
    for path in paths:
        try:
            entries |= {entry[0]: entry for entry in _entries(path)}
            joined.append(path)
        except (FileNotFoundError, _Foreign):
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


class _Foreign(Exception):
    """A pack that holds deltas, is of another version, or is damaged."""


def _packs(folder: Path, spared: frozenset[str]) -> Iterator[tuple[Path, int]]:
    """The packs that can be joined, with their sizes: those with nothing beside them but their index."""
    spared |= multi_pack_index_names(folder)
    suffixes: defaultdict[str, set[str]] = defaultdict(set)
    for name in os.listdir(folder):
        stem, suffix = os.path.splitext(name)
        suffixes[stem].add(suffix)
    for stem, found in suffixes.items():
        if found == {".pack", ".idx"} and f"{stem}.idx" not in spared:
            path = folder / f"{stem}.pack"
            try:
                size = path.stat().st_size
            except FileNotFoundError:
                continue
            if size < _CLASSES[-1]:
                yield path, size


def multi_pack_index_names(folder: Path) -> frozenset[str]:
    """The pack indexes in the multi-pack index, which would be broken without their packs (gitformat-pack(5))."""
    try:
        with open(folder / "multi-pack-index", "rb") as file:
            (chunks,) = struct.unpack(">6xB5x", file.read(12))
            table = list(struct.iter_unpack(">4sQ", file.read(12 * (chunks + 1))))
            for (name, start), (_, end) in pairwise(table):
                if name == b"PNAM":
                    file.seek(start)
                    return frozenset(file.read(end - start).decode("ascii").rstrip("\0").split("\0"))
    except FileNotFoundError:
        pass
    return frozenset()


def drop_stale_multi_pack_index(folder: Path) -> None:
    """Remove a multi-pack index that names packs which are gone: what is in others would not be found.

    A `git gc` beside whoever writes one leaves that behind. Packs are found by their own indexes, too.
    """
    path = folder / "multi-pack-index"
    with suppress(FileNotFoundError):
        seen = path.stat().st_ino
        names = multi_pack_index_names(folder)
        if not all((folder / name).with_suffix(".pack").exists() for name in names) and path.stat().st_ino == seen:
            path.unlink()  # it was not replaced meanwhile, which comes before packs are removed


def _write(folder: Path, entries: list[_Entry], beside: Sequence[File] = (), *, keep: bool = False) -> Path:
    parts = [struct.pack(">4sII", b"PACK", 2, len(entries)), *(data for _, _, data in entries)]
    offsets = list(accumulate(map(len, parts)))
    if offsets[-1] >= _LARGEST:
        raise ValueError("a pack of 2 GiB needs an index with long offsets")
    body = b"".join(parts)
    checksum = _sha1(body)
    stem = f"{folder}/pack-{checksum.hex()}"
    if keep:
        _keep(folder, f"{stem}.keep")
    # The index last: a reader that sees it finds the pack.
    index = _index(entries, offsets, checksum)
    write_all_durably([File(f"{stem}.pack", body + checksum, 0o444), File(f"{stem}.idx", index, 0o444), *beside])
    fsync_folder(folder)
    return Path(f"{stem}.pack")


def _keep(folder: Path, keep: str) -> None:
    """Let nobody take a pack for garbage until `release`.

    A second name for a file that is there already costs a tenth of what a new file does: ext4 looks for a place,
    and passes by all that were let go of lately.
    """
    named = folder.parents[1] / _KEPT_FILE
    try:
        os.link(named, keep)
    except OSError:  # it is the first time, or a killed process has left the keep
        write_all_durably([File(keep, _KEPT)])
        with suppress(FileExistsError):
            os.link(keep, named)


def _pack_entry(oid: str, kind: str, data: bytes) -> _Entry:
    header = bytearray()
    rest = len(data) >> 4
    byte = (_TYPES[kind] << 4) | (len(data) & 15)
    while rest:
        header.append(byte | 0x80)
        byte = rest & 0x7F
        rest >>= 7
    header.append(byte)
    packed = bytes(header) + _compress(kind, data)
    return bytes.fromhex(oid), zlib.crc32(packed), packed


def _compress(kind: str, data: bytes) -> bytes:
    level = 0 if kind == TREE else 1  # a tree is mostly ids, which do not compress
    if len(data) > _SHORT:
        return zlib.compress(data, level)
    # zlib clears a quarter of a megabyte before each text: with a smaller memory that is five times as fast.
    packer = zlib.compressobj(level, zlib.DEFLATED, wbits=13, memLevel=5)
    return packer.compress(data) + packer.flush()


def _index(entries: list[_Entry], offsets: list[int], checksum: bytes) -> bytes:
    """A pack index, version 2."""
    rows = sorted((oid, crc, offset) for (oid, crc, _), offset in zip(entries, offsets, strict=False))
    oids, crcs, starts = zip(*rows, strict=True)
    counts = [0] * 256
    for oid in oids:
        counts[oid[0]] += 1
    body = b"".join(
        [
            _MAGIC,
            struct.pack(">256I", *accumulate(counts)),
            *oids,
            struct.pack(f">{len(rows)}I", *crcs),
            struct.pack(f">{len(rows)}I", *starts),
            checksum,
        ]
    )
    return body + _sha1(body)


def _entries(path: Path) -> Iterator[_Entry]:
    """The entries of a pack, in the order in which they lie in it."""
    index, pack = path.with_suffix(".idx").read_bytes(), path.read_bytes()
    if not index.startswith(_MAGIC):
        raise _Foreign
    (count,) = struct.unpack_from(">I", index, _FANOUT - 4)
    crcs, offsets = (struct.unpack_from(f">{count}I", index, _FANOUT + count * at) for at in (20, 24))
    rows = sorted((offset, at) for at, offset in enumerate(offsets))
    ends = [offset for offset, _ in rows[1:]] + [len(pack) - _TRAILER]
    for (offset, at), end in zip(rows, ends, strict=True):
        data = pack[offset:end]
        if (pack[offset] >> 4) & 7 > _TYPES[BLOB] or zlib.crc32(data) != crcs[at]:
            raise _Foreign
        yield index[_FANOUT + 20 * at : _FANOUT + 20 * (at + 1)], crcs[at], data


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
