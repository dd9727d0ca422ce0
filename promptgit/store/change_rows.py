"""The rows of the feed: every commit of `main`, and what each did, in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from promptgit.store.history import Commit


class Done(NamedTuple):
    """What a commit did to one prompt; the columns of `changes` say what each value is."""

    type: str
    prompt: int
    name: str
    other: str | None = None
    before: int | None = None
    number: int | None = None


class ChangeRows:
    """Rows held back until `flush`, within a transaction of the caller's.

    With *empty* the index holds nothing yet, and nothing is looked up in it.
    """

    def __init__(self, connection: sqlite3.Connection, *, empty: bool) -> None:
        self._connection = connection
        self._number = 0 if empty else connection.execute("SELECT max(number) FROM commits").fetchone()[0]
        self._commits: list[tuple[object, ...]] = []
        self._changes: list[tuple[object, ...]] = []

    def __len__(self) -> int:
        return len(self._commits) + len(self._changes)

    def add(self, commit: Commit, author: int, done: Sequence[Done]) -> None:
        """Note a commit, and what it did."""
        self._number += 1
        if len(done) == 1 and done[0].type == "version":
            told: tuple[object, ...] = (done[0].prompt, done[0].number, None, None, None)
        else:
            told = (None, None, commit.timestamp, author, commit.description)
            self._changes += [(self._number, place, *change) for place, change in enumerate(done)]
        self._commits.append((self._number, bytes.fromhex(commit.id), *told))

    def flush(self) -> None:
        """Write the rows held back."""
        self._connection.executemany("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?)", self._commits)
        self._connection.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._changes)
        self._commits.clear()
        self._changes.clear()
