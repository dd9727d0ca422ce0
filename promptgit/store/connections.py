"""Connections to the index file, and what SQLite's errors mean for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from promptgit.store.schema import SCHEMA


class Unusable(Exception):
    """The file cannot be brought up to `main`: missing, damaged, of another schema, of another history."""


def uri_of(path: Path, mode: str) -> str:
    """The file as SQLite's URI (sqlite.org/uri.html), which never makes a missing one."""
    return f"file:{quote(str(path))}?mode={mode}"


def open_index(path: Path) -> sqlite3.Connection:
    """A connection to a sound index of our schema; call it while nobody swaps the file."""
    connection = sqlite3.connect(uri_of(path, "rw"), uri=True, isolation_level=None, timeout=5)
    try:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        if schema != SCHEMA:
            raise Unusable
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -512")  # KiB; every thread has one, and the system caches too
        head_of(connection)  # the log is opened by its name now, while nobody swaps the file
    except BaseException:
        connection.close()
        raise
    return connection


def try_begin(connection: sqlite3.Connection) -> bool:
    """Begin a transaction that writes, if nobody else has one now."""
    try:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
        return False
    finally:
        connection.execute("PRAGMA busy_timeout = 5000")
    return True


@contextmanager
def rolled_back(connection: sqlite3.Connection) -> Iterator[None]:
    """Leave no transaction open behind."""
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def head_of(connection: sqlite3.Connection) -> str:
    """The commit that the index reflects, in hexadecimal."""
    row = connection.execute("SELECT commit_id FROM head").fetchone()
    if row is None:
        raise Unusable
    head: bytes = row[0]
    return head.hex()


def is_busy(error: Exception) -> bool:
    """Whether somebody else has what it needs; later it may work."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def is_damage(error: Exception) -> bool:
    """Whether a new index mends it."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        missing = code == sqlite3.SQLITE_ERROR and str(error).startswith(("no such ", "vtable constructor failed"))
        return missing or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, (Unusable, UnicodeDecodeError))  # the latter where even a message is damaged
