"""Lists as people ask for them: filtered by folder, text, label, author and tag, sorted by name or by change.

The rows of a page are found in an index alone, and then read by key, each compared with its checksums.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Protocol

from promptgit.domain.labels import is_label
from promptgit.domain.models import Prompt
from promptgit.store.index import queries
from promptgit.store.index.connections import Unusable
from promptgit.store.index.queries import Where

_AUTHOR = "p.author IN (SELECT key FROM authors WHERE name = ? OR email = ?)"
_LABELLED = "(SELECT number FROM labels WHERE name = p.name AND label = ?) <= p.versions"
# In addition, for a label that few prompts have: else each of all prompts would be looked up.
_AMONG = "p.name IN (SELECT name FROM labels INDEXED BY {} WHERE label > '' AND label = ?)"
_FEW = 1_000
# Each is one step in an index, however many rows have the value.
_STEPS = """
WITH RECURSIVE steps (value) AS (
    SELECT min({0}) FROM {1} UNION ALL
    SELECT (SELECT min({0}) FROM {1} WHERE {0} > value) FROM steps WHERE value IS NOT NULL
)
SELECT value FROM steps WHERE value IS NOT NULL LIMIT ?"""
_LOOKED_AT = 1_000  # prompts whose authors are told


@dataclass(frozen=True, slots=True)
class Selection:
    """Which living prompts a list has. *author* is the name or the address of who wrote the newest version."""

    prefix: str | None = None
    q: str | None = None
    label: str | None = None
    author: str | None = None
    tag: str | None = None

    @property
    def is_of_texts(self) -> bool:
        """True if the search table and the tags must be up to date for it; they have no twins."""
        return self.q is not None or self.tag is not None

    def __call__(self, connection: sqlite3.Connection, after: str | None, *, twin: bool) -> tuple[str, list[str | int]]:
        """The condition and its values, by the indexes or by their twins; *after* is a name."""
        condition, values = Where(prefix=self.prefix, q=self.q, after=after, tag=self.tag)()
        if self.author is not None:
            condition += f" AND {_AUTHOR}"
            values += [self.author, self.author]
        if self.label is not None:
            index = "labels_by_label_twin" if twin else "labels_by_label"
            many = "SELECT 1 FROM labels INDEXED BY labels_by_label WHERE label = ? LIMIT 1 OFFSET ?"
            if connection.execute(many, (self.label, _FEW)).fetchone() is None:
                condition += f" AND {_AMONG.format(index)}"
                values.append(self.label)
            condition += f" AND {_LABELLED}"
            values.append(self.label)
        return condition + (" AND p.key > 0" if twin else ""), values

    def index(self, *, by_change: bool = False, twin: bool = False) -> str:
        """The index that has all which is asked for and whose order is nearest."""
        name = "prompts_updated" if by_change or self.author is not None else "prompts_living"
        return f"{name}_twin" if twin else name


def by_name(connection: sqlite3.Connection, selection: Selection, *, after: str | None, limit: int) -> list[Prompt]:
    """Prompts, sorted by name, those behind the name *after*."""

    def keys(*, twin: bool) -> list[int]:
        condition, values = selection(connection, after, twin=twin)
        return _keys(connection, selection.index(twin=twin), condition, "p.name", (*values, limit))

    return _prompts(connection, selection, keys)


def by_change(
    connection: sqlite3.Connection, selection: Selection, *, after: tuple[int, str] | None, limit: int
) -> list[Prompt]:
    """Prompts, sorted by when their newest version was written, newest first, and of one second by name.

    *after* is that time, in seconds since 1970, and the name of the last prompt before them.
    """

    def keys(*, twin: bool) -> list[int]:
        condition, values = selection(connection, None, twin=twin)
        if after is not None:
            condition += " AND p.updated <= ? AND (p.updated < ? OR p.name > ?)"
            values += [after[0], after[0], after[1]]
        index = selection.index(by_change=True, twin=twin)
        return _keys(connection, index, condition, "p.updated DESC, p.name", (*values, limit))

    found = _prompts(connection, selection, keys)
    order = [(-prompt.newest.seconds, prompt.name) for prompt in found]
    if order != sorted(order):
        raise Unusable("a row of the index is damaged")
    return found


def count(connection: sqlite3.Connection, selection: Selection, most: int) -> int:
    """How many prompts the list has on all its pages; *most* stands for all larger numbers."""
    condition, values = selection(connection, None, twin=False)
    counted = f"SELECT 1 FROM prompts p INDEXED BY {selection.index()} WHERE {condition} LIMIT ?"
    row = connection.execute(f"SELECT count(*) FROM ({counted})", (*values, most)).fetchone()
    return int(row[0])


def labels(connection: sqlite3.Connection, limit: int) -> list[str]:
    """At most *limit* labels that files have, sorted."""
    found = connection.execute(_STEPS.format("label", "labels"), (limit,))
    return [label for (label,) in found if is_label(label)]


def tags(connection: sqlite3.Connection, limit: int) -> list[str]:
    """At most *limit* tags, sorted: those that were known when somebody searched last."""
    return [tag for (tag,) in connection.execute(_STEPS.format("tag", "tags"), (limit,))]


def authors(connection: sqlite3.Connection, limit: int) -> list[str]:
    """The names of at most *limit* people who wrote the newest versions of the prompts that changed last, sorted."""
    rows = connection.execute(
        "SELECT DISTINCT a.name FROM (SELECT p.author FROM prompts p INDEXED BY prompts_updated "
        "WHERE p.removed IS NULL ORDER BY p.updated DESC, p.name LIMIT ?) JOIN authors a ON a.key = author LIMIT ?",
        (_LOOKED_AT, limit),
    )
    return sorted(name for (name,) in rows)


def _keys(
    connection: sqlite3.Connection, index: str, condition: str, order: str, values: tuple[str | int, ...]
) -> list[int]:
    rows = connection.execute(
        f"SELECT p.key FROM prompts p INDEXED BY {index} WHERE {condition} ORDER BY {order} LIMIT ?", values
    )
    return [key for (key,) in rows]


class _Keys(Protocol):
    """The keys of a page's prompts, in their order, by an index or by its twin."""

    def __call__(self, *, twin: bool) -> list[int]: ...


def _prompts(connection: sqlite3.Connection, selection: Selection, keys: _Keys) -> list[Prompt]:
    found = keys(twin=False)
    if not selection.is_of_texts and found != keys(twin=True):
        raise Unusable("an index of the table prompts is damaged")
    prompts = queries.prompts_by_key(connection, found)
    if len(prompts) != len(found) or not all(_is_meant(selection, prompt) for prompt in prompts):
        raise Unusable("a row of the index is damaged")
    return prompts


def _is_meant(selection: Selection, prompt: Prompt) -> bool:
    author, label = selection.author, selection.label
    return (author is None or author in prompt.newest.author) and (label is None or label in prompt.labels)
