"""Rows of prompts and of their versions, as every query reads them: compared with their checksums."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from promptgit.domain.models import Author, Prompt, Version
from promptgit.domain.names import path_of
from promptgit.store.index.connections import Unusable
from promptgit.store.index.seals import expect, expect_none, of_labels

# What `PromptRow` verifies, before the columns of a version.
PROMPT = """
p.key, p.id, p.name, p.versions, p.created, p.altered, p.removed, p.places, p.placed, p.labels, p.seal, (
    SELECT group_concat(label || ' ' || number) FROM labels
    WHERE p.removed IS NULL AND name = p.name AND number IS NOT NULL
)"""
VERSION = "v.id, v.number, v.timestamp, v.description, a.name, a.email, v.commit_id, v.blob, v.seal"
# Outer joins: where a row is missing that must be there, the index is damaged.
AUTHOR = "LEFT JOIN authors a ON a.key = v.author"


class PromptRow:
    """A row of `prompts`, as `PROMPT` reads it, that is what the ledger wrote.

    Raises:
        Unusable: it is not.
    """

    __slots__ = ("altered", "created", "id", "key", "labels", "name", "placed", "places", "removed", "versions")

    def __init__(self, row: Sequence[Any]) -> None:
        expect(row[10], row[:10])
        self.key: int = row[0]
        self.id: str = row[1]
        self.name: str = row[2]
        self.versions: int = row[3]
        self.created: int = row[4]
        self.altered: bytes | None = row[5]
        self.removed: int | None = row[6]
        self.places: int = row[7]
        self.placed: int = row[8]
        self.labels: dict[str, int] = _pointed(row[11], row[9])  # those that point past the newest version, too

    def version(self, row: Sequence[Any]) -> Version:
        """A version of it, of a row of the columns of a version."""
        made, number, seconds, description, name, email, commit, blob, sealed = row
        expect(sealed, (made, self.id, number, seconds, description, name, email, commit, blob))
        labels = sorted([label for label, at in self.labels.items() if at == number]) if self.labels else ()
        return Version(made, self.id, number, seconds, description, Author(name, email), commit, blob, tuple(labels))

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


def places(connection: sqlite3.Connection, found: PromptRow) -> list[tuple[int, str]]:
    """After which version a prompt had which name, the newest last."""
    rows = connection.execute(
        "SELECT after, name, seal FROM places WHERE prompt = ? ORDER BY after", (found.key,)
    ).fetchall()
    for after, name, sealed in rows:
        expect(sealed, (found.key, after, name))
    if len(rows) != found.places or rows[-1][:2] != (found.placed, found.name):
        raise Unusable("a row of the index is missing")
    return [(after, name) for after, name, _ in rows]


def name_at(places: Sequence[tuple[int, str]], number: int) -> str:
    """The name that a prompt had when version *number* was made."""
    return next(name for after, name in reversed(places) if after < number)
