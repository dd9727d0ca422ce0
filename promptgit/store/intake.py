"""Git's commits, taken into the index: those that it lacks, or all of them into a new file."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from promptgit.errors import UnusableRepository
from promptgit.store.connections import Unusable, head_of
from promptgit.store.history import Commit
from promptgit.store.ledger import Ledger
from promptgit.store.repository import Repository
from promptgit.store.schema import INDEXES, TABLES

Progress = Callable[[int], None]
"""Called now and then with the number of commits taken in so far."""

_REPORT_EVERY = 2_000  # commits
_CACHE = 1 << 16  # KiB; versions of many prompts come in turn, each in a page of its own


def take_in(connection: sqlite3.Connection, repository: Repository) -> None:
    """Bring an index up to `main`, within a transaction of the caller's.

    Raises:
        Unusable: the index's head is not in the first-parent history of `main`.
    """
    head, main = head_of(connection), repository.main()
    if head == main:
        return
    if head not in repository:
        raise Unusable
    ledger = Ledger(connection)
    try:
        ledger.apply(_following(head, repository.git.log(head, main)), repository.read)
    except UnusableRepository as error:
        raise Unusable from error  # git knows the head no more, though libgit2 still does
    ledger.flush()
    connection.execute("UPDATE head SET commit_id = ?", (bytes.fromhex(main),))


def build(path: Path, repository: Repository, upto: str, progress: Progress | None = None) -> None:
    """Write a whole index of the history up to a commit into a new file, fsynced."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        connection.executescript(TABLES)
        connection.execute("BEGIN")
        ledger = Ledger(connection, empty=True)
        with _no_collections():
            ledger.apply(_reporting(repository.git.log(None, upto), progress), repository.read)
        ledger.flush()
        connection.execute("INSERT INTO head VALUES (?)", (bytes.fromhex(upto),))
        connection.execute("COMMIT")
        connection.executescript(INDEXES)
    finally:
        connection.close()
    with open(path, "rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _no_collections() -> Iterator[None]:
    """Rows are no cycles, and looking for some among them takes a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _following(head: str, commits: Iterator[Commit]) -> Iterator[Commit]:
    """The commits, which must be those right after *head*."""
    parent: str | None = None
    for commit in commits:
        if parent is None and commit.parent != head:
            raise Unusable
        parent = commit.id
        yield commit
    if parent is None:
        raise Unusable


def _reporting(commits: Iterator[Commit], progress: Progress | None) -> Iterator[Commit]:
    if progress is None:
        yield from commits
        return
    count = 0
    for count, commit in enumerate(commits, 1):
        if count % _REPORT_EVERY == 0:
            progress(count)
        yield commit
    progress(count)
