"""What only the pages ask of the index: folders, deleted prompts, repeats, and when a prompt changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from promptgit.domain.models import Prompt, Removal, Version
from promptgit.store.index import queries, version_queries
from promptgit.store.index.connections import Unusable

_LAST = "\U0010ffff"


def folders(connection: sqlite3.Connection, folder: str, limit: int, most: int) -> list[tuple[str, int]]:
    """At most *limit* folders right below *folder*, which is empty or ends in a '/', each with its number of prompts.

    Sorted by name. *most* stands for all larger numbers. Each is one step in the index of names, and those to count it.
    """
    found, twins = (
        _folders(connection, folder, limit, most, index) for index in ("prompts_living", "prompts_living_twin")
    )
    if found != twins:
        raise Unusable("an index of the table prompts is damaged")
    return found


def _folders(connection: sqlite3.Connection, folder: str, limit: int, most: int, index: str) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    living = f"FROM prompts INDEXED BY {index} WHERE removed IS NULL AND key > 0 AND name > ? AND name < ?"
    low, high = folder, folder[:-1] + "0" if folder else _LAST  # '0' follows '/'
    while len(found) < limit:
        row = connection.execute(
            f"SELECT name {living} AND instr(substr(name, ?), '/') > 0 ORDER BY name LIMIT 1",
            (low, high, len(folder) + 1),
        ).fetchone()
        if row is None:
            break
        name = row[0][len(folder) :].partition("/")[0]
        start, low = f"{folder}{name}/", f"{folder}{name}0"
        counted = f"SELECT count(*) FROM (SELECT 1 {living} LIMIT ?)"
        (count,) = connection.execute(counted, (start, low, most)).fetchone()
        found.append((name, count))
    return found


def removed(connection: sqlite3.Connection, *, after: str | None, limit: int) -> list[tuple[Prompt, Removal]]:
    """At most *limit* prompts that are deleted, sorted by name, those behind the one with the id *after*."""
    behind = "AND (name, removed) > (SELECT name, removed FROM prompts WHERE id = ?)" if after else ""
    rows, twins = (
        connection.execute(
            f"SELECT id FROM prompts INDEXED BY {index} WHERE removed IS NOT NULL AND key > 0 {behind} "
            "ORDER BY name, removed LIMIT ?",
            (after, limit) if after else (limit,),
        ).fetchall()
        for index in ("prompts_removed", "prompts_removed_twin")
    )
    if rows != twins:
        raise Unusable("an index of the table prompts is damaged")
    found = [queries.prompt_by_id(connection, row[0]) for row in rows]
    return [(one[0], one[1]) for one in found if one is not None and one[1] is not None]


def history(
    connection: sqlite3.Connection, prompt_id: str, *, before: int, limit: int
) -> list[tuple[Version, int | None]]:
    """Versions with numbers below *before*, newest first, each with the first version that had the same content.

    That is None where the version is the first one itself.
    """
    versions = version_queries.versions(connection, prompt_id, after=0, before=before, limit=limit, newest_first=True)
    return [(version, _first(connection, version)) for version in versions]


def _first(connection: sqlite3.Connection, version: Version) -> int | None:
    row = connection.execute(
        "SELECT min(number) FROM versions WHERE prompt = (SELECT key FROM prompts WHERE id = ?) AND blob = ?",
        (version.prompt_id, version.blob_id),
    ).fetchone()
    if row[0] == version.number:
        return None
    first = version_queries.version(connection, version.prompt_id, row[0] or 0)
    if first is None or first.blob_id != version.blob_id:
        raise Unusable("an index of the table versions is damaged")
    return first.number


def written(connection: sqlite3.Connection, prompt_id: str, numbers: Sequence[int]) -> list[tuple[int, int, str]]:
    """Numbers of versions, when they were written, in seconds since 1970, and their blobs."""
    found = version_queries.versions_of(connection, prompt_id, numbers)
    return [(version.number, version.seconds, version.blob) for version in found]
