"""What a commit left, read from the index: the first answer to a request that is repeated."""

from __future__ import annotations

import sqlite3

from promptgit.domain.models import LabelMove, Prompt, Version
from promptgit.errors import KeyReused
from promptgit.store.index import change_queries, label_queries, past_queries, version_queries


def prompt_after(connection: sqlite3.Connection, commit: str) -> Prompt:
    """The prompt that a commit changed, as that commit left it.

    Raises:
        KeyReused: the commit changed no prompt, so it answers no request.
    """
    made = change_queries.number_of(connection, commit)
    changed = change_queries.between(connection, made - 1, made) if made else []
    if made is None or not changed:
        raise KeyReused
    prompt_id = changed[-1].prompt_id
    past = past_queries.prompt_by_id(connection, made, prompt_id) if prompt_id else None
    if past is None:
        raise KeyReused
    return past[0]


def has_created(connection: sqlite3.Connection, commit: str) -> bool:
    """Whether a commit made the first version of a prompt, or brought a deleted one back."""
    made = change_queries.number_of(connection, commit)
    changed = change_queries.between(connection, made - 1, made) if made else []
    return any(one.type == "restore" or (one.type == "version" and one.number == 1) for one in changed)


def version_after(connection: sqlite3.Connection, commit: str, number: int) -> tuple[Prompt, Version]:
    """The same, and its version *number* with the labels of then."""
    prompt = prompt_after(connection, commit)
    version = version_queries.version(connection, prompt.id, number)
    assert version is not None
    return prompt, prompt.labelled(version)


def label_move(connection: sqlite3.Connection, commit: str, prompt_id: str, label: str) -> LabelMove:
    """The move of a label that a commit made.

    Raises:
        KeyReused: it did not move that label.
    """
    for move in label_queries.moves(connection, prompt_id, label):
        if move.commit == commit:
            return move
    raise KeyReused
