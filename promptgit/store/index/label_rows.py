"""The rows of labels: what lies in their files, and the moves of each prompt's labels."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from promptgit.domain.history import Commit, LabelFile
from promptgit.domain.labels import LATEST, is_label, number_in
from promptgit.store.index import makers
from promptgit.store.index.makers import Makers
from promptgit.store.index.rows import insert
from promptgit.store.index.seals import expect, seal

_MOVES = f"""
SELECT m.label, m.made, m.move, m.number, m.before, m.outside, m.commit_id, m.timestamp, {makers.COLUMNS},
    m.description, m.seal
FROM label_moves m {makers.joined("m")} WHERE m.prompt = ? ORDER BY m.move
"""


class LabelRows:
    """Rows held back until `flush`, within a transaction of the caller's.

    With *empty* the index holds nothing yet, and nothing is looked up in it.
    """

    def __init__(self, connection: sqlite3.Connection, *, empty: bool) -> None:
        self._connection = connection
        self._empty = empty
        self._files: dict[str, dict[str, int | None]] = {}  # name -> label -> number
        self._written: dict[tuple[str, str], tuple[int | None, bytes] | None] = {}
        self._last: dict[int, dict[str, tuple[int, int | None]]] = {}  # prompt -> label -> move, number
        self._moves: list[tuple[object, ...]] = []

    def __len__(self) -> int:
        return len(self._written) + len(self._moves)

    def write(self, file: LabelFile, read: Callable[[str], bytes]) -> None:
        """Note what a file holds now; *read* gives the bytes of a blob by its id, called only where they count."""
        if file.blob is None:
            self.files_of(file.name).pop(file.label, None)
            self._written[file.name, file.label] = None
        else:
            number = number_in(read(file.blob)) if is_label(file.label) and file.label != LATEST else None
            self.files_of(file.name)[file.label] = number
            self._written[file.name, file.label] = number, bytes.fromhex(file.blob)

    def settle(
        self,
        prompt: int,
        name: str | None,
        commit: Commit,
        by: Makers,
        made: int,
        is_outside: Callable[[str, int | None], bool],
    ) -> list[tuple[str, int | None, int | None]]:
        """Note where a prompt's labels point after the commit numbered *made*; those that moved, from where, to where.

        Without *name* it was removed. *is_outside* tells of a label and its new number that no release says so.
        """
        now = self.files_of(name) if name else {}
        last = self._last_of(prompt)
        moves: list[tuple[str, int | None, int | None]] = []
        for label in sorted({*now, *last}):
            move, before = last.get(label, (0, None))
            if (number := now.get(label)) != before:
                moves.append((label, before, number))
                last[label] = move + 1, number
                said = prompt, label, made, move + 1, number, before, int(is_outside(label, number))
                sealed = seal(*said, commit.id, commit.timestamp, *makers.sealed(commit), commit.description)
                why = bytes.fromhex(commit.id), commit.timestamp, *by, commit.description
                self._moves.append((*said, *why, sealed))
        return moves

    def files_of(self, name: str) -> dict[str, int | None]:
        """Where the labels of a name point, by their files."""
        if name not in self._files:
            rows = self._find("SELECT label, number, blob, seal FROM labels WHERE name = ?", name)
            self._files[name] = {}
            for label, number, blob, sealed in rows:
                expect(sealed, (name, label, number, blob))
                self._files[name][label] = number
        return self._files[name]

    def _last_of(self, prompt: int) -> dict[str, tuple[int, int | None]]:
        if prompt not in self._last:
            self._last[prompt] = {}
            for *said, sealed in self._find(_MOVES, prompt):
                expect(sealed, (prompt, *said))
                self._last[prompt][said[0]] = said[2], said[3]
        return self._last[prompt]

    def _find(self, query: str, value: int | str) -> Iterable[tuple[Any, ...]]:
        return () if self._empty else self._connection.execute(query, (value,))

    def flush(self) -> None:
        """Write the rows held back."""
        self._connection.executemany("DELETE FROM labels WHERE name = ? AND label = ?", self._written)
        rows = [(*key, *held) for key, held in self._written.items() if held is not None]
        insert(self._connection, "labels", [(*row, seal(*row)) for row in rows])
        insert(self._connection, "label_moves", self._moves)
        self._written.clear()
        self._moves.clear()
