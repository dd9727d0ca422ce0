"""`people.sqlite3` of a data folder: rows that are sealed, in a file that may be lost.

It is not derived from git, and nothing depends on it: without it, people sign in again. A file that SQLite cannot
read is set aside as `people.sqlite3.damaged`; a row whose seal (SHA-256) does not fit, for SQLite has no checksums, is
as good as missing. Nobody is let in by either.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from promptgit.errors import LockTimeout, StorageFailed
from promptgit.store.files import Mark, fsync_folder, make_folder_durably, mark_of, storage_errors

log = logging.getLogger(__name__)

NAME = "people.sqlite3"
Row = dict[str, Any]
Found = TypeVar("Found")

_SECONDS = 10.0
# `key` is an account's id, or the hash of a session's secret; `person` an account's id.
_TABLES = (
    "accounts (key TEXT PRIMARY KEY, record TEXT NOT NULL, seal TEXT NOT NULL)",
    "sessions (key TEXT PRIMARY KEY, record TEXT NOT NULL, seal TEXT NOT NULL, person TEXT NOT NULL)",
    "addresses (address TEXT, person TEXT, PRIMARY KEY (address, person))",
)


class PeopleFile:
    """The file in a data folder; several processes may use it at the same time. No connection stays open."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def mark(self) -> Mark | None:
        """The `files.mark_of` the file; None also where it cannot be looked at."""
        try:
            return mark_of(str(self.path))
        except OSError:
            return None

    def read(self, query: Callable[[sqlite3.Connection], Found], default: Found) -> Found:
        """What *query* finds; *default* where there is no file, or none that can be read."""
        if not self.path.exists():
            return default
        try:
            with closing(self._connect()) as connection:
                return query(connection)
        except (sqlite3.Error, OSError) as error:
            log.error("%s cannot be read: %s", self.path, error)
            return default

    def write(self, change: Callable[[sqlite3.Connection], Found]) -> Found:
        """Run *change* in a transaction that is on disk when this returns. A damaged file is set aside first.

        Raises:
            LockTimeout: another process kept the file for ten seconds.
            StorageFull, StorageFailed: nothing was written.
        """
        try:
            return self._write(change)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise LockTimeout(_SECONDS) from error
            self._set_aside(error)
        try:
            return self._write(change)
        except sqlite3.DatabaseError as error:
            raise StorageFailed(str(error)) from error

    def _write(self, change: Callable[[sqlite3.Connection], Found]) -> Found:
        with storage_errors():
            self._make()
            with closing(self._connect()) as connection, connection:
                connection.execute("BEGIN IMMEDIATE")
                for table in _TABLES:
                    connection.execute(f"CREATE TABLE IF NOT EXISTS {table} WITHOUT ROWID")
                return change(connection)

    def _make(self) -> None:
        if self.path.exists():
            return
        make_folder_durably(self.path.parent)
        # SQLite gives its journal the same mode.
        os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        fsync_folder(self.path.parent)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True, timeout=_SECONDS)
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = EXTRA")
        return connection

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        with storage_errors(), FileLock(self.path.with_suffix(".lock"), timeout=_SECONDS):
            with suppress(sqlite3.DatabaseError), closing(self._connect()) as connection:
                if connection.execute("PRAGMA quick_check").fetchone() == ("ok",):
                    return  # another process has done it
            log.error("%s is damaged (%s), and is set aside: everybody signs in again", self.path, error)
            for suffix in ("", "-journal"):
                with suppress(FileNotFoundError):
                    os.replace(f"{self.path}{suffix}", f"{self.path}.damaged{suffix}")


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
