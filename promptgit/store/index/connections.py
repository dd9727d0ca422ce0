"""Connections to the index file, and what SQLite's errors mean for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from promptgit.store.index.schema import SCHEMA


class Unusable(Exception):
    """The file cannot be brought up to `main`: missing, damaged, of another schema, of another history."""


def uri_of(path: Path, mode: str) -> str:
    """The file as SQLite's URI (sqlite.org/uri.html), which never makes a missing one."""
    return f"file:{quote(str(path))}?mode={mode}"


def open_index(path: Path) -> sqlite3.Connection:
    """A connection that reads and writes a sound index of our schema; call it while nobody swaps the file.

    Raises:
        Unusable: it is of another schema, or not finished.
        sqlite3.Error: for one, that the files can only be read, perhaps for a want of file handles.
    """
    connection = sqlite3.connect(uri_of(path, "rw"), uri=True, isolation_level=None, timeout=5, check_same_thread=False)
    try:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        if schema != SCHEMA:
            raise Unusable
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -512")  # KiB; every reader has one, and the system caches too
        head_of(connection)  # the log is opened by its name now, while nobody swaps the file
        # What SQLite cannot open for writing, for a want of file handles perhaps, it opens for reading alone. That
        # would last as long as the connection; of the file that connections share, as long as this process has any.
        if try_begin(connection):
            with rolled_back(connection):
                connection.execute("UPDATE head SET commit_id = commit_id")  # BEGIN alone does not mind
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
            # In a damaged file it may fail; what was done stays done, and `Index` gives that connection up.
            with suppress(sqlite3.DatabaseError):
                connection.execute("ROLLBACK")


@contextmanager
def one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """All statements within see the same state of the index."""
    with rolled_back(connection):
        connection.execute("BEGIN")
        yield


def head_of(connection: sqlite3.Connection) -> str:
    """The commit that the index reflects, in hexadecimal.

    Raises:
        Unusable: the index does not say.
    """
    row = connection.execute("SELECT commit_id FROM head").fetchone()
    if row is None or not isinstance(row[0], bytes) or len(row[0]) != 20:
        raise Unusable("its head is damaged")
    return row[0].hex()


def is_busy(error: Exception) -> bool:
    """Whether somebody else has what it needs; later it may work."""
    # Errors of the module itself have no code.
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def is_for_reading_alone(error: Exception) -> bool:
    """Whether the connection cannot write; another one may."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY
