"""Git's commits, taken into the index: those that it lacks, or all of them into a new file."""

from __future__ import annotations

import gc
import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from promptgit.domain import labels
from promptgit.domain.history import Commit
from promptgit.errors import Damaged, UnusableRepository
from promptgit.store.git import kinds, objects
from promptgit.store.git.hashing import object_id
from promptgit.store.git.repository import Repository
from promptgit.store.index.connections import Unusable, head_of
from promptgit.store.index.ledger import Ledger
from promptgit.store.index.release_rows import begin as begin_rules
from promptgit.store.index.requests import KEPT_SECONDS, note, request_in
from promptgit.store.index.schema import INDEXES, TABLES

Progress = Callable[[int], None]
"""Called now and then with the number of commits taken in so far."""

_REPORT_EVERY = 2_000  # commits
_NUMBERS_TRIED = 10_000  # some milliseconds
_CACHE = 1 << 16  # KiB; versions of many prompts come in turn, each in a page of its own


def take_in(connection: sqlite3.Connection, repository: Repository, now: float) -> None:
    """Bring an index up to `main`, within a transaction of the caller's; *now* is in seconds since 1970.

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
        _apply(
            ledger,
            _chain(repository.git.log(head, main), head, main, repository),
            connection,
            repository,
            main,
            now,
        )
    except UnusableRepository as error:
        raise Unusable from error  # git knows the head no more, though libgit2 still does
    connection.execute("UPDATE head SET commit_id = ?", (bytes.fromhex(main),))


def build(
    path: Path, repository: Repository, upto: str, progress: Progress | None = None, *, now: float = math.inf
) -> None:
    """Write a whole index of the history up to a commit into a new file, fsynced.

    *now* is in seconds since 1970: the requests of the 24 hours before it are noted; without it none.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        connection.executescript(TABLES)
        connection.execute("BEGIN")
        begin_rules(connection)
        ledger = Ledger(connection, empty=True)
        with _no_collections():
            commits = _reporting(_chain(repository.git.log(None, upto), None, upto, repository), progress)
            _apply(ledger, commits, connection, repository, upto, now)
        connection.execute("INSERT INTO head VALUES (?)", (bytes.fromhex(upto),))
        connection.execute("COMMIT")
        connection.executescript(INDEXES)
    finally:
        connection.close()
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _apply(
    ledger: Ledger,
    commits: Iterator[Commit],
    connection: sqlite3.Connection,
    repository: Repository,
    upto: str,
    now: float,
) -> None:
    """Take in commits up to *upto*, and which requests made those of the last 24 hours.

    `git log` prints no header that it does not know, so the headers of these commits are read once more.
    """
    parents: list[str | None] = []  # that of the first commit of the last 24 hours

    def noted() -> Iterator[Commit]:
        for commit in commits:
            if not parents and commit.timestamp >= now - KEPT_SECONDS:
                parents.append(commit.parent)
            yield commit

    ledger.apply(noted(), lambda blob: _label_file(blob, repository.read))
    ledger.flush()
    if parents:
        headers = repository.git.headers(upto, after=parents[0], first_parent=True)
        made = [(commit, found) for commit, lines in headers if (found := request_in(lines))]
        note(connection, reversed(made))


def _label_file(blob: str, read: Callable[[str], bytes]) -> bytes:
    """What a label's file holds. Where that is damaged its id tells it: few texts are the number of a version.

    Raises:
        Damaged: it is damaged, and was nothing that a label of ours holds.
    """
    try:
        return read(blob)
    except Damaged:
        for number in range(1, _NUMBERS_TRIED + 1):
            if object_id(objects.BLOB, data := labels.content(number)) == blob:
                return data
        raise


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


def _chain(commits: Iterator[Commit], after: str | None, upto: str, repository: Repository) -> Iterator[Commit]:
    """The commits, which must be all after *after* (None: all) up to *upto*, each the first parent of the next.

    Raises:
        Unusable: *after* is not in the first-parent history of *upto*.
        UnusableRepository: git has left some out, or told of others: its objects are damaged.
    """
    parent = after
    for commit in commits:
        if commit.parent != parent:
            if after is not None and parent == after:
                raise Unusable
            raise UnusableRepository(
                str(repository.path), f"its history does not fit together at {commit.id}; see 'git fsck'."
            )
        parent = commit.id
        yield commit
    if parent != upto:
        if after is None:
            raise kinds.without_commit(repository.path, upto)
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
