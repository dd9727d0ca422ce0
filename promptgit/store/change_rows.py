"""The rows of the feed: every commit of `main`, and what each did, in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from promptgit.store.history import Commit
from promptgit.store.rows import insert

Done = tuple[str, int, str, str | None, int | None, int | None]
"""What a commit did to one prompt: the columns of `changes` from `type` on."""


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
        if len(done) == 1 and done[0][0] == "version":
            told: tuple[object, ...] = (done[0][1], done[0][5], None, None, None)
        else:
            told = (None, None, commit.timestamp, author, commit.description)
            self._changes += [(self._number, place, *change) for place, change in enumerate(done)]
        self._commits.append((self._number, bytes.fromhex(commit.id), *told))

    def flush(self) -> None:
        """Write the rows held back."""
        insert(self._connection, "commits", self._commits)
        insert(self._connection, "changes", self._changes)
        self._commits.clear()
        self._changes.clear()
