"""Checksums of what the index says: SQLite has none, and would serve a bit that a disk has flipped as fact.

Each row bears the CRC-32 of what an answer is made of, texts that other tables hold (an author's name) included: so a
row that is found by a wrong way is noticed, too. CRC-32 detects every change of up to 32 bits in a row, which is what
disks do, and costs a read 2 us (zlib 1.3, 2026-11). It is no protection against somebody who edits the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from zlib import crc32

from orjson import dumps

from promptgit.store.index.connections import Unusable

_HEX = bytes.hex  # of what JSON has no type for


def seal(*values: int | str | bytes | None) -> int:
    """The checksum of some values: their number, order and types count."""
    return crc32(dumps(values, _HEX))


def expect(found: object, values: Sequence[object]) -> None:
    """Compare values from the index, a tuple, with the checksum that was stored with them.

    Raises:
        Unusable: they are not those that were stored.
    """
    try:
        same = crc32(dumps(values, _HEX)) == found
    except (TypeError, ValueError):  # a text or a number that the ledger cannot have written
        same = False
    if not same:
        raise Unusable("a row of the index is damaged")


def of_labels(pointed: Mapping[str, int | None]) -> int:
    """The checksum of where a prompt's labels point; those that point nowhere do not count. 0: none does."""
    return crc32(",".join(sorted([f"{label} {number}" for label, number in pointed.items() if number])).encode())


def expect_none(connection: sqlite3.Connection, twin: str, condition: str, *values: object) -> None:
    """Look once more for what was not found, by the twin of the index (see the schema) that did not find it.

    Raises:
        Unusable: it is there, so that index is damaged.
    """
    table = twin.split("_", 1)[0]
    if connection.execute(f"SELECT 1 FROM {table} INDEXED BY {twin} WHERE {condition} LIMIT 1", values).fetchone():
        raise Unusable(f"an index of the table {table} is damaged")
