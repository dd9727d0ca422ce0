"""The state that an earlier commit of `main` left; functions take a connection, and most the commit's number."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from promptgit.domain.models import LabelMove, Prompt, Removal
from promptgit.store.index import change_rows, label_queries, makers, prompt_rows, queries
from promptgit.store.index.connections import Unusable
from promptgit.store.index.prompt_rows import MAKERS, PROMPT, VERSION, Place, PromptRow
from promptgit.store.index.seals import expect

_VERSION_AT = "SELECT number FROM versions WHERE prompt = {} AND made <= ? ORDER BY made DESC LIMIT 1"
_LABEL_AT = (
    "SELECT number FROM label_moves {} WHERE prompt = {} AND label = ? AND made <= ? {} ORDER BY made DESC LIMIT 1"
)
# A version is the newest at a commit if its own commit is not later, and that of the next version is.
_NEWEST = f"""
SELECT n.made, n.commit_id = m.id, n.number, x.number, x.commit_id = y.id, {VERSION}
FROM json_each(?) k CROSS JOIN versions n ON n.prompt = k.value AND n.number = ({_VERSION_AT.format("k.value")})
LEFT JOIN commits m ON m.number = n.made
LEFT JOIN versions x ON x.prompt = n.prompt AND x.number = n.number + 1 LEFT JOIN commits y ON y.number = x.made
LEFT JOIN versions v ON v.prompt = n.prompt AND v.number = {{}} {MAKERS} ORDER BY k.key
"""
# Every label that each prompt ever had, one look-up for each; its last move up to a commit, and the move after that.
_LABELS = f"""
WITH RECURSIVE known (at, prompt, label) AS (
    SELECT key, value, (SELECT min(label) FROM label_moves WHERE prompt = value) FROM json_each(?)
    UNION ALL
    SELECT at, prompt, (SELECT min(label) FROM label_moves m WHERE m.prompt = known.prompt AND m.label > known.label)
    FROM known WHERE label IS NOT NULL
)
SELECT k.prompt, k.label, x.move, x.commit_id = y.id, {label_queries.MOVE}
FROM known k
LEFT JOIN label_moves m ON m.prompt = k.prompt AND m.label = k.label AND m.made = (
    SELECT max(made) FROM label_moves WHERE prompt = k.prompt AND label = k.label AND made <= ?
) {makers.joined("m")}
LEFT JOIN label_moves x ON x.prompt = k.prompt AND x.label = k.label AND x.made = (
    SELECT min(made) FROM label_moves WHERE prompt = k.prompt AND label = k.label AND made > ?
) LEFT JOIN commits y ON y.number = x.made
WHERE k.label IS NOT NULL ORDER BY k.at, k.label
"""
# Whether a prompt left its place up to a commit; and whether a label pointed at a version that it had.
_LEFT = "EXISTS (SELECT 1 FROM places l {} WHERE l.prompt = t.prompt AND l.since > t.since AND l.since <= ? {})"
_POINTED = (
    f"(SELECT made FROM versions WHERE prompt = t.prompt AND number = ({_LABEL_AT.format('', 't.prompt', '')})) <= ?"
)
# The same in other parts of the file: what filters rows must be sound, for what is left out is not looked at again.
_LEFT_TWIN = _LEFT.format("INDEXED BY places_twin", "AND l.since > 0")
_POINTED_TWIN = (
    f"({_LABEL_AT.format('INDEXED BY label_moves_twin', 't.prompt', 'AND made > 0')}) "
    f"<= ({_VERSION_AT.format('t.prompt')})"
)

Found = tuple[Prompt, Removal | None]
"""A prompt as a commit left it, and how it was removed if it was not there then."""


def number_before(connection: sqlite3.Connection, seconds: int) -> int | None:
    """The number of the last commit that was stored at a time or before it, by the committers' dates.

    It is the commit that `git rev-list -1 --first-parent --before=TIME main` prints. *seconds* are those since 1970;
    None: all commits were stored later.
    """
    dates = "SELECT stored, number, before, seal FROM dates WHERE stored"
    found, following = (
        connection.execute(f"{dates} {condition} LIMIT 1", (seconds,)).fetchone()
        for condition in ("<= ? ORDER BY stored DESC", "> ? ORDER BY stored")
    )
    for row in (found, following):
        if row is not None:
            expect(row[-1], row[:-1])
    number: int | None = found[1] if found else None
    if (number or 0) != (following[2] if following else change_rows.newest(connection)[0]):
        raise Unusable("a row of the index is missing")
    return number


def prompt_by_id(connection: sqlite3.Connection, at: int, prompt_id: str) -> Found | None:
    """The prompt with this id; None: it was not created yet, or never."""
    found = prompt_rows.find(connection, prompt_id)
    return next(iter(_past(connection, at, [found])), None) if found else None


def prompt_by_name(connection: sqlite3.Connection, at: int, name: str) -> Found | None:
    """The prompt that lived under this name, or else the one that was removed last under it."""
    for lives in (True, False):
        if keys := _keys(connection, at, ["t.name = ?"], [name], "t.since DESC", 1, lives=lives):
            return _past(connection, at, _rows(connection, keys))[0]
    return None


def list_prompts(connection: sqlite3.Connection, at: int, where: queries.Where, *, limit: int) -> list[Prompt]:
    """The same as `queries.list_prompts`; *where* asks for no text and no tag."""
    keys = _keys(connection, at, *where.named("t.name"), "t.name", limit, label=where.label)
    prompts = [prompt for prompt, _ in _past(connection, at, _rows(connection, keys), where.label)]
    if where.label is not None and any(prompt.labels.get(where.label) != prompt.newest.number for prompt in prompts):
        raise Unusable("a label's row of the index is damaged")
    return prompts


def pointers(connection: sqlite3.Connection, at: int, prompt_id: str) -> tuple[Found, list[LabelMove]] | None:
    """The prompt with this id, and the last move of each label that pointed at a version of it then, sorted by label.

    None: the prompt was not created yet, or never.
    """
    past = prompt_by_id(connection, at, prompt_id)
    found = prompt_rows.find(connection, prompt_id)
    if past is None or found is None:
        return None
    moves = [label_queries.move_of(found, row) for row in _moves(connection, at, [found])[found.key]]
    return past, [move for move in moves if move.label in past[0].labels]


def _keys(
    connection: sqlite3.Connection,
    at: int,
    conditions: Sequence[str],
    values: Sequence[str | int],
    order: str,
    limit: int,
    *,
    lives: bool = True,
    label: str | None = None,
) -> list[int]:
    """The keys of the prompts that lived, or were deleted, at places of these conditions; with *label*, that had it."""
    values = [*values, lives, at, at, *(() if label is None else (label, at, at)), limit]
    found = [
        connection.execute(
            f"SELECT t.prompt FROM places t INDEXED BY {index} WHERE {' AND '.join([*conditions, 't.lives = ?'])} "
            f"AND t.since > 0 AND t.since <= ? AND NOT {left} {'' if label is None else f'AND {pointed}'} "
            f"ORDER BY {order} LIMIT ?",
            values,
        ).fetchall()
        for index, left, pointed in (
            ("places_named", _LEFT.format("", ""), _POINTED),
            ("places_named_twin", _LEFT_TWIN, _POINTED_TWIN),
        )
    ]
    if found[0] != found[1]:
        raise Unusable("an index of the table places is damaged")
    return [key for (key,) in found[0]]


def _rows(connection: sqlite3.Connection, keys: Sequence[int]) -> list[PromptRow]:
    rows = connection.execute(
        f"SELECT {PROMPT} FROM json_each(?) k CROSS JOIN prompts p ON p.key = k.value ORDER BY k.key",
        (json.dumps(list(keys)),),
    )
    found = [PromptRow(row) for row in rows]
    if len(found) != len(keys):
        raise Unusable("a row of the index is missing")
    return found


def _past(connection: sqlite3.Connection, at: int, found: Sequence[PromptRow], label: str | None = None) -> list[Found]:
    """The prompts of these rows as a commit left them; with *label*, each at the version that it pointed at.

    Those that were not created yet are left out.
    """
    placed = prompt_rows.places(connection, found)
    places = {key: [one for one in its if one.since <= at] for key, its in placed.items()}
    there = [row for row in found if places[row.key]]
    moves = _moves(connection, at, there)
    number = "n.number" if label is None else f"({_LABEL_AT.format('', 'n.prompt', '')})"
    values = json.dumps([row.key for row in there]), at, *(() if label is None else (label, at))
    newest = connection.execute(_NEWEST.format(number), values).fetchall()
    if len(newest) != len(there):
        raise Unusable("a row of the index is missing")
    pasts: list[Found] = []
    for row, version in zip(there, newest, strict=True):
        made, is_made, versions, following, is_later = version[:5]
        if not is_made or (not is_later if following else versions != row.versions):
            raise Unusable("a row of the index is damaged")
        its_places, its_moves = places[row.key], moves[row.key]
        altered = _altered(made, its_places, its_moves)
        row.back(its_places[-1], versions, altered, {move[0]: move[3] for move in its_moves if move[3] is not None})
        prompt = row.prompt(row.version(version[5:]))
        pasts.append((prompt, None if row.removed is None else queries.removal(connection, row)))
    return pasts


def _altered(made: int, places: Sequence[Place], moves: Sequence[Sequence[Any]]) -> bytes | None:
    """The last commit that renamed a prompt or moved its labels since the commit *made*, that of its newest version."""
    since = [(place.since, place.commit) for place in places if place.lives and place.since > made]
    since += [(move[1], move[6]) for move in moves if move[1] >= made]
    return max(since)[1] if since else None


def _moves(connection: sqlite3.Connection, at: int, found: Sequence[PromptRow]) -> dict[int, list[Sequence[Any]]]:
    """By key, the last move of each label of these prompts up to a commit: rows of `MOVE`, sorted by label."""
    rows = {row.key: row for row in found}
    moves: dict[int, list[Sequence[Any]]] = {key: [] for key in rows}
    left = {key: row.labels.copy() for key, row in rows.items() if row.labels}
    for key, label, following, is_later, *move in connection.execute(_LABELS, (json.dumps(list(rows)), at, at)):
        now = left[key].pop(label, None) if key in left else None
        if not (is_later and following == (move[2] or 0) + 1 if following else move[3] == now):
            raise Unusable("a label's row of the index is missing")
        if move[2]:
            expect(move[-1], (key, *move[:-1]))
            moves[key].append(move)
    if any(left.values()):
        raise Unusable("a label's row of the index is missing")
    return moves
