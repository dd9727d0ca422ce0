"""What is read of the feed from the index; every function takes a connection first."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import NamedTuple

from promptgit.domain.models import WHOLE_COMMIT, FeedEntry
from promptgit.store.index import change_rows, makers
from promptgit.store.index.connections import Unusable
from promptgit.store.index.prompt_rows import PROMPT, Place, PromptRow, place_at, places
from promptgit.store.index.seals import expect, expect_none

_SEALED = (
    f"m.number, m.id, m.prompt, m.version, m.timestamp, {makers.COLUMNS}, m.description, m.changes, m.stored, m.seal"
)
_MAKERS = makers.joined("m")
_COMMIT = f"SELECT {_SEALED} FROM commits m {_MAKERS}"
# Every commit, also one that did nothing to prompts; a version's own words are in `versions`.
_CHANGES = f"""
SELECT {_SEALED},
    c.made, c.place, c.type, c.prompt, c.name, c.other, c.before, c.number, c.detail, c.seal,
    v.id, v.number, v.timestamp, v.description, w.name, w.email, cw.name, cw.email, v.commit_id, v.blob, v.seal,
    {PROMPT}
FROM commits m {_MAKERS} LEFT JOIN changes c ON c.made = m.number
LEFT JOIN versions v ON v.prompt = m.prompt AND v.number = m.version
LEFT JOIN authors w ON w.key = v.author LEFT JOIN authors cw ON cw.key = v.committer
LEFT JOIN prompts p ON p.key = coalesce(c.prompt, m.prompt)
WHERE m.number > ? AND m.number <= ? AND (c.place IS NULL OR c.place >= ? AND c.place < ?) ORDER BY m.number, c.place
"""
_ALL = 1 << 62  # more than any commit changes
_BELOW = """
(:prefix = '' OR substr(name, 1, :length) = :prefix OR type = 'rename' AND substr(other, 1, :length) = :prefix
    OR type = 'release' AND EXISTS (
        SELECT 1 FROM release_items i JOIN prompts p ON p.id = i.prompt_id
        WHERE i.number = feed.number AND substr(p.name, 1, :length) = :prefix))
"""


def number_of(connection: sqlite3.Connection, commit: str) -> int | None:
    """The place of a commit (40 hexadecimal digits) in the first-parent history of `main`, counted from 1."""
    row = connection.execute(f"{_COMMIT} WHERE m.id = ?", (bytes.fromhex(commit),)).fetchone()
    if row is None:
        expect_none(connection, "commits_id_twin", "id = ? AND number > 0", bytes.fromhex(commit))
        return None
    expect(row[-1], row[:-1])
    return int(row[0])


def commit_of(connection: sqlite3.Connection, number: int) -> str:
    """The id in hexadecimal of the commit of a number, which there is."""
    return stored(connection, number).commit


class Stored(NamedTuple):
    """A commit of the index: its id in hexadecimal, how many rows of `changes` it has, and the committer's date.

    The date is in seconds since 1970. A commit that made one version and did nothing else has no rows.
    """

    commit: str
    changes: int
    seconds: int


def stored(connection: sqlite3.Connection, number: int) -> Stored:
    """The commit of a number, which there is.

    Raises:
        Unusable: its row is damaged, or missing.
    """
    row = connection.execute(f"{_COMMIT} WHERE m.number = ?", (number,)).fetchone()
    if row is None:
        raise Unusable("a row of the index is missing")
    expect(row[-1], row[:-1])
    return Stored(row[1].hex(), row[10], row[11])


def page(
    connection: sqlite3.Connection, after: int, limit: int, commits: int | None = None
) -> tuple[list[FeedEntry], str, bool]:
    """The changes of the commits after the one numbered *after*; the last commit looked at; whether more follow.

    They are those of whole commits: at most *limit* changes, of at most so many *commits* (None: of any number), or all
    of the first commit that did anything.
    """
    last, tip = change_rows.newest(connection)
    cut = connection.execute(
        "SELECT made FROM feed WHERE made > ? AND made <= ? ORDER BY made, place LIMIT 1 OFFSET ?",
        (after, last, limit),
    ).fetchone()
    end = last
    if commits is not None:
        many = connection.execute(
            "SELECT DISTINCT made FROM feed WHERE made > ? AND made <= ? ORDER BY made LIMIT 1 OFFSET ?",
            (after, last, commits),
        ).fetchone()
        cut = min(filter(None, (cut, many)), default=None)
    if cut is not None:
        first = connection.execute("SELECT made FROM feed WHERE made > ? ORDER BY made LIMIT 1", (after,)).fetchone()[0]
        end = max(first, cut[0] - 1)
    changes = between(connection, after, end)
    more = cut is not None and (
        connection.execute("SELECT 1 FROM feed WHERE made > ? AND made <= ? LIMIT 1", (end, last)).fetchone()
        is not None
    )
    seen = end if more else last
    if seen == last:
        return changes, tip, more
    (commit,) = connection.execute("SELECT id FROM commits WHERE number = ?", (seen,)).fetchone()
    return changes, commit.hex(), more


def between(
    connection: sqlite3.Connection, after: int, end: int, *, start: int = 0, most: int = _ALL
) -> list[FeedEntry]:
    """What the commits did to prompts that are numbered from *after* (exclusive) to *end*, in order.

    Of a commit that did many things, at most *most* of them, from the one at *start* (counted from 0) on.

    Raises:
        Unusable: a row is damaged, or missing.
    """
    changes: list[FeedEntry] = []
    placed: dict[int, list[Place]] = {}
    number, left = after, 0
    for row in connection.execute(_CHANGES, (after, end, start, start + most)):
        told, change, version, prompt = row[:13], row[13:23], row[23:34], row[34:]
        at, commit, count = told[0], told[1].hex(), told[10]
        if at != number:
            expect(told[-1], told[:-1])
            if at != number + 1 or left:
                raise Unusable("a row of the index is missing")
            number, left = at, min(max(count - start, 0), most)
        if change[0] is not None:
            expect(change[-1], change[:-1])
            left -= 1
            _, _, kind, key, name, other, before, target, detail, _ = change
            prompt_id = None if key is None else PromptRow(prompt).id
            said = told[4], told[9], *makers.of_columns(*told[5:9])
            changes.append(FeedEntry(kind, commit, prompt_id, name, other, before, target, *said, detail))
        elif told[2] is not None:
            found = PromptRow(prompt)
            made = found.version(version)
            if found.key not in placed:
                placed |= places(connection, [found])
            place = place_at(placed[found.key], at)
            if place is None:
                raise Unusable("a row of the index is missing")
            written = made.seconds, made.description, made.author, made.committer
            changes.append(FeedEntry("version", commit, found.id, place.name, None, None, made.number, *written))
    if number != end or left:
        raise Unusable("a row of the index is missing")
    return changes


def of_commit(connection: sqlite3.Connection, commit: str) -> list[FeedEntry]:
    """What a commit (40 hexadecimal digits) did; nothing, if the first-parent history of `main` does not have it.

    Raises:
        Unusable: a row is damaged, or missing.
    """
    made = number_of(connection, commit)
    return [] if made is None else between(connection, made - 1, made)


def count(connection: sqlite3.Connection, after: int, types: Collection[str], prefix: str) -> int:
    """How many changes of these types, and of prompts whose name begins (or began) so, came after a commit.

    With `WHOLE_COMMIT` among the types, the commits with such changes of any type are counted, too. A release counts by
    the names that its prompts have now.
    """
    known = {"after": after, "prefix": prefix, "length": len(prefix)}
    marks = ", ".join(f":type{place}" for place in range(len(types)))
    named = {f"type{place}": kind for place, kind in enumerate(types)}
    since = f"FROM feed WHERE made > :after AND {_BELOW}"
    (found,) = connection.execute(f"SELECT count(*) {since} AND type IN ({marks})", known | named).fetchone()
    if WHOLE_COMMIT in types:
        found += connection.execute(f"SELECT count(DISTINCT made) {since}", known).fetchone()[0]
    return int(found)


def newest(connection: sqlite3.Connection) -> str:
    """The newest commit in the index, in hexadecimal; within a write, the one that it has made last."""
    (commit,) = connection.execute("SELECT id FROM commits ORDER BY number DESC LIMIT 1").fetchone()
    return str(commit.hex())
