"""What is read of the feed from the index; every function takes a connection first."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from promptgit.models import Author, Change

_CHANGES = """
SELECT f.type, lower(hex(m.id)), p.id, f.name, f.other, f.before, f.number, coalesce(m.timestamp, v.timestamp),
coalesce(m.description, v.description), a.name, a.email
FROM feed f JOIN commits m ON m.number = f.made LEFT JOIN versions v ON v.prompt = m.prompt AND v.number = m.version
JOIN prompts p ON p.key = f.prompt JOIN authors a ON a.key = coalesce(m.author, v.author)
WHERE f.made > ? AND f.made <= ? ORDER BY f.made, f.place
"""


def number_of(connection: sqlite3.Connection, commit: str) -> int | None:
    """The place of a commit (40 hexadecimal digits) in the first-parent history of `main`, counted from 1."""
    row = connection.execute("SELECT number FROM commits WHERE id = ?", (bytes.fromhex(commit),)).fetchone()
    return None if row is None else row[0]


def page(connection: sqlite3.Connection, after: int, limit: int) -> tuple[list[Change], str, bool]:
    """The changes of the commits after the one numbered *after*; the last commit looked at; whether more follow.

    They are those of whole commits: at most *limit*, or all of the first commit that did anything.
    """
    last = _newest(connection)
    cut = connection.execute(
        "SELECT made FROM feed WHERE made > ? AND made <= ? ORDER BY made, place LIMIT 1 OFFSET ?",
        (after, last, limit),
    ).fetchone()
    end = last
    if cut is not None:
        first = connection.execute("SELECT made FROM feed WHERE made > ? ORDER BY made LIMIT 1", (after,)).fetchone()[0]
        end = max(first, cut[0] - 1)
    changes = [
        Change(kind, commit, prompt_id, name, other, before, number, seconds, description, Author(author, email))
        for kind, commit, prompt_id, name, other, before, number, seconds, description, author, email in (
            connection.execute(_CHANGES, (after, end))
        )
    ]
    more = cut is not None and (
        connection.execute("SELECT 1 FROM feed WHERE made > ? AND made <= ? LIMIT 1", (end, last)).fetchone()
        is not None
    )
    seen = end if more else last
    (commit,) = connection.execute("SELECT id FROM commits WHERE number = ?", (seen,)).fetchone()
    return changes, commit.hex(), more


def count(connection: sqlite3.Connection, after: int, types: Collection[str], prefix: str) -> int:
    """How many changes of these types, and of prompts whose name begins (or began) so, came after a commit."""
    marks = ", ".join("?" * len(types))
    (found,) = connection.execute(
        f"SELECT count(*) FROM feed WHERE made > ? AND type IN ({marks}) AND "
        "(? = '' OR substr(name, 1, ?) = ? OR type = 'rename' AND substr(other, 1, ?) = ?)",
        (after, *types, prefix, len(prefix), prefix, len(prefix), prefix),
    ).fetchone()
    return int(found)


def _newest(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT max(number) FROM commits").fetchone()[0])
