"""The search table and the tags: names and newest contents, brought up to date when somebody searches.

A write only notes which prompts changed: cutting 8 KB of text into trigrams under the write lock
would cost more than the commit.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection

from promptgit.domain import front_matter
from promptgit.errors import Damaged

# As much as takes some tens of milliseconds.
_PROMPTS_AT_ONCE = 100
_BYTES_AT_ONCE = 1 << 18


# Prompts that changed, except those whose newest content cannot be read: they wait until it can.
_CHANGED = """
SELECT u.prompt, p.name, v.blob FROM unsearched u
LEFT JOIN prompts p ON p.key = u.prompt AND p.removed IS NULL
LEFT JOIN versions v ON v.prompt = p.key AND v.number = p.versions
WHERE v.blob IS NULL OR lower(hex(v.blob)) NOT IN (SELECT value FROM json_each(?)) LIMIT ?
"""


def is_current(connection: sqlite3.Connection, unreadable: Collection[str] = ()) -> bool:
    """Whether the search table holds all that the index knows, except the blobs *unreadable*."""
    return connection.execute(_CHANGED, (json.dumps([*unreadable]), 1)).fetchone() is None


def refresh(connection: sqlite3.Connection, read: Callable[[str], bytes], unreadable: Collection[str]) -> int:
    """Take in some of the prompts that changed, within a transaction of the caller's; how many it took.

    *read* gives a blob's bytes by its id in hexadecimal; none of *unreadable* is asked for. A prompt whose content
    turns out to be damaged is found by its name alone, and is taken in again once its content is not in *unreadable*.
    """
    rows = connection.execute(_CHANGED, (json.dumps([*unreadable]), _PROMPTS_AT_ONCE)).fetchall()
    size = taken = 0
    for key, name, blob in rows:
        if size > _BYTES_AT_ONCE:
            break
        connection.execute("DELETE FROM search WHERE rowid = ?", (key,))
        connection.execute("DELETE FROM tags WHERE prompt = ?", (key,))
        if name is not None:
            try:
                data = read(blob.hex())
            except Damaged:
                connection.execute("INSERT INTO search (rowid, name, content) VALUES (?, ?, '')", (key, name))
                continue
            size += len(data)
            content = data.decode(errors="replace")
            connection.execute("INSERT INTO search (rowid, name, content) VALUES (?, ?, ?)", (key, name, content))
            connection.executemany("INSERT INTO tags VALUES (?, ?)", ((tag, key) for tag in tags_in(data)))
        connection.execute("DELETE FROM unsearched WHERE prompt = ?", (key,))
        taken += 1
    return taken


def tags_in(data: bytes) -> set[str]:
    """The tags in a prompt's file that can be asked for: a lone surrogate cannot, and SQLite holds none."""
    return {tag for tag in front_matter.parse(data).tags if tag.encode(errors="ignore").decode() == tag}
