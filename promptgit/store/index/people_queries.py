"""What people did, by the rows of authors that a name or an address has; every function takes a connection first."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Sequence
from itertools import islice

from promptgit.domain.models import Author

_SPELLINGS = 200  # of a person's name or address: the newest ones count
_SOME = 1_000  # rows that are looked at for the few that a page shows


def people(connection: sqlite3.Connection, person: str) -> list[int]:
    """The keys of the authors whose address is *person*, in whatever case; if there are none, of those of that name."""
    for column in ("email", "name"):
        rows = connection.execute(
            f"SELECT key FROM authors WHERE {column} = ? COLLATE NOCASE ORDER BY key DESC LIMIT ?", (person, _SPELLINGS)
        ).fetchall()
        if rows:
            return [key for (key,) in rows]
    return []


def spellings(connection: sqlite3.Connection, keys: Sequence[int]) -> list[Author]:
    """Names and addresses, those that were seen last first."""
    return [
        Author(*row)
        for key in keys
        for row in connection.execute("SELECT name, email FROM authors WHERE key = ?", (key,))
    ]


def newcomers(connection: sqlite3.Connection, limit: int) -> list[Author]:
    """The names and addresses that were seen first most recently."""
    rows = connection.execute("SELECT name, email FROM authors ORDER BY key DESC LIMIT ?", (limit,))
    return [Author(*row) for row in rows]


def counts(connection: sqlite3.Connection, keys: Sequence[int], most: int) -> tuple[int, int]:
    """How many versions they wrote, and how many commits of others they stored; of each at most *most*."""

    def count(source: str) -> int:
        limited = f"SELECT count(*) FROM (SELECT 1 FROM {source} = ? LIMIT ?)"
        return min(sum(int(connection.execute(limited, (key, most)).fetchone()[0]) for key in keys), most)

    stored = count("versions WHERE committer") + count("commits WHERE changes > 0 AND committer")
    return count("versions WHERE author"), min(stored, most)


def prompts_of(connection: sqlite3.Connection, keys: Sequence[int], limit: int) -> list[tuple[str, int]]:
    """The ids of the prompts that they wrote last, and their newest version of each: of their last 1,000."""
    streams = [
        connection.execute(
            "SELECT v.made, p.id, v.number FROM versions v JOIN prompts p ON p.key = v.prompt "
            "WHERE v.author = ? ORDER BY v.made DESC",
            (key,),
        )
        for key in keys
    ]
    seen: dict[str, int] = {}
    for _, prompt_id, number in islice(heapq.merge(*streams, reverse=True), _SOME):
        seen.setdefault(prompt_id, number)
        if len(seen) == limit:
            break
    return list(seen.items())


def steps_of(connection: sqlite3.Connection, keys: Sequence[int], deed: str, limit: int) -> list[int]:
    """The numbers of the releases with which they did so last: of the last 1,000 such steps."""
    known = set(keys)
    rows = connection.execute(
        "SELECT c.number, m.author, m.committer FROM changes c JOIN commits m ON m.number = c.made "
        "WHERE c.type = 'release' AND c.detail = ? ORDER BY c.made DESC LIMIT ?",
        (deed, _SOME),
    )
    return list(islice((number for number, *whose in rows if not known.isdisjoint(whose)), limit))
