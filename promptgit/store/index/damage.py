"""Which errors a damaged index leads to. An index holds nothing that git does not, so a new one repairs it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from promptgit.errors import PromptgitError
from promptgit.store.index.connections import Unusable

# Constraints and types hold for all that the ledger writes.
_DAMAGES = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
)
# The file ends too soon, or its disk has lost a part of it: a new one lies elsewhere.
_LOST = (sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_READ)
_SAID = ("no such ", "vtable constructor failed", "malformed database schema", "Could not decode to UTF-8")
_STUMBLES = (AssertionError, AttributeError, TypeError, ValueError, LookupError, ArithmeticError, StopIteration)


class Stumbled(Exception):
    """Within a write: an error that comes from a damaged index or from a bug of promptgit. Nothing was written."""

    def __init__(self, error: Exception) -> None:
        self.error = error


@contextmanager
def stumbling(repairing: bool) -> Iterator[None]:
    """With *repairing* raise `Stumbled` for what a damaged index may have led to."""
    try:
        yield
    except Exception as error:
        if repairing and (is_damage(error) or may_be_damage(error)):
            raise Stumbled(error) from error
        raise


def is_damage(error: Exception) -> bool:
    """True if only a damaged index leads to this error; a new index repairs that."""
    if isinstance(error, sqlite3.Error):
        extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        code = extended & 0xFF
        says_so = code == sqlite3.SQLITE_ERROR and str(error).startswith(_SAID)
        return says_so or code in _DAMAGES or extended in _LOST
    return isinstance(error, (Unusable, UnicodeDecodeError))  # the latter where even a message is damaged


def may_be_damage(error: Exception) -> bool:
    """True if rows that the ledger cannot have written, or a bug of promptgit, may have led to this error."""
    return isinstance(error, _STUMBLES) and not isinstance(error, (PromptgitError, UnicodeEncodeError))


def is_sound(connection: sqlite3.Connection) -> bool:
    """Whether the file's structure is whole: its pages, and the indexes and constraints of its tables; reads it all."""
    try:
        return bool(connection.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)])
    except sqlite3.DatabaseError:
        return False
