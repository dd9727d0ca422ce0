"""What is read from the index; every function takes a connection first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from promptgit.domain.models import Prompt, Removal
from promptgit.store.index import makers
from promptgit.store.index.connections import Unusable
from promptgit.store.index.prompt_rows import MAKERS, PROMPT, VERSION, PromptRow, no_id
from promptgit.store.index.seals import expect, expect_none

_PROMPT = f"""
SELECT {PROMPT}, {VERSION} FROM prompts p
LEFT JOIN versions v ON v.prompt = p.key AND v.number = p.versions {MAKERS} """
_AT_LABEL = "JOIN labels l ON l.name = p.name AND l.label = ? AND l.number <= p.versions"
_PROMPT_AT_LABEL = f"""
SELECT {PROMPT}, {VERSION} FROM prompts p {_AT_LABEL}
LEFT JOIN versions v ON v.prompt = p.key AND v.number = l.number {MAKERS} """


def _prompt(row: Sequence[Any]) -> Prompt:
    found = PromptRow(row)
    return found.prompt(found.version(row[11:]))


def prompt_by_id(connection: sqlite3.Connection, prompt_id: str) -> tuple[Prompt, Removal | None] | None:
    """The prompt with this id, and how it was removed if it is not there now."""
    row = connection.execute(_PROMPT + "WHERE p.id = ?", (prompt_id,)).fetchone()
    if row is None:
        no_id(connection, prompt_id)
        return None
    found = PromptRow(row)
    prompt = found.prompt(found.version(row[11:]))
    return prompt, None if found.removed is None else removal(connection, found)


def prompt_by_name(connection: sqlite3.Connection, name: str) -> Prompt | None:
    """The living prompt of this name."""
    row = connection.execute(_PROMPT + "WHERE p.name = ? AND p.removed IS NULL", (name,)).fetchone()
    if row is None:
        expect_none(connection, "prompts_living_twin", "name = ? AND removed IS NULL AND key > 0", name)
        return None
    return _prompt(row)


def prompts_by_key(connection: sqlite3.Connection, keys: Sequence[int]) -> list[Prompt]:
    """The prompts that have these keys in the index, in their order."""
    keyed = _PROMPT.replace("FROM prompts p", "FROM json_each(?) k CROSS JOIN prompts p ON p.key = k.value")
    return [_prompt(row) for row in connection.execute(f"{keyed} ORDER BY k.key", (json.dumps(keys),))]


def removed_by_name(connection: sqlite3.Connection, name: str) -> Prompt | None:
    """The prompt that was removed last under this name, if none lives there."""
    condition = "name = ? AND removed IS NOT NULL"
    row = connection.execute(f"{_PROMPT} WHERE p.{condition} ORDER BY p.removed DESC LIMIT 1", (name,)).fetchone()
    if row is None:
        expect_none(connection, "prompts_removed_twin", condition + " AND key > 0", name)
        return None
    return _prompt(row)


def prompts_at_folded(connection: sqlite3.Connection, paths: Sequence[str], below: Sequence[str]) -> list[Prompt]:
    """The first living prompts whose folded path is one of *paths*, or lies below one of the folders *below*."""
    marks = ", ".join("?" * len(paths))
    ranges = " OR (p.folded > ? AND p.folded < ?)" * len(below)
    ends = [folder + end for folder in below for end in ("/", "0")]  # '0' follows '/'
    condition = f"removed IS NULL AND (p.folded IN ({marks}) {ranges})"
    rows = connection.execute(
        f"{_PROMPT} WHERE p.{condition} ORDER BY p.folded <> ?, p.name LIMIT 9", (*paths, *ends, paths[0])
    ).fetchall()
    if not rows:
        # Not by `expect_none`: the condition needs the table's short name.
        twin = f"SELECT 1 FROM prompts p INDEXED BY prompts_folded_twin WHERE p.{condition} AND key > 0 LIMIT 1"
        if connection.execute(twin, (*paths, *ends)).fetchone():
            raise Unusable("an index of the table prompts is damaged")
    return [_prompt(row) for row in rows]


ALL = -1
"""In place of a limit: SQLite takes no limit from a negative one (sqlite.org/lang_select.html)."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which living prompts are looked for: by exact name, by how it starts, after a name, by text, label, tag."""

    name: str | None = None
    prefix: str | None = None
    q: str | None = None
    after: str | None = None
    label: str | None = None
    tag: str | None = None

    def twin(self) -> str:
        """The names of the same prompts, by the twins of the indexes."""
        if self.label is None:
            return "SELECT p.name FROM prompts p INDEXED BY prompts_living_twin"
        return (
            "SELECT p.name FROM labels l INDEXED BY labels_by_label_twin CROSS JOIN prompts p "
            "INDEXED BY prompts_living_twin ON p.name = l.name AND l.label > '' AND l.label = ? "
            "AND l.number <= p.versions"
        )

    def named(self, column: str) -> tuple[list[str], list[str | int]]:
        """The conditions on the names in a column, and their values."""
        conditions: list[str] = []
        values: list[str | int] = []
        if self.name is not None:
            conditions.append(f"{column} = ?")
            values.append(self.name)
        if self.prefix is not None:
            conditions.append(f"{column} >= ? AND substr({column}, 1, ?) = ?")
            values += [self.prefix, len(self.prefix), self.prefix]
        if self.after is not None:
            conditions.append(f"{column} > ?")
            values.append(self.after)
        return conditions, values

    def __call__(self) -> tuple[str, list[str | int]]:
        """The condition, and its values; the label's is the first of a join."""
        conditions, values = self.named("p.name")
        conditions.insert(0, "p.removed IS NULL")
        if self.label is not None:
            values.insert(0, self.label)
        if self.tag is not None:
            conditions.append("p.key IN (SELECT prompt FROM tags WHERE tag = ?)")
            values.append(self.tag)
        if self.q is not None:
            # FTS5's trigrams find three characters or more (sqlite.org/fts5.html, "The Trigram Tokenizer").
            if len(self.q) >= 3:
                conditions.append("p.key IN (SELECT rowid FROM search WHERE search MATCH ?)")
                values.append('"' + self.q.replace('"', '""') + '"')
            else:
                pattern = "%" + "".join("\\" + c if c in "\\%_" else c for c in self.q) + "%"
                conditions.append(
                    "p.key IN (SELECT rowid FROM search WHERE name LIKE ? ESCAPE '\\' OR content LIKE ? ESCAPE '\\')"
                )
                values += [pattern, pattern]
        return " AND ".join(conditions), values


def list_prompts(connection: sqlite3.Connection, where: Where, *, offset: int = 0, limit: int) -> list[Prompt]:
    """Prompts, sorted by name; by label, each at the version that the label points at."""
    condition, values = where()
    prompts = _PROMPT if where.label is None else _PROMPT_AT_LABEL
    end = "ORDER BY p.name LIMIT ? OFFSET ?"
    rows = connection.execute(f"{prompts} WHERE {condition} {end}", (*values, limit, offset)).fetchall()
    found = [_prompt(row) for row in rows]
    if where.q is None and where.tag is None:
        twins = connection.execute(f"{where.twin()} WHERE {condition} AND p.key > 0 {end}", (*values, limit, offset))
        if [name for (name,) in twins] != [prompt.name for prompt in found]:
            raise Unusable("an index of the table prompts is damaged")
    if where.label is not None and any(prompt.labels.get(where.label) != prompt.newest.number for prompt in found):
        raise Unusable("a label's row of the index is damaged")
    return found


def count_prompts(connection: sqlite3.Connection, where: Where) -> int:
    """How many prompts there are."""
    condition, values = where()
    joined = "" if where.label is None else _AT_LABEL
    row = connection.execute(f"SELECT count(*) FROM prompts p {joined} WHERE {condition}", values).fetchone()
    return int(row[0])


def removal(connection: sqlite3.Connection, found: PromptRow) -> Removal:
    """How a prompt was removed that is not there."""
    row = connection.execute(
        f"SELECT r.commit_id, r.timestamp, {makers.COLUMNS}, r.description, r.seal FROM removals r "
        f"{makers.joined('r')} WHERE r.prompt = ? AND r.after = ?",
        (found.key, found.versions),
    ).fetchone()
    if row is None:
        raise Unusable("a row of the index is missing")
    commit, seconds, *by, description, sealed = row
    expect(sealed, (found.id, found.versions, *row[:-1]))
    return Removal(seconds, description, *makers.of_columns(*by), commit.hex())


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether no prompt was ever written."""
    return connection.execute("SELECT 1 FROM prompts LIMIT 1").fetchone() is None


def newest_after(connection: sqlite3.Connection, key: int, limit: int) -> list[tuple[int, str]]:
    """Key and blob (hexadecimal) of the newest version of prompts that are there, those after a key, by key."""
    rows = connection.execute(
        "SELECT p.key, v.blob FROM prompts p JOIN versions v ON v.prompt = p.key AND v.number = p.versions "
        "WHERE p.key > ? AND p.removed IS NULL ORDER BY p.key LIMIT ?",
        (key, limit),
    )
    return [(key, blob.hex()) for key, blob in rows]
