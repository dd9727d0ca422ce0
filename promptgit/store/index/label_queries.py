"""What is read of labels from the index; every function takes a connection first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from promptgit.domain.models import LabelMove
from promptgit.store.index import makers
from promptgit.store.index.connections import Unusable
from promptgit.store.index.prompt_rows import PromptRow, find
from promptgit.store.index.seals import expect

MOVE = (
    f"m.label, m.made, m.move, m.number, m.before, m.outside, m.commit_id, m.timestamp, {makers.COLUMNS}, "
    "m.description, m.seal"
)
_MOVES = f"""
SELECT {MOVE} FROM label_moves m {makers.joined("m")} WHERE m.prompt = ?
"""


def pointers(connection: sqlite3.Connection, prompt_id: str) -> list[LabelMove]:
    """The newest move of each label that points at a version of a prompt that is there, sorted by label."""
    found = find(connection, prompt_id)
    if found is None or found.removed is not None:
        return []
    newest = (
        "AND m.made = (SELECT max(made) FROM label_moves WHERE prompt = m.prompt AND label = m.label) ORDER BY m.label"
    )
    moves = [move_of(found, row) for row in connection.execute(f"{_MOVES} {newest}", (found.key,))]
    if {move.label: move.number for move in moves if move.number is not None} != found.labels:
        raise Unusable("a label's row of the index is damaged")
    return [move for move in moves if move.number is not None and move.number <= found.versions]


def pointer(connection: sqlite3.Connection, prompt_id: str, label: str) -> LabelMove | None:
    """The newest move of one label, if it points at a version."""
    return next((move for move in pointers(connection, prompt_id) if move.label == label), None)


def moves(connection: sqlite3.Connection, prompt_id: str, label: str) -> list[LabelMove]:
    """Every move of a label, oldest first."""
    found = find(connection, prompt_id)
    if found is None:
        return []
    rows = connection.execute(f"{_MOVES} AND m.label = ? ORDER BY m.made", (found.key, label)).fetchall()
    moves = [move_of(found, row) for row in rows]
    numbers = [row[2] for row in rows]
    last = moves[-1].number if moves else None
    if numbers != list(range(1, len(rows) + 1)) or last != found.labels.get(label):
        raise Unusable("a label's row of the index is damaged")
    return moves


def files(connection: sqlite3.Connection, name: str) -> dict[str, str]:
    """Label -> the blob of its file (hexadecimal), of all label files of a name, those with nonsense too."""
    rows = connection.execute("SELECT label, number, blob, seal FROM labels WHERE name = ?", (name,)).fetchall()
    for label, number, blob, sealed in rows:
        expect(sealed, (name, label, number, blob))
    return {label: blob.hex() for label, _, blob, _ in rows}


def ignored(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Label and prompt's name of every label file that points at no version."""
    yield from connection.execute(
        "SELECT l.label, l.name FROM labels l LEFT JOIN prompts p ON p.name = l.name AND p.removed IS NULL "
        "WHERE l.number IS NULL OR p.key IS NULL OR l.number > p.versions ORDER BY l.label, l.name"
    )


def move_of(found: PromptRow, row: Sequence[Any]) -> LabelMove:
    """A move of a label of a prompt, of a row of `MOVE`."""
    expect(row[-1], (found.key, *row[:-1]))
    label, _, _, number, before, outside, commit, seconds, *by, description, _ = row
    who = makers.of_columns(*by)
    return LabelMove(label, before, number, seconds, description, *who, commit.hex(), bool(outside))
