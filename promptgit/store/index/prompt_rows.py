"""Rows of prompts and of their versions, as every query reads them: compared with their checksums."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

from promptgit.domain.models import Prompt, Version
from promptgit.domain.names import path_of
from promptgit.store.index import makers
from promptgit.store.index.connections import Unusable
from promptgit.store.index.seals import expect, expect_none, of_labels

# What `PromptRow` verifies, before the columns of a version.
PROMPT = """
p.key, p.id, p.name, p.versions, p.created, p.altered, p.removed, p.places, p.labels, p.seal, (
    SELECT group_concat(label || ' ' || number) FROM labels
    WHERE p.removed IS NULL AND name = p.name AND number IS NOT NULL
)"""
VERSION = f"v.id, v.number, v.timestamp, v.description, {makers.COLUMNS}, v.commit_id, v.blob, v.seal"
MAKERS = makers.joined("v")


class PromptRow:
    """A row of `prompts`, as `PROMPT` reads it, that is what the ledger wrote.

    Raises:
        Unusable: it is not.
    """

    __slots__ = ("altered", "created", "id", "key", "labels", "name", "places", "removed", "versions")

    def __init__(self, row: Sequence[Any]) -> None:
        expect(row[9], row[:9])
        self.key: int = row[0]
        self.id: str = row[1]
        self.name: str = row[2]
        self.versions: int = row[3]
        self.created: int = row[4]
        self.altered: bytes | None = row[5]
        self.removed: int | None = row[6]
        self.places: int = row[7]
        self.labels: dict[str, int] = _pointed(row[10], row[8])  # those that point past the newest version, too

    def version(self, row: Sequence[Any]) -> Version:
        """A version of it, of a row of `VERSION`."""
        made, number, seconds, description, *by, commit, blob, sealed = row
        expect(sealed, (made, self.id, number, seconds, description, *by, commit, blob))
        labels = sorted([label for label, at in self.labels.items() if at == number]) if self.labels else ()
        who = makers.of_columns(*by)
        return Version(made, self.id, number, seconds, description, *who, commit, blob, tuple(labels))

    def back(self, place: Place, versions: int, altered: bytes | None, labels: dict[str, int]) -> None:
        """Make it the row that an earlier commit left; it keeps its key, its id and the date of its first version."""
        self.name, self.removed = place.name, None if place.lives else 1
        self.versions, self.altered, self.labels = versions, altered, labels

    def prompt(self, newest: Version) -> Prompt:
        """The prompt, with *newest* in the place of its newest version."""
        pointed = {label: number for label, number in sorted(self.labels.items()) if number <= self.versions}
        altered = self.altered.hex() if self.altered else None
        return Prompt(self.id, self.name, path_of(self.name), self.created, newest, altered, pointed)


def _pointed(labels: str | None, sealed: int) -> dict[str, int]:
    if labels is None and sealed == 0:
        return {}
    pointed = {label: int(number) for label, _, number in (pair.partition(" ") for pair in (labels or " 0").split(","))}
    if of_labels(pointed) != sealed:
        raise Unusable("a label's row of the index is damaged")
    return pointed


def find(connection: sqlite3.Connection, prompt_id: str) -> PromptRow | None:
    """The row of the prompt with this id."""
    row = connection.execute(f"SELECT {PROMPT} FROM prompts p WHERE p.id = ?", (prompt_id,)).fetchone()
    if row is None:
        no_id(connection, prompt_id)
        return None
    return PromptRow(row)


def no_id(connection: sqlite3.Connection, prompt_id: str) -> None:
    """Expect that no prompt has an id under which none was found.

    Raises:
        Unusable: one has it.
    """
    expect_none(connection, "prompts_id_twin", "id = ? AND key > 0", prompt_id)


class Place(NamedTuple):
    """Where a prompt lies since the commit numbered `since`; or where it lay when that commit removed it."""

    since: int
    name: str
    lives: bool
    commit: bytes


def places(connection: sqlite3.Connection, prompts: Sequence[PromptRow]) -> dict[int, list[Place]]:
    """Where prompts have lain, by key, each the newest last."""
    rows = connection.execute(
        "SELECT t.prompt, t.since, t.place, t.name, t.lives, c.id, t.seal FROM json_each(?) k "
        "CROSS JOIN places t ON t.prompt = k.value LEFT JOIN commits c ON c.number = t.since ORDER BY k.key, t.since",
        (json.dumps([found.key for found in prompts]),),
    )
    placed: dict[int, list[Place]] = {found.key: [] for found in prompts}
    for key, since, place, name, lives, commit, sealed in rows:
        expect(sealed, (key, since, place, name, lives, commit))
        placed[key].append(Place(since, name, bool(lives), commit))
    for found in prompts:
        its = placed[found.key]
        if len(its) != found.places or its[-1][1:3] != (found.name, found.removed is None):
            raise Unusable("a row of the index is missing")
    return placed


def place_at(places: Sequence[Place], made: int) -> Place | None:
    """Where a prompt lay after the commit numbered *made*; None: it was not created yet."""
    return next((place for place in reversed(places) if place.since <= made), None)
