"""What is read of releases from the index; every function takes a connection first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from promptgit.domain import releases
from promptgit.domain.releases import OPEN, RELEASED, Release
from promptgit.store.index import prompt_rows, version_queries
from promptgit.store.index.release_rows import find, highest, read_rules

_MOVE = """
SELECT m.number, c.number, lower(hex(c.id)) FROM label_moves m JOIN commits c ON c.id = m.commit_id
WHERE m.prompt = ? AND m.label = ? ORDER BY m.move DESC LIMIT 1
"""


def release(connection: sqlite3.Connection, number: int) -> tuple[Release, int, str] | None:
    """A release, the number of the commit that opened it, and the id (hexadecimal) of the one that changed it last.

    One whose file cannot be understood is none.

    Raises:
        Unusable: its row is damaged.
    """
    found = find(connection, number)
    return (found[0], found[1], found[2]) if found and found[0] is not None else None


def next_number(connection: sqlite3.Connection) -> int:
    """The number of the release that is opened next: no number is given twice, also if its file has left."""
    return highest(connection) + 1


def numbers(
    connection: sqlite3.Connection, *, states: Sequence[str], label: str | None, before: int | None, limit: int
) -> list[int]:
    """The numbers of at most *limit* releases with one of these stored states, those below *before*, newest first."""
    marks = ", ".join("?" * len(states))
    rows = connection.execute(
        f"SELECT number FROM releases WHERE state IN ({marks}) AND (? IS NULL OR label = ?) "
        "AND (? IS NULL OR number < ?) ORDER BY number DESC LIMIT ?",
        (*states, label, label, before, before, limit),
    )
    return [number for (number,) in rows]


def open_with(connection: sqlite3.Connection, versions: Sequence[str]) -> list[Release]:
    """The open releases with one of these versions (by id) among their items, oldest first."""
    marks = ", ".join("?" * len(versions))
    rows = connection.execute(
        "SELECT DISTINCT r.number FROM releases r JOIN release_items i ON i.number = r.number "
        f"WHERE r.state = ? AND i.version IN ({marks}) ORDER BY r.number",
        (OPEN, *versions),
    ).fetchall()
    found = (release(connection, number) for (number,) in rows)
    return [one[0] for one in found if one is not None]


def of_prompt(connection: sqlite3.Connection, prompt_id: str, states: Sequence[str]) -> list[Release]:
    """The releases of a prompt with one of these stored states, newest first."""
    marks = ", ".join("?" * len(states))
    rows = connection.execute(
        "SELECT DISTINCT r.number FROM release_items i JOIN releases r ON r.number = i.number "
        f"WHERE i.prompt_id = ? AND r.state IN ({marks}) ORDER BY r.number DESC",
        (prompt_id, *states),
    ).fetchall()
    found = (release(connection, number) for (number,) in rows)
    return [one[0] for one in found if one is not None]


def was_released(connection: sqlite3.Connection, label: str, prompt_id: str, version_id: str) -> bool:
    """True if a release has pointed this label of a prompt at this version before."""
    rows = connection.execute(
        "SELECT r.number FROM release_items i JOIN releases r ON r.number = i.number "
        "WHERE i.prompt_id = ? AND i.version = ? AND r.label = ? AND r.state = ?",
        (prompt_id, version_id, label, RELEASED),
    ).fetchall()
    # The rows of items have no checksum: what they say is looked up in the file of the release, which has one.
    found = (release(connection, number) for (number,) in rows)
    return any(
        one[0].label == label
        and one[0].state == RELEASED
        and any((item.prompt_id, item.version_id) == (prompt_id, version_id) for item in one[0].items)
        for one in found
        if one is not None
    )


def last_move(connection: sqlite3.Connection, prompt_id: str, label: str) -> tuple[int | None, int, str] | None:
    """Where a label points since its last move, and the number and id of the commit that moved it."""
    found = prompt_rows.find(connection, prompt_id)
    if found is None:
        return None
    row = connection.execute(_MOVE, (found.key, label)).fetchone()
    return None if row is None else (row[0], row[1], row[2])


def has_gone_elsewhere(connection: sqlite3.Connection, prompt_id: str, after: int) -> bool:
    """True if a prompt was renamed, deleted or restored after the commit of this number."""
    row = connection.execute(
        "SELECT 1 FROM prompts p JOIN places l ON l.prompt = p.key WHERE p.id = ? AND l.since > ? LIMIT 1",
        (prompt_id, after),
    ).fetchone()
    return row is not None


def writers(connection: sqlite3.Connection, prompt_id: str, after: int, upto: int) -> list[tuple[int, set[str]]]:
    """The addresses of author and committer of each version after one number and up to another, by number.

    Raises:
        Unusable: a row is damaged, or missing.
    """
    made = version_queries.versions(
        connection, prompt_id, after=after, before=upto + 1, limit=upto - after, newest_first=False
    )
    return [(one.number, {one.author.email, (one.committer or one.author).email}) for one in made]


def shifted(connection: sqlite3.Connection) -> Iterator[tuple[str, str, int, int]]:
    """Labels whose number means another version than the release that pointed them there says.

    Label, prompt's name, number and release of each: history was rewritten, or put into another order.
    """
    yield from connection.execute(
        """
        SELECT r.label, p.name, l.number, r.number FROM release_items i
        JOIN releases r ON r.number = i.number AND r.state IN (?, ?)
        JOIN prompts p ON p.id = i.prompt_id AND p.removed IS NULL
        JOIN labels l ON l.name = p.name AND l.label = r.label AND l.number = i.target
        LEFT JOIN versions v ON v.prompt = p.key AND v.number = l.number
        WHERE i.version IS NOT NULL AND v.id IS NOT i.version AND i.number = (
            SELECT max(j.number) FROM release_items j JOIN releases s ON s.number = j.number
            WHERE j.prompt_id = i.prompt_id AND s.label = r.label AND s.state IN (?, ?)
        )
        ORDER BY r.label, p.name
        """,
        (*releases.MOVING, *releases.MOVING),
    )


def warnings(connection: sqlite3.Connection) -> list[str]:
    """What is wrong with the rules, and which labels do not show what was released; a sentence each."""
    return [
        *read_rules(connection)[0].problems(),
        *(
            f"label_shifted: {label!r} of {name!r} points at version {number}, which is another version than release "
            f"{release} has released: history was rewritten. Release again, or bring the history back."
            for label, name, number, release in shifted(connection)
        ),
    ]


def outside(connection: sqlite3.Connection) -> Iterator[tuple[str, str, int | None, str]]:
    """Gated labels whose last move came without a release.

    Of each: the label, the prompt's name, the number of the version that it points at (None: none), and the commit that
    moved it.
    """
    yield from connection.execute(
        """
        SELECT m.label, p.name, m.number, lower(hex(m.commit_id)) FROM label_moves m
        JOIN prompts p ON p.key = m.prompt
        WHERE m.outside AND m.move = (SELECT max(move) FROM label_moves WHERE prompt = m.prompt AND label = m.label)
        ORDER BY m.label, p.name
        """
    )


def ignored(connection: sqlite3.Connection) -> list[int]:
    """The numbers of the releases whose files cannot be understood."""
    return [number for (number,) in connection.execute("SELECT number FROM releases WHERE label = '' ORDER BY number")]
