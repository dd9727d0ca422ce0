"""What the pages ask of the index beside the queries: folders, deleted prompts, repeats, and when a prompt changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from promptgit.models import Prompt, Removal, Version
from promptgit.store import queries

_LAST = "\U0010ffff"


def folders(connection: sqlite3.Connection, folder: str, limit: int) -> list[str]:
    """The names of at most *limit* folders right below *folder*, which is empty or ends in a '/'; sorted.

    Each is one step in the index of names, however many prompts it holds.
    """
    found: list[str] = []
    low, high = folder, folder[:-1] + "0" if folder else _LAST  # '0' follows '/'
    while len(found) < limit:
        row = connection.execute(
            "SELECT name FROM prompts WHERE removed IS NULL AND name > ? AND name < ? "
            "AND instr(substr(name, ?), '/') > 0 ORDER BY name LIMIT 1",
            (low, high, len(folder) + 1),
        ).fetchone()
        if row is None:
            break
        found.append(row[0][len(folder) :].partition("/")[0])
        low = f"{folder}{found[-1]}0"
    return found


def removed(connection: sqlite3.Connection, *, after: str | None, limit: int) -> list[tuple[Prompt, Removal]]:
    """At most *limit* prompts that are deleted, sorted by name, those behind the one with the id *after*."""
    behind = "AND (name, removed) > (SELECT name, removed FROM prompts WHERE id = ?)" if after else ""
    rows = connection.execute(
        f"SELECT id FROM prompts WHERE removed IS NOT NULL {behind} ORDER BY name, removed LIMIT ?",
        (after, limit) if after else (limit,),
    ).fetchall()
    found = [queries.prompt_by_id(connection, row[0]) for row in rows]
    return [(one[0], one[1]) for one in found if one is not None and one[1] is not None]


def history(
    connection: sqlite3.Connection, prompt_id: str, *, before: int, limit: int
) -> list[tuple[Version, int | None]]:
    """Versions with numbers below *before*, newest first, each with the first version that had the same content.

    That is None where the version is the first one itself.
    """
    versions = queries.versions(connection, prompt_id, after=0, before=before, limit=limit, newest_first=True)
    return [(version, _first(connection, version)) for version in versions]


def _first(connection: sqlite3.Connection, version: Version) -> int | None:
    row = connection.execute(
        "SELECT min(number) FROM versions WHERE prompt = (SELECT key FROM prompts WHERE id = ?) AND blob = ?",
        (version.prompt_id, version.blob_id),
    ).fetchone()
    return row[0] if row[0] != version.number else None


def moments(connection: sqlite3.Connection, prompt_id: str, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Numbers of versions, and when they were written, in seconds since 1970."""
    # CROSS JOIN: SQLite goes from left to right (sqlite.org/optoverview.html), else through all versions.
    return connection.execute(
        "SELECT v.number, v.timestamp FROM json_each(?) n CROSS JOIN versions v ON v.number = n.value "
        "WHERE v.prompt = (SELECT key FROM prompts WHERE id = ?) ORDER BY v.number",
        (json.dumps(list(numbers)), prompt_id),
    ).fetchall()
