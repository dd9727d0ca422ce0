"""What is read from the index; every function takes a connection first."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from promptgit.models import Author, Prompt, Removal, Version
from promptgit.names import path_of

_VERSION = """
v.id, p.id, v.number, v.timestamp, v.description, a.name, a.email, v.commit_id, v.blob, (
    SELECT group_concat(label) FROM labels WHERE p.removed IS NULL AND name = p.name AND number = v.number
)"""
_PROMPTS = f"""
SELECT {_VERSION}, p.name, p.created, p.moved, p.removed, (
    SELECT group_concat(label || ' ' || number) FROM labels
    WHERE p.removed IS NULL AND name = p.name AND number <= p.versions
) FROM prompts p
"""
_AUTHOR = " JOIN authors a ON a.key = v.author "
_PROMPT = f"{_PROMPTS} JOIN versions v ON v.prompt = p.key AND v.number = p.versions {_AUTHOR}"
_AT_LABEL = "JOIN labels l ON l.name = p.name AND l.label = ? AND l.number <= p.versions"
_PROMPT_AT_LABEL = f"{_PROMPTS} {_AT_LABEL} JOIN versions v ON v.prompt = p.key AND v.number = l.number {_AUTHOR}"
_VERSIONS = f"""
SELECT {_VERSION} FROM prompts p JOIN versions v ON v.prompt = p.key JOIN authors a ON a.key = v.author
"""
# The labels of one prompt, in JSON by the number that they point at.
_LABELLED = """
WITH labelled AS MATERIALIZED (
    SELECT l.number, json_group_array(l.label) AS labels
    FROM prompts p JOIN labels l ON l.name = p.name WHERE p.id = :id AND p.removed IS NULL GROUP BY l.number
)"""
_LABELS = "coalesce(labelled.labels, '[]')"
_JOINED = "LEFT JOIN labelled ON labelled.number = v.number"


def prompt_by_id(connection: sqlite3.Connection, prompt_id: str) -> tuple[Prompt, Removal | None] | None:
    """The prompt with this id, and how it was removed if it is not there now."""
    row = connection.execute(_PROMPT + "WHERE p.id = ?", (prompt_id,)).fetchone()
    if row is None:
        return None
    return _prompt(row), None if row[-2] is None else _removal(connection, prompt_id)


def prompt_by_name(connection: sqlite3.Connection, name: str) -> Prompt | None:
    """The living prompt of this name."""
    row = connection.execute(_PROMPT + "WHERE p.name = ? AND p.removed IS NULL", (name,)).fetchone()
    return None if row is None else _prompt(row)


def removed_by_name(connection: sqlite3.Connection, name: str) -> Prompt | None:
    """The prompt that was removed last under this name, if none lives there."""
    row = connection.execute(
        _PROMPT + "WHERE p.name = ? AND p.removed IS NOT NULL ORDER BY p.removed DESC LIMIT 1", (name,)
    ).fetchone()
    return None if row is None else _prompt(row)


def prompts_at_folded(connection: sqlite3.Connection, paths: Sequence[str], below: Sequence[str]) -> list[Prompt]:
    """The first living prompts whose folded path is one of *paths*, or lies below one of the folders *below*."""
    marks = ", ".join("?" * len(paths))
    ranges = " OR (p.folded > ? AND p.folded < ?)" * len(below)
    ends = [folder + end for folder in below for end in ("/", "0")]  # '0' follows '/'
    rows = connection.execute(
        f"{_PROMPT} WHERE p.removed IS NULL AND (p.folded IN ({marks}) {ranges}) "
        "ORDER BY p.folded <> ?, p.name LIMIT 9",
        (*paths, *ends, paths[0]),
    )
    return [_prompt(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Where:
    """Which living prompts are looked for: by exact name, by how it starts, after a name, by text, by label."""

    name: str | None = None
    prefix: str | None = None
    q: str | None = None
    after: str | None = None
    label: str | None = None

    def __call__(self) -> tuple[str, list[str | int]]:
        """The condition, and its values; the label's is the first of a join."""
        conditions = ["p.removed IS NULL"]
        values: list[str | int] = [] if self.label is None else [self.label]
        if self.name is not None:
            conditions.append("p.name = ?")
            values.append(self.name)
        if self.prefix is not None:
            conditions.append("p.name >= ? AND substr(p.name, 1, ?) = ?")
            values += [self.prefix, len(self.prefix), self.prefix]
        if self.after is not None:
            conditions.append("p.name > ?")
            values.append(self.after)
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
    rows = connection.execute(f"{prompts} WHERE {condition} ORDER BY p.name LIMIT ? OFFSET ?", (*values, limit, offset))
    return [_prompt(row) for row in rows]


def count_prompts(connection: sqlite3.Connection, where: Where) -> int:
    """How many prompts there are."""
    condition, values = where()
    joined = "" if where.label is None else _AT_LABEL
    row = connection.execute(f"SELECT count(*) FROM prompts p {joined} WHERE {condition}", values).fetchone()
    return int(row[0])


def version(connection: sqlite3.Connection, prompt_id: str, number: int) -> Version | None:
    """Version *number* of a prompt."""
    row = connection.execute(_VERSIONS + "WHERE p.id = ? AND v.number = ?", (prompt_id, number)).fetchone()
    return None if row is None else _version(row)


def versions(
    connection: sqlite3.Connection, prompt_id: str, *, after: int, before: int, limit: int, newest_first: bool
) -> list[Version]:
    """Versions whose numbers lie between *after* and *before*, both exclusive."""
    order = "DESC" if newest_first else "ASC"
    rows = connection.execute(
        f"{_VERSIONS} WHERE p.id = ? AND v.number > ? AND v.number < ? ORDER BY v.number {order} LIMIT ?",
        (prompt_id, after, before, limit),
    )
    return [_version(row) for row in rows]


def versions_json(
    connection: sqlite3.Connection,
    prompt_id: str,
    *,
    labelled: bool,
    after: int,
    before: int,
    limit: int,
    newest_first: bool,
) -> tuple[str, int, int]:
    """The same as `versions`, as the API shows them: JSON objects with commas between, how many, the last one's number.

    SQLite makes the text in one step, in which Python's other threads run; row by row they would wait in turn.
    Where the prompt is not *labelled*, half of the time is saved.
    """
    order, last = ("DESC", "min") if newest_first else ("ASC", "max")
    given, labels, joined = (_LABELLED, _LABELS, _JOINED) if labelled else ("", "'[]'", "")
    row = connection.execute(
        f"""
        {given} SELECT group_concat(json), count(*), {last}(number) FROM (
            SELECT v.number, v.json || ',"labels":' || {labels} || '}}' AS json
            FROM prompts p JOIN versions v ON v.prompt = p.key {joined}
            WHERE p.id = :id AND v.number > :after AND v.number < :before ORDER BY v.number {order} LIMIT :limit
        )
        """,
        {"id": prompt_id, "after": after, "before": before, "limit": limit},
    ).fetchone()
    return row[0] or "", row[1], row[2] or 0


def path_at(connection: sqlite3.Connection, prompt_id: str, number: int) -> str:
    """Where the prompt's file lay when version *number* was made."""
    row = connection.execute(
        "SELECT l.name FROM places l JOIN prompts p ON p.key = l.prompt "
        "WHERE p.id = ? AND l.after < ? ORDER BY l.after DESC LIMIT 1",
        (prompt_id, number),
    ).fetchone()
    return path_of(row[0])


def _removal(connection: sqlite3.Connection, prompt_id: str) -> Removal:
    row = connection.execute(
        "SELECT r.timestamp, r.description, a.name, a.email, r.commit_id FROM prompts p "
        "JOIN removals r ON r.prompt = p.key AND r.after = p.versions JOIN authors a ON a.key = r.author "
        "WHERE p.id = ?",
        (prompt_id,),
    ).fetchone()
    seconds, description, name, email, commit = row
    return Removal(seconds, description, Author(name, email), commit.hex())


def _prompt(row: tuple[Any, ...]) -> Prompt:
    newest, (name, created, moved, _, labels) = _version(row[:10]), row[10:]
    pointed = {label: int(number) for label, _, number in (pair.partition(" ") for pair in _split(labels))}
    return Prompt(newest.prompt_id, name, path_of(name), created, newest, moved.hex() if moved else None, pointed)


def _version(row: tuple[Any, ...]) -> Version:
    version_id, prompt_id, number, seconds, description, name, email, commit, blob, labels = row
    author = Author(name, email)
    return Version(version_id, prompt_id, number, seconds, description, author, commit, blob, tuple(_split(labels)))


def _split(labels: str | None) -> list[str]:
    return labels.split(",") if labels else []


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether no prompt was ever written."""
    return connection.execute("SELECT 1 FROM prompts LIMIT 1").fetchone() is None
