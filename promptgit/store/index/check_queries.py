"""What is read of checks from the index; every function takes a connection first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from promptgit.domain.evaluations import Check
from promptgit.store.index import makers
from promptgit.store.index.seals import expect

_SAID = f"""
SELECT c.version, c.name, c.prompt IS NOT NULL, c.number, c.state, c.summary, c.url, c.commit_id, c.timestamp,
    {makers.COLUMNS}, c.seal, p.id
"""
_NAMED = f"{makers.joined('c')} LEFT JOIN prompts p ON p.key = c.prompt"
_CHECKS = f"""
{_SAID} FROM json_each(?) wanted CROSS JOIN checks c ON c.version = wanted.value {_NAMED} ORDER BY c.version, c.name
"""
_OF_PROMPT = f"""
{_SAID} FROM prompts q JOIN checks c ON c.prompt = q.key {_NAMED}
WHERE q.id = ? AND c.number > ? AND c.number < ? ORDER BY c.number, c.name LIMIT ?
"""


def of_versions(connection: sqlite3.Connection, versions: Iterable[str]) -> dict[str, list[Check]]:
    """The checks of versions, by the versions' ids; each list is sorted by name, and those without any are left out.

    Raises:
        Unusable: a row is damaged.
    """
    found: dict[str, list[Check]] = {}
    for row in connection.execute(_CHECKS, (json.dumps(list(versions)),)):
        check = _check(row)
        if row[2]:
            found.setdefault(row[0], []).append(check)
    return found


def of_prompt(connection: sqlite3.Connection, prompt_id: str, after: int, before: int, limit: int) -> list[Check]:
    """At most *limit* checks of the versions between two numbers, both exclusive, by number and name.

    Raises:
        Unusable: a row is damaged.
    """
    return [_check(row) for row in connection.execute(_OF_PROMPT, (prompt_id, after, before, limit))]


def ignored(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Version's id and check of every file of a check that says nothing of the version that its path names."""
    return connection.execute("SELECT version, name FROM checks WHERE prompt IS NULL ORDER BY version, name").fetchall()


def _check(row: Sequence[Any]) -> Check:
    version, name, is_known, number, state, summary, url, commit, seconds, *by, sealed, prompt_id = row
    expect(sealed, (version, name, bool(is_known), number, state, summary, url, commit, seconds, *by))
    return Check(name, prompt_id, number, state, summary, url, seconds, *makers.of_columns(*by), commit.hex())
