"""`usage.sqlite3` of a data folder: how often what was read, by the day.

It is not derived from git, and lost with the folder. A file that cannot be read counts as empty: nothing depends on it
but what is told about usage.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from promptgit.domain.usage import Usage
from promptgit.store.side_file import SideFile

NAME = "usage.sqlite3"
MOST_BYTES = 64 << 20
"""How large the file may become: some 700,000 rows (SQLite 3.40, 2026-11). Then the oldest days are dropped."""

_SECONDS_A_DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
# An empty label stands for none, and so does an empty `who`; `day` is in days since 1970, `last` in seconds.
_TABLE = """usage (
    prompt_id TEXT, number INTEGER, label TEXT, who TEXT, day INTEGER, reads INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (prompt_id, number, label, who, day))"""
_ADD = """INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    reads = reads + excluded.reads, last = max(last, excluded.last)"""


class Key(NamedTuple):
    """What is counted apart."""

    prompt_id: str
    number: int
    label: str
    who: str
    day: int


class Count(NamedTuple):
    """How often, and when last, in seconds since 1970."""

    reads: int
    last: int


def day_of(seconds: int) -> int:
    """The day (UTC) of a time, in days since 1970."""
    return seconds // _SECONDS_A_DAY


class UsageFile:
    """The file in a data folder, and what is asked of it."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._file = SideFile(folder / NAME, [_TABLE], "counts begin anew")
        self._most_bytes = most_bytes

    def add(self, counts: Mapping[Key, Count], forget_before: int | None) -> None:
        """Add counts; with *forget_before*, days before that one are dropped.

        Raises:
            LockTimeout, StorageFull, StorageFailed: nothing was added.
        """

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany(_ADD, (key + count for key, count in counts.items()))
            if forget_before is not None:
                connection.execute("DELETE FROM usage WHERE day < ?", (forget_before,))
            while self._size(connection) > self._most_bytes:
                oldest = "DELETE FROM usage WHERE day = (SELECT min(day) FROM usage)"
                if not connection.execute(oldest).rowcount:
                    break

        self._file.write(change)

    def of(self, prompt_id: str, since: int) -> list[Usage]:
        """The reads of one prompt from the day *since* on, those of the newest version first."""
        sql = """SELECT number, label, who, day, reads, last FROM usage
            WHERE prompt_id = ? AND day >= ? ORDER BY number DESC, label, who, day"""

        def query(connection: sqlite3.Connection) -> list[Usage]:
            found: dict[tuple[int, str, str], tuple[int, dict[str, int]]] = {}
            for number, label, who, day, reads, last in connection.execute(sql, (prompt_id, since)):
                before, days = found.get((number, label, who), (0, {}))
                shown = date.fromordinal(_EPOCH + day).isoformat()
                found[number, label, who] = max(before, last), days | {shown: reads}
            return [_usage(*key, *value) for key, value in found.items()]

        return self._read(query)

    def last(self, prompt_id: str, numbers: tuple[int, int], since: int) -> list[Usage]:
        """The last read of each version from the day *since* on; *numbers* are the least and the greatest."""
        sql = """SELECT number, label, who, max(last) FROM usage
            WHERE prompt_id = ? AND number BETWEEN ? AND ? AND day >= ? GROUP BY number"""

        def query(connection: sqlite3.Connection) -> list[Usage]:
            return [
                _usage(number, label, who, last, {})
                for number, label, who, last in connection.execute(sql, (prompt_id, *numbers, since))
            ]

        return self._read(query)

    def _read(self, query: Callable[[sqlite3.Connection], list[Usage]]) -> list[Usage]:
        nothing: list[Usage] = []
        return self._file.read(query, nothing)

    def _size(self, connection: sqlite3.Connection) -> int:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


def _usage(number: int, label: str, who: str, last: int, days: Mapping[str, int]) -> Usage:
    return Usage(number, label or None, who or None, datetime.fromtimestamp(last, UTC), days)
