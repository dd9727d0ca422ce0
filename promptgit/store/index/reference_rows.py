"""Which prompts refer to which: the references in newest and labelled versions.

A write only notes which prompts changed; their texts are read when somebody asks. What was not taken in until then is
looked up in the texts themselves, so every answer is right, also under the write lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from promptgit.domain.references import Reference, in_file
from promptgit.errors import Damaged

Read = Callable[[str], bytes]
"""Gives a blob's bytes by its id in hexadecimal."""

_QUICKLY_READ = 20  # prompts: a few milliseconds, which a page and the write lock can spare
_PROMPTS_AT_ONCE = 500  # as much as takes some tens of milliseconds

# Newest and labelled versions of a prompt that lives.
_TEXTS = """
SELECT v.number, v.blob FROM prompts p CROSS JOIN versions v ON v.prompt = p.key AND v.number IN (
    SELECT p.versions UNION SELECT number FROM labels WHERE name = p.name AND number IS NOT NULL
) WHERE p.key = ? AND p.removed IS NULL ORDER BY v.number
"""


class Referring(NamedTuple):
    """A version of the prompt with the key *prompt* whose text has a reference."""

    prompt: int
    number: int
    reference: Reference


def is_behind(connection: sqlite3.Connection) -> bool:
    """True if more prompts are not taken in than are read quickly enough by whoever asks."""
    return connection.execute("SELECT 1 FROM unreferred LIMIT 1 OFFSET ?", (_QUICKLY_READ,)).fetchone() is not None


def refresh(connection: sqlite3.Connection, read: Read) -> int:
    """Take in some of the prompts that changed, within a transaction of the caller's; how many it took."""
    keys = connection.execute("SELECT prompt FROM unreferred LIMIT ?", (_PROMPTS_AT_ONCE,)).fetchall()
    for (key,) in keys:
        connection.execute("DELETE FROM refers WHERE prompt = ?", (key,))
        rows = [(key, number, *reference) for _, number, reference in _of_texts(connection, key, read)]
        connection.executemany("INSERT INTO refers VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("DELETE FROM unreferred WHERE prompt = ?", (key,))
    return len(keys)


def of(connection: sqlite3.Connection, prompt_id: str, read: Read) -> list[Referring]:
    """What the newest and the labelled versions of a prompt that lives refer to, by number."""
    row = connection.execute("SELECT key FROM prompts WHERE id = ?", (prompt_id,)).fetchone()
    return [] if row is None else list(_of_texts(connection, row[0], read))


def to(connection: sqlite3.Connection, names: Collection[str], read: Read) -> list[Referring]:
    """The newest and the labelled versions of prompts that live which refer to prompts of these names."""
    found = [
        Referring(prompt, number, Reference(name, kind, which))
        for name in names
        for prompt, number, kind, which in connection.execute(
            "SELECT prompt, number, kind, which FROM refers WHERE name = ? "
            "AND prompt NOT IN (SELECT prompt FROM unreferred)",
            (name,),
        )
    ]
    for (key,) in connection.execute("SELECT prompt FROM unreferred").fetchall():
        found += [one for one in _of_texts(connection, key, read) if one.reference.name in names]
    return sorted(found)


def wrong(connection: sqlite3.Connection, read: Read) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """The ids of prompts that have other rows than their texts say, and these rows."""
    for key, prompt_id in connection.execute(
        "SELECT key, id FROM prompts WHERE key NOT IN (SELECT prompt FROM unreferred)"
    ).fetchall():
        rows = connection.execute(
            "SELECT number, name, kind, which FROM refers WHERE prompt = ? ORDER BY 1, 2, 3, 4", (key,)
        ).fetchall()
        if rows != sorted((number, *reference) for _, number, reference in _of_texts(connection, key, read)):
            yield prompt_id, rows


def _of_texts(connection: sqlite3.Connection, key: int, read: Read) -> Iterator[Referring]:
    for number, blob in connection.execute(_TEXTS, (key,)).fetchall():
        try:
            data = read(blob.hex())
        except Damaged:
            continue  # `promptgit check` names it, and what its references are when it was repaired
        yield from (Referring(key, number, reference) for reference in in_file(data))
