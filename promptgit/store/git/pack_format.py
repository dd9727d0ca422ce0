"""Packs of whole objects, and their indexes, as bytes (gitformat-pack(5)); no file is written here."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

from promptgit.store.git.objects import BLOB, COMMIT, TREE

_TYPES = {COMMIT: 1, TREE: 2, BLOB: 3}
_MAGIC = b"\377tOc\0\0\0\2"
_TRAILER = 20
_FANOUT = len(_MAGIC) + 256 * 4
_SHORT = 1 << 13
_LARGEST = 1 << 31  # longer offsets need another table

Entry = tuple[bytes, int, bytes]
"""One object as it lies in a pack: its binary id, its checksum, its bytes."""


class Foreign(Exception):
    """A pack that holds deltas, is of another version, or is damaged."""


def build(entries: Sequence[Entry]) -> tuple[str, bytes, bytes]:
    """A pack of *entries*: its name without folder and suffix, its bytes, and those of its index.

    Raises:
        ValueError: it would be as large as 2 GiB.
    """
    parts = [struct.pack(">4sII", b"PACK", 2, len(entries)), *(data for _, _, data in entries)]
    offsets = list(accumulate(map(len, parts)))
    if offsets[-1] >= _LARGEST:
        raise ValueError("a pack of 2 GiB needs an index with long offsets")
    body = b"".join(parts)
    checksum = _sha1(body)
    return f"pack-{checksum.hex()}", body + checksum, _index(entries, offsets, checksum)


def entry_of(oid: str, kind: str, data: bytes) -> Entry:
    """The entry of an object: its id in hexadecimal, its kind and its bytes."""
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


def _index(entries: Iterable[Entry], offsets: list[int], checksum: bytes) -> bytes:
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


def entries_of(path: Path) -> Iterator[Entry]:
    """The entries of a pack file, in the order in which they lie in it.

    Raises:
        Foreign: it is not of our making, or it is damaged.
        FileNotFoundError: it, or its index, is gone.
    """
    index, pack = path.with_suffix(".idx").read_bytes(), path.read_bytes()
    if not index.startswith(_MAGIC):
        raise Foreign
    (count,) = struct.unpack_from(">I", index, _FANOUT - 4)
    crcs, offsets = (struct.unpack_from(f">{count}I", index, _FANOUT + count * at) for at in (20, 24))
    rows = sorted((offset, at) for at, offset in enumerate(offsets))
    ends = [offset for offset, _ in rows[1:]] + [len(pack) - _TRAILER]
    for (offset, at), end in zip(rows, ends, strict=True):
        data = pack[offset:end]
        if (pack[offset] >> 4) & 7 > _TYPES[BLOB] or zlib.crc32(data) != crcs[at]:
            raise Foreign
        yield index[_FANOUT + 20 * at : _FANOUT + 20 * (at + 1)], crcs[at], data


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


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()
