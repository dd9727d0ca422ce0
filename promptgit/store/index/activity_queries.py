"""Which commits the activity shows, newest first: by who, where and what; every function takes a connection first."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple

import orjson

from promptgit.domain.models import Author, FeedEntry
from promptgit.store.index import change_queries, people_queries

LOOK = 5_000
"""How many commits one call looks at for what it seeks."""
_FEW = 200  # prompts of a folder, up to which each one's commits are looked up instead of all commits

_EVERYTHING = "SELECT number FROM commits WHERE number < ? AND (prompt IS NOT NULL OR changes > 0) ORDER BY number DESC"
_OF_TYPE = "SELECT DISTINCT made FROM changes WHERE type = ? AND made < ? ORDER BY made DESC"
_OF_PERSON = (
    "SELECT made FROM versions WHERE author = ? AND made < ? ORDER BY made DESC",
    "SELECT made FROM versions WHERE committer = ? AND made < ? ORDER BY made DESC",
    "SELECT number FROM commits WHERE author = ? AND number < ? AND changes > 0 ORDER BY number DESC",
    "SELECT number FROM commits WHERE committer = ? AND number < ? AND changes > 0 ORDER BY number DESC",
)
_OF_PROMPT = (
    "SELECT made FROM versions WHERE prompt = ? AND made < ? ORDER BY made DESC",
    "SELECT DISTINCT made FROM changes WHERE prompt = ? AND made < ? ORDER BY made DESC",
)
_PROMPTS = """
SELECT prompt FROM places WHERE name = :folder UNION
SELECT prompt FROM places WHERE name > :folder || '/' AND name < :folder || '0' LIMIT :most
"""
# '0' is the character after '/'.
_WANTED = """
(:kind = '' OR type = :kind) AND (:folder = ''
    OR substr(name || '/', 1, :length) = :folder || '/'
    OR type = 'rename' AND substr(other || '/', 1, :length) = :folder || '/'
    OR type = 'release' AND EXISTS (
        SELECT 1 FROM release_items i JOIN prompts p ON p.id = i.prompt_id
        WHERE i.number = feed.number AND substr(p.name || '/', 1, :length) = :folder || '/'))
"""


class Wanted(NamedTuple):
    """Which commits are sought; '' means any.

    *person* is the address or the name of an author or a committer, in whatever case. *folder* is a folder, or the name
    of a prompt, at the time of the commit; of a release, the names that its prompts have now count. *kind* is one of
    `CHANGE_TYPES`.
    """

    person: str = ""
    folder: str = ""
    kind: str = ""

    @property
    def known(self) -> dict[str, str | int]:
        """The values of the condition on changes."""
        return {"kind": self.kind, "folder": self.folder, "length": len(self.folder) + 1}


class Tally(NamedTuple):
    """How many changes of one type a commit made; of moves of labels, those of one label."""

    type: str
    label: str | None
    number: int


class ActivityEntry(NamedTuple):
    """A commit as the activity shows it.

    *seconds* is the committer's date since 1970. *changes* are those that were sought, or the first of them; *tallies*
    count all that were sought, and *total* is how many it made in all.
    """

    number: int
    commit: str
    seconds: int
    changes: Sequence[FeedEntry]
    tallies: Sequence[Tally]
    total: int

    @property
    def author(self) -> Author:
        """Who did it."""
        return self.changes[0].author

    @property
    def committer(self) -> Author | None:
        """Who stored it; None where that is the author."""
        return self.changes[0].committer

    @property
    def description(self) -> str:
        """Why."""
        return self.changes[0].description


def find(connection: sqlite3.Connection, wanted: Wanted, before: int, limit: int) -> tuple[list[int], int | None]:
    """The numbers of the newest commits before the one numbered *before* that are wanted, at most *limit*.

    The second value is the number of the last commit that was looked at, where there are older ones that were not.
    """
    candidates, is_exact = _candidates(connection, wanted, before)
    numbers: list[int] = []
    looked, size = 0, limit
    while chunk := list(islice(candidates, size)):
        numbers += chunk if is_exact else _wanted(connection, wanted, chunk)
        looked += len(chunk)
        if len(numbers) >= limit:
            return numbers[:limit], None
        if looked >= LOOK:
            return numbers, chunk[-1]
        size = min(size * 2, LOOK - looked)
    return numbers, None


def _candidates(connection: sqlite3.Connection, wanted: Wanted, before: int) -> tuple[Iterator[int], bool]:
    """The numbers of commits that may be wanted, newest first; whether all of them are."""
    if wanted.person:
        keys = people_queries.people(connection, wanted.person)
        streams = [connection.execute(sql, (key, before)) for key in keys for sql in _OF_PERSON]
        return _merged(streams), not (wanted.folder or wanted.kind)
    if wanted.kind not in ("", "version"):
        return _merged([connection.execute(_OF_TYPE, (wanted.kind, before))]), not wanted.folder
    if wanted.folder:
        prompts = connection.execute(_PROMPTS, {"folder": wanted.folder, "most": _FEW + 1}).fetchall()
        if len(prompts) <= _FEW:
            streams = [connection.execute(sql, (prompt, before)) for (prompt,) in prompts for sql in _OF_PROMPT]
            streams.append(connection.execute(_OF_TYPE, ("release", before)))
            return _merged(streams), False
    return _merged([connection.execute(_EVERYTHING, (before,))]), not (wanted.folder or wanted.kind)


def _merged(streams: Sequence[sqlite3.Cursor]) -> Iterator[int]:
    for number, _ in groupby(heapq.merge(*streams, reverse=True)):
        yield number[0]


def _wanted(connection: sqlite3.Connection, wanted: Wanted, numbers: Sequence[int]) -> list[int]:
    rows = connection.execute(
        "SELECT DISTINCT made FROM feed WHERE made IN (SELECT value FROM json_each(:numbers)) "
        f"AND {_WANTED} ORDER BY made DESC",
        wanted.known | {"numbers": orjson.dumps(numbers).decode()},
    )
    return [number for (number,) in rows]


def entry(
    connection: sqlite3.Connection, number: int, wanted: Wanted, most: int, *, start: int = 0
) -> ActivityEntry | None:
    """The commit of a number, with at most *most* of its changes that are wanted; None: it made none.

    *start* is the place of the first change to look at, counted from 0.

    Raises:
        Unusable: a row is damaged, or missing.
    """
    told = change_queries.stored(connection, number)
    places: set[int] | None = None
    if told.changes > 1 and (wanted.kind or wanted.folder):
        sought = connection.execute(
            f"SELECT place FROM feed WHERE made = :made AND place >= :start AND {_WANTED} ORDER BY place LIMIT :most",
            wanted.known | {"made": number, "start": start, "most": most},
        )
        places = {place for (place,) in sought}
        start = min(places, default=start)
    changes = change_queries.between(connection, number - 1, number, start=start, most=most)
    if places is not None:
        changes = [change for place, change in enumerate(changes, start) if place in places]
    if not changes:
        return None
    return ActivityEntry(
        number,
        told.commit,
        told.seconds,
        changes,
        _tallies(connection, number, wanted, changes, told.changes),
        max(told.changes, 1),
    )


def _tallies(
    connection: sqlite3.Connection, number: int, wanted: Wanted, changes: Sequence[FeedEntry], total: int
) -> list[Tally]:
    if total <= 1:
        return [Tally(changes[0].type, None, 1)]
    rows = connection.execute(
        f"SELECT type, iif(type = 'label', other, NULL) AS label, count(*) FROM feed WHERE made = :made AND {_WANTED} "
        "GROUP BY type, label ORDER BY min(place)",
        wanted.known | {"made": number},
    )
    return [Tally(*row) for row in rows]
