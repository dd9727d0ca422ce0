"""What is read of labels from the index; every function takes a connection first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from promptgit.models import Author, LabelMove

_MOVES = """
SELECT m.label, b.number, m.number, m.timestamp, m.description, a.name, a.email, m.commit_id
FROM prompts p JOIN label_moves m ON m.prompt = p.key JOIN authors a ON a.key = m.author
LEFT JOIN label_moves b ON b.prompt = m.prompt AND b.label = m.label AND b.move = m.move - 1
WHERE p.id = ?
"""


def pointers(connection: sqlite3.Connection, prompt_id: str) -> list[LabelMove]:
    """The newest move of each label that points at a version of a prompt that is there, sorted by label."""
    return _moves(
        connection.execute(
            f"""{_MOVES} AND p.removed IS NULL AND m.number <= p.versions AND m.move = (
                SELECT max(move) FROM label_moves WHERE prompt = m.prompt AND label = m.label
            ) ORDER BY m.label""",
            (prompt_id,),
        )
    )


def pointer(connection: sqlite3.Connection, prompt_id: str, label: str) -> LabelMove | None:
    """The newest move of one label, if it points at a version."""
    return next((move for move in pointers(connection, prompt_id) if move.label == label), None)


def moves(connection: sqlite3.Connection, prompt_id: str, label: str) -> list[LabelMove]:
    """Every move of a label, oldest first."""
    return _moves(connection.execute(f"{_MOVES} AND m.label = ? ORDER BY m.move", (prompt_id, label)))


def files(connection: sqlite3.Connection, name: str) -> dict[str, str]:
    """Label -> the blob of its file (hexadecimal), of all label files of a name, those with nonsense too."""
    rows = connection.execute("SELECT label, blob FROM labels WHERE name = ?", (name,))
    return {label: blob.hex() for label, blob in rows}


def ignored(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Label and prompt's name of every label file that points at no version."""
    yield from connection.execute(
        "SELECT l.label, l.name FROM labels l LEFT JOIN prompts p ON p.name = l.name AND p.removed IS NULL "
        "WHERE l.number IS NULL OR p.key IS NULL OR l.number > p.versions ORDER BY l.label, l.name"
    )


def _moves(rows: sqlite3.Cursor) -> list[LabelMove]:
    return [
        LabelMove(label, before, number, seconds, description, Author(name, email), commit.hex())
        for label, before, number, seconds, description, name, email, commit in rows
    ]
