"""Which prompt a name meant last, though it is called something else now, or is deleted."""

from __future__ import annotations

import sqlite3

from promptgit.domain.models import Prompt, Removal
from promptgit.store.index import prompt_rows, queries
from promptgit.store.index.connections import Unusable

_LAST = """
SELECT p.id, t.since FROM places t INDEXED BY {} LEFT JOIN prompts p ON p.key = t.prompt
WHERE t.name = ? AND t.since > 0 ORDER BY t.since DESC LIMIT 1
"""


def last_called(connection: sqlite3.Connection, name: str) -> tuple[Prompt, Removal | None] | None:
    """The prompt that was the last to have a name, and how it was removed if it is not there now.

    Raises:
        Unusable: a row is damaged, or missing.
    """
    row, twin = (
        connection.execute(_LAST.format(index), (name,)).fetchone() for index in ("places_named", "places_named_twin")
    )
    if row != twin:
        raise Unusable("an index of the table places is damaged")
    if row is None:
        return None
    found = prompt_rows.find(connection, row[0])
    if found is None or (row[1], name) not in [one[:2] for one in prompt_rows.places(connection, [found])[found.key]]:
        raise Unusable("a row of the index is damaged")
    return queries.prompt_by_id(connection, found.id)
