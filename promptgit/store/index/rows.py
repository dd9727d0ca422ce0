"""Rows on their way into a table, and the JSON that stands in one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

import orjson

from promptgit.domain.history import Commit
from promptgit.domain.models import makers_json
from promptgit.store.index.seals import seal

_AT_ONCE = 100  # rows; more gain nothing, and SQLite takes a limited number of values


@dataclass(slots=True)
class PromptRow:
    """A row of `prompts`."""

    key: int
    id: str
    name: str
    versions: int
    created: int
    altered: bytes | None
    removed: int | None
    places: int
    labels: int
    updated: int
    author: int

    def seal(self) -> int:
        """The checksum of what is sealed."""
        return seal(*self.values())

    def values(self) -> tuple[int | str | bytes | None, ...]:
        """What is sealed, in the order of `queries.PROMPT`."""
        return (
            self.key,
            self.id,
            self.name,
            self.versions,
            self.created,
            self.altered,
            self.removed,
            self.places,
            self.labels,
        )


def insert(connection: sqlite3.Connection, table: str, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows of all of a table's columns, many in one statement: one by one they take a quarter longer."""
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        marks = ", ".join(["(" + ", ".join("?" * len(some[0])) + ")"] * len(some))
        connection.execute(f"INSERT INTO {table} VALUES {marks}", tuple(chain.from_iterable(some)))


def version_json(version_id: str, prompt_id: str, number: int, commit: Commit) -> bytes:
    """The JSON of a version, up to its labels: histories are read too often to make it each time."""
    return orjson.dumps(
        {
            "id": version_id,
            "prompt_id": prompt_id,
            "version_number": number,
            "timestamp": datetime.fromtimestamp(commit.timestamp, UTC),
            "description": commit.description,
            **makers_json(commit.author, commit.other_committer),
            "commit": commit.id,
        },
        option=orjson.OPT_UTC_Z,
    )[:-1]
