"""The rows of the feed: every commit of `main`, and what each did, in order."""

from __future__ import annotations

import sqlite3

from promptgit.store.history import Commit


class ChangeRows:
    """Rows held back until `flush`, within a transaction of the caller's.

    With *empty* the index holds nothing yet, and nothing is looked up in it.
    """

    def __init__(self, connection: sqlite3.Connection, *, empty: bool) -> None:
        self._connection = connection
        self._number = 0 if empty else connection.execute("SELECT max(number) FROM commits").fetchone()[0]
        self._place = 0
        self._commits: list[tuple[object, ...]] = []
        self._changes: list[tuple[object, ...]] = []

    def __len__(self) -> int:
        return len(self._commits) + len(self._changes)

    def begin(self, commit: Commit, author: int) -> None:
        """Note a commit; what is added from now on is what it did."""
        self._number += 1
        self._place = 0
        self._commits.append((self._number, bytes.fromhex(commit.id), commit.timestamp, author, commit.description))

    def add(
        self,
        kind: str,
        prompt: int,
        name: str,
        other: str | None = None,
        before: int | None = None,
        number: int | None = None,
    ) -> None:
        """Note a change; the columns of `changes` say what each value is."""
        self._changes.append((self._number, self._place, kind, prompt, name, other, before, number))
        self._place += 1

    def flush(self) -> None:
        """Write the rows held back."""
        self._connection.executemany("INSERT INTO commits VALUES (?, ?, ?, ?, ?)", self._commits)
        self._connection.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?, ?)", self._changes)
        self._commits.clear()
        self._changes.clear()
