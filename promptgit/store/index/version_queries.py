"""What is read of versions from the index; every function takes a connection first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from operator import add
from zlib import crc32

import orjson

from promptgit.domain.models import Prompt, Version
from promptgit.domain.names import path_of
from promptgit.store.index.connections import Unusable
from promptgit.store.index.prompt_rows import MAKERS, PROMPT, VERSION, PromptRow, find, no_id, place_at, places

_VERSION_OF = f"""
SELECT {PROMPT}, {VERSION} FROM prompts p
LEFT JOIN versions v ON v.prompt = p.key AND v.number = ? {MAKERS} WHERE p.id = ?"""
_VERSIONS = f"SELECT {VERSION} FROM versions v {MAKERS}"
_SEPARATOR = "\x1e"  # no JSON has one


def version(connection: sqlite3.Connection, prompt_id: str, number: int) -> Version | None:
    """Version *number* of a prompt."""
    row = connection.execute(_VERSION_OF, (number, prompt_id)).fetchone()
    if row is None:
        no_id(connection, prompt_id)
        return None
    found = PromptRow(row)
    return found.version(row[11:]) if 1 <= number <= found.versions else None


def versions(
    connection: sqlite3.Connection, prompt_id: str, *, after: int, before: int, limit: int, newest_first: bool
) -> list[Version]:
    """Versions whose numbers lie between *after* and *before*, both exclusive."""
    found = find(connection, prompt_id)
    if found is None:
        return []
    order = "DESC" if newest_first else "ASC"
    rows = connection.execute(
        f"{_VERSIONS} WHERE v.prompt = ? AND v.number > ? AND v.number < ? ORDER BY v.number {order} LIMIT ?",
        (found.key, after, before, limit),
    )
    versions = [found.version(row) for row in rows]
    numbers = [version.number for version in versions]
    if not _are_all(numbers, found.versions, after, before, limit, newest_first):
        raise Unusable("a row of the index is missing")
    return versions


def versions_of(connection: sqlite3.Connection, prompt_id: str, numbers: Sequence[int]) -> list[Version]:
    """Some versions of a prompt, by number."""
    found = find(connection, prompt_id)
    if found is None:
        return []
    # CROSS JOIN: SQLite goes from left to right (sqlite.org/optoverview.html), else through all versions.
    rows = connection.execute(
        f"SELECT {VERSION} FROM json_each(?) n CROSS JOIN versions v ON v.number = n.value {MAKERS} "
        "WHERE v.prompt = ? ORDER BY v.number",
        (json.dumps(list(numbers)), found.key),
    )
    versions = [found.version(row) for row in rows]
    if [version.number for version in versions] != sorted(number for number in numbers if number <= found.versions):
        raise Unusable("a row of the index is missing")
    return versions


def versions_json(
    connection: sqlite3.Connection,
    prompt: Prompt,
    *,
    after: int,
    before: int,
    limit: int,
    newest_first: bool,
) -> tuple[str, int, int]:
    """The same as `versions`, as the API shows them: JSON objects with commas between, how many, the last one's number.

    SQLite joins the texts in one step, in which Python's other threads run; row by row they would wait in turn.
    The labels are those that *prompt* had when it was read.
    """
    order = "DESC" if newest_first else "ASC"
    joined, seals, first = connection.execute(
        f"""
        SELECT group_concat(json, char(30)), group_concat(json_seal), {"max" if newest_first else "min"}(number) FROM (
            SELECT v.json, v.json_seal, v.number FROM prompts p JOIN versions v ON v.prompt = p.key
            WHERE p.id = ? AND v.number > ? AND v.number < ? ORDER BY v.number {order} LIMIT ?
        )
        """,
        (prompt.id, after, before, limit),
    ).fetchone()
    texts: list[str] = joined.split(_SEPARATOR) if joined else []
    step = -1 if newest_first else 1
    numbers = range(first, first + step * len(texts), step) if texts else range(0)
    if not _are_all(numbers, prompt.newest.number, after, before, limit, newest_first):
        found = find(connection, prompt.id)  # unless `main` was rewritten since *prompt* was read
        if found is not None and not _are_all(numbers, found.versions, after, before, limit, newest_first):
            raise Unusable("a row of the index is missing")
    if not texts:
        return "", 0, 0
    if list(map(crc32, map(str.encode, texts), numbers)) != orjson.loads(f"[{seals}]") or prompt.id not in texts[0]:
        raise Unusable("a row of the index is damaged")
    labelled: dict[int, list[str]] = {}
    for label, number in prompt.labels.items():
        labelled.setdefault(number, []).append(f'"{label}"')
    if not labelled:
        text = ',"labels":[]},'.join(texts) + ',"labels":[]}'
    else:
        ends = (f',"labels":[{",".join(labelled.get(number, ()))}]}}' for number in numbers)
        text = ",".join(map(add, texts, ends))
    return text, len(texts), numbers[-1]


def _are_all(numbers: Sequence[int], newest: int, after: int, before: int, limit: int, newest_first: bool) -> bool:
    """Whether a page of versions has all the numbers that it must have, in order."""
    expected = range(max(after, 0) + 1, min(before, newest + 1))
    expected = (expected[::-1] if newest_first else expected)[:limit]
    return numbers == (expected if isinstance(numbers, range) else list(expected))


def _made(connection: sqlite3.Connection, found: PromptRow, number: int) -> int | None:
    """The number of the commit that made a version."""
    row = connection.execute(
        "SELECT v.made, v.commit_id = c.id FROM versions v LEFT JOIN commits c ON c.number = v.made "
        "WHERE v.prompt = ? AND v.number = ?",
        (found.key, number),
    ).fetchone()
    return row[0] if row is not None and row[1] else None


def path_at(connection: sqlite3.Connection, prompt_id: str, number: int) -> str:
    """Where the prompt's file lay when version *number* was made."""
    found = find(connection, prompt_id)
    made = _made(connection, found, number) if found else None
    place = place_at(places(connection, [found])[found.key], made) if found and made else None
    if place is None:
        raise Unusable("a row of the index is missing")
    return path_of(place.name)
