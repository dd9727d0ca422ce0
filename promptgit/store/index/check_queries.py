"""What is read of checks from the index; every function takes a connection first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from promptgit.domain.evaluations import Check
from promptgit.domain.models import Author
from promptgit.store.index.seals import expect

_CHECKS = """
SELECT c.version, c.name, c.prompt IS NOT NULL, c.number, c.state, c.summary, c.url, c.commit_id, c.timestamp,
    a.name, a.email, c.seal, p.id
FROM json_each(?) wanted CROSS JOIN checks c ON c.version = wanted.value
LEFT JOIN authors a ON a.key = c.author LEFT JOIN prompts p ON p.key = c.prompt
ORDER BY c.version, c.name
"""


def of_versions(connection: sqlite3.Connection, versions: Iterable[str]) -> dict[str, list[Check]]:
    """The checks of versions, by the versions' ids; each list is sorted by name, and those without any are left out.

    Raises:
        Unusable: a row is damaged.
    """
    found: dict[str, list[Check]] = {}
    for row in connection.execute(_CHECKS, (json.dumps(list(versions)),)):
        expect(row[11], (row[0], row[1], bool(row[2]), *row[3:7], row[7], *row[8:11]))
        if row[2]:
            found.setdefault(row[0], []).append(_check(row))
    return found


def ignored(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Version's id and check of every file of a check that says nothing of the version that its path names."""
    return connection.execute("SELECT version, name FROM checks WHERE prompt IS NULL ORDER BY version, name").fetchall()


def _check(row: Sequence[Any]) -> Check:
    _, name, _, number, state, summary, url, commit, seconds, author, email, _, prompt_id = row
    return Check(name, prompt_id, number, state, summary, url, seconds, Author(author, email), commit.hex())
