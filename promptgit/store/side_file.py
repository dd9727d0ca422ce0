"""An SQLite file in the data folder that is not derived from git, and that the service does without if it is lost."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from promptgit.errors import LockTimeout, StorageFailed
from promptgit.store.files import fsync_folder, make_folder_durably, storage_errors

log = logging.getLogger(__name__)

Found = TypeVar("Found")
_SECONDS = 10.0


class SideFile:
    """The file at *path*; several processes may use it at the same time. No connection stays open.

    *tables* are what follows CREATE TABLE; *loss* says in the log what follows where the file is damaged. A file that
    SQLite cannot read is set aside under its name and `.damaged`.
    """

    def __init__(self, path: Path, tables: Sequence[str], loss: str) -> None:
        self.path = path
        self._tables = tables
        self._loss = loss

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
                for table in self._tables:
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
            log.error("%s is damaged (%s), and is set aside: %s", self.path, error, self._loss)
            for suffix in ("", "-journal"):
                with suppress(FileNotFoundError):
                    os.replace(f"{self.path}{suffix}", f"{self.path}.damaged{suffix}")
