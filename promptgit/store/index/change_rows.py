"""The rows of the feed: every commit of `main`, and what each did, in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from promptgit.domain.history import Commit
from promptgit.store.index import makers
from promptgit.store.index.connections import Unusable, head_of
from promptgit.store.index.makers import Makers
from promptgit.store.index.rows import insert
from promptgit.store.index.seals import seal

OUTSIDE = "outside"
"""Of a gated label's move that came without a release."""


class Done(NamedTuple):
    """One thing that a commit did: the columns of `changes` from `type` on."""

    type: str
    prompt: int | None
    name: str | None
    other: str | None = None
    before: int | None = None
    number: int | None = None
    detail: str | None = None


class ChangeRows:
    """Rows held back until `flush`, within a transaction of the caller's.

    With *empty* the index holds nothing yet, and nothing is looked up in it.
    """

    def __init__(self, connection: sqlite3.Connection, *, empty: bool) -> None:
        self._connection = connection
        self.next_number = 1 if empty else newest(connection)[0] + 1  # the number of the commit at hand
        self._dates: list[tuple[int, int]] = []  # numbers and dates of those held back
        self._commits: list[tuple[object, ...]] = []
        self._changes: list[tuple[object, ...]] = []

    def __len__(self) -> int:
        return len(self._commits) + len(self._changes)

    def add(self, commit: Commit, by: Makers, done: Sequence[Done]) -> None:
        """Note a commit, and what it did."""
        number, count = self.next_number, 0
        if len(done) == 1 and done[0].type == "version":
            version = done[0].prompt, done[0].number
            told: tuple[Any, ...] = (*version, None, None, None, None)
            said: tuple[Any, ...] = (None,) * 6
        else:
            told, count = (None, None, commit.timestamp, *by, commit.description), len(done)
            rows = [(number, place, *change) for place, change in enumerate(done)]
            self._changes += [(*row, seal(*row)) for row in rows]
            said = commit.timestamp, *makers.sealed(commit), commit.description
        sealed = seal(number, commit.id, *told[:2], *said, count, commit.stored)
        self._commits.append((number, bytes.fromhex(commit.id), *told, count, commit.stored, sealed))
        while self._dates and self._dates[-1][0] >= commit.stored:
            self._dates.pop()
        self._dates.append((commit.stored, number))
        self.next_number += 1

    def flush(self) -> None:
        """Write the rows held back."""
        insert(self._connection, "commits", self._commits)
        insert(self._connection, "changes", self._changes)
        self._flush_dates()
        self._commits.clear()
        self._changes.clear()

    def _flush_dates(self) -> None:
        if not self._dates:
            return
        execute = self._connection.execute
        execute("DELETE FROM dates WHERE stored >= ?", (self._dates[0][0],))
        last = execute("SELECT number FROM dates ORDER BY stored DESC LIMIT 1").fetchone()
        befores = [last[0] if last else 0, *(number for _, number in self._dates)]
        rows = [(*date, before) for date, before in zip(self._dates, befores, strict=False)]
        insert(self._connection, "dates", [(*row, seal(*row)) for row in rows])
        self._dates.clear()


def newest(connection: sqlite3.Connection) -> tuple[int, str]:
    """The number of the newest commit, and its id in hexadecimal, outside of a write that has begun.

    Raises:
        Unusable: it is not the one that the index reflects.
    """
    row = connection.execute("SELECT number, id FROM commits ORDER BY number DESC LIMIT 1").fetchone()
    if row is None or row[1] != bytes.fromhex(head_of(connection)):
        raise Unusable("a row of the index is missing")
    return row[0], row[1].hex()
