"""Which commits made the versions of a prompt up to one, and where its file lay."""

from __future__ import annotations

import sqlite3
from itertools import groupby

from promptgit.domain.names import path_of
from promptgit.store.git.blame import Stretch
from promptgit.store.index.connections import Unusable
from promptgit.store.index.prompt_rows import find, places

_COMMITS = """
SELECT v.number, v.made, c.id FROM versions v LEFT JOIN commits c ON c.number = v.made AND c.id = v.commit_id
WHERE v.prompt = ? AND v.number <= ? ORDER BY v.number
"""


def stretches(connection: sqlite3.Connection, prompt_id: str, number: int) -> list[Stretch]:
    """The versions of a prompt up to *number*, oldest first, by where its file lay; none if it has not so many.

    Raises:
        Unusable: a row is damaged, or missing.
    """
    found = find(connection, prompt_id)
    if found is None or not 1 <= number <= found.versions:
        return []
    # When it came under each of its names: not when it was deleted or restored there.
    arrivals = [next(same) for _, same in groupby(places(connection, [found])[found.key], lambda place: place.name)]
    later = arrivals[::-1]
    rows = connection.execute(_COMMITS, (found.key, number)).fetchall()
    if [row[0] for row in rows] != list(range(1, number + 1)) or not later or later[-1].since > rows[0][1]:
        raise Unusable("a row of the index is missing")
    place = later.pop()
    along: list[Stretch] = []
    for at, made, commit in rows:
        if commit is None:
            raise Unusable("a row of the index is damaged")
        while later and later[-1].since <= made:
            place = later.pop()
        path = path_of(place.name)
        if not along or along[-1].path != path:
            along.append(Stretch(path, place.commit.hex() if along else None, []))
        along[-1].versions.append((at, commit.hex()))
    return along
