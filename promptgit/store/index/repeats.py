"""What a commit left, read from the index: the first answer to a request that is repeated."""

from __future__ import annotations

import sqlite3

from promptgit.domain.models import LabelMove, Prompt, Version
from promptgit.domain.names import path_of
from promptgit.errors import KeyReused
from promptgit.store.index import change_queries, label_queries, prompt_rows, version_queries

_NEWEST = """
SELECT v.number, c.number FROM versions v JOIN commits c ON c.id = v.commit_id
WHERE v.prompt = ? AND c.number <= ? ORDER BY v.number DESC LIMIT 1
"""
_LABELS = """
SELECT m.label, m.number FROM label_moves m WHERE m.prompt = :prompt AND m.number IS NOT NULL AND m.move = (
    SELECT max(n.move) FROM label_moves n JOIN commits c ON c.id = n.commit_id
    WHERE n.prompt = m.prompt AND n.label = m.label AND c.number <= :made
) ORDER BY m.label
"""
_ALTERED = """
SELECT lower(hex(c.id)) FROM changes x JOIN commits c ON c.number = x.made
WHERE x.made BETWEEN ? AND ? AND x.prompt = ? AND x.type IN ('rename', 'label') ORDER BY x.made DESC LIMIT 1
"""


def prompt_after(connection: sqlite3.Connection, commit: str) -> Prompt:
    """The prompt that a commit changed, as that commit left it.

    Raises:
        KeyReused: the commit changed no prompt, so it answers no request.
    """
    made = change_queries.number_of(connection, commit)
    changed = change_queries.between(connection, made - 1, made) if made else []
    if made is None or not changed:
        raise KeyReused
    prompt_id, name = changed[-1].prompt_id, changed[-1].name
    if prompt_id is None or name is None:
        raise KeyReused
    row = prompt_rows.find(connection, prompt_id)
    assert row is not None
    key, created = row.key, row.created
    number, since = connection.execute(_NEWEST, (key, made)).fetchone()
    labels = dict(connection.execute(_LABELS, {"prompt": key, "made": made}))
    altered = connection.execute(_ALTERED, (since, made, key)).fetchone()
    newest = _version(connection, prompt_id, number, labels)
    return Prompt(prompt_id, name, path_of(name), created, newest, altered[0] if altered else None, labels)


def has_created(connection: sqlite3.Connection, commit: str) -> bool:
    """Whether a commit made the first version of a prompt, or brought a deleted one back."""
    made = change_queries.number_of(connection, commit)
    changed = change_queries.between(connection, made - 1, made) if made else []
    return any(one.type == "restore" or (one.type == "version" and one.number == 1) for one in changed)


def version_after(connection: sqlite3.Connection, commit: str, number: int) -> tuple[Prompt, Version]:
    """The same, and its version *number* with the labels of then."""
    prompt = prompt_after(connection, commit)
    return prompt, _version(connection, prompt.id, number, prompt.labels)


def label_move(connection: sqlite3.Connection, commit: str, prompt_id: str, label: str) -> LabelMove:
    """The move of a label that a commit made.

    Raises:
        KeyReused: it did not move that label.
    """
    for move in label_queries.moves(connection, prompt_id, label):
        if move.commit == commit:
            return move
    raise KeyReused


def _version(connection: sqlite3.Connection, prompt_id: str, number: int, labels: dict[str, int]) -> Version:
    version = version_queries.version(connection, prompt_id, number)
    assert version is not None
    return version._replace(labels=tuple(label for label, at in labels.items() if at == number))
