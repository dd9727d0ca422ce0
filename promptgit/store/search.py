"""The search table and the tags: names and newest contents, brought up to date when somebody searches.

A write only notes which prompts changed: cutting 8 KB of text into trigrams under the write lock
would cost more than the commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from promptgit import front_matter

# As much as takes some tens of milliseconds.
_PROMPTS_AT_ONCE = 100
_BYTES_AT_ONCE = 1 << 18


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the search table holds all that the index knows."""
    return connection.execute("SELECT 1 FROM unsearched LIMIT 1").fetchone() is None


def refresh(connection: sqlite3.Connection, read: Callable[[str], bytes]) -> int:
    """Take in some of the prompts that changed, within a transaction of the caller's; how many it took.

    *read* gives a blob's bytes by its id in hexadecimal.
    """
    rows = connection.execute(
        "SELECT u.prompt, p.name, v.blob FROM unsearched u "
        "LEFT JOIN prompts p ON p.key = u.prompt AND p.removed IS NULL "
        "LEFT JOIN versions v ON v.prompt = p.key AND v.number = p.versions LIMIT ?",
        (_PROMPTS_AT_ONCE,),
    ).fetchall()
    size = 0
    for count, (key, name, blob) in enumerate(rows):
        if size > _BYTES_AT_ONCE:
            return count
        connection.execute("DELETE FROM search WHERE rowid = ?", (key,))
        connection.execute("DELETE FROM tags WHERE prompt = ?", (key,))
        if name is not None:
            data = read(blob.hex())
            size += len(data)
            content = data.decode(errors="replace")
            connection.execute("INSERT INTO search (rowid, name, content) VALUES (?, ?, ?)", (key, name, content))
            connection.executemany("INSERT INTO tags VALUES (?, ?)", ((tag, key) for tag in tags_in(data)))
        connection.execute("DELETE FROM unsearched WHERE prompt = ?", (key,))
    return len(rows)


def tags_in(data: bytes) -> set[str]:
    """The tags in a prompt's file that can be asked for: a lone surrogate cannot, and SQLite holds none."""
    return {tag for tag in front_matter.parse(data).tags if tag.encode(errors="ignore").decode() == tag}
