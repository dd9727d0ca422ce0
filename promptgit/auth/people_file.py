"""`people.sqlite3` of a data folder: rows that are sealed, in a file that may be lost.

It is not derived from git, and nothing depends on it: without it, people sign in again. A file that SQLite cannot
read is set aside as `people.sqlite3.damaged`; a row whose seal (SHA-256) does not fit, for SQLite has no checksums, is
as good as missing. Nobody is let in by either.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from promptgit.store.files import Mark, mark_of
from promptgit.store.side_file import SideFile

log = logging.getLogger(__name__)

NAME = "people.sqlite3"
Row = dict[str, Any]

# `key` is an account's id, or the hash of a session's secret; `person` an account's id.
_TABLES = (
    "accounts (key TEXT PRIMARY KEY, record TEXT NOT NULL, seal TEXT NOT NULL)",
    "sessions (key TEXT PRIMARY KEY, record TEXT NOT NULL, seal TEXT NOT NULL, person TEXT NOT NULL)",
    "addresses (address TEXT, person TEXT, PRIMARY KEY (address, person))",
)


class PeopleFile(SideFile):
    """The file in a data folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME, _TABLES, "everybody signs in again")

    def mark(self) -> Mark | None:
        """The `files.mark_of` the file; None also where it cannot be looked at."""
        try:
            return mark_of(str(self.path))
        except OSError:
            return None


def row(connection: sqlite3.Connection, table: str, key: str) -> Row | None:
    """A row of `accounts` or `sessions`; None: there is none, or its seal does not fit."""
    found = connection.execute(f"SELECT key, record, seal FROM {table} WHERE key = ?", (key,)).fetchone()
    return None if found is None else _opened(*found)


def rows(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, Row]]:
    """All rows whose seal fits, with their keys."""
    for key, record, seal in connection.execute(f"SELECT key, record, seal FROM {table} ORDER BY key"):
        if (opened := _opened(key, record, seal)) is not None:
            yield key, opened


def put(connection: sqlite3.Connection, table: str, key: str, record: Row) -> None:
    """Write a row of `accounts` or `sessions`; a session's record has its `person`."""
    text = json.dumps(record, sort_keys=True)
    columns, values = ["key", "record", "seal"], [key, text, _seal(key, text)]
    if table == "sessions":
        columns.append("person")
        values.append(record["person"])
    marks = ", ".join("?" * len(values))
    connection.execute(f"REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})", values)


def _opened(key: str, record: str, seal: str) -> Row | None:
    if _seal(key, record) != seal:
        log.error("%s has a row that is damaged, and counts as missing", NAME)
        return None
    opened: Row = json.loads(record)
    return opened


def _seal(key: str, text: str) -> str:
    return hashlib.sha256(f"{key}\n{text}".encode(errors="replace")).hexdigest()
