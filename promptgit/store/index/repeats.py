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
    changed = change_queries.of_commit(connection, commit)
    if made is None or not changed:
        raise KeyReused
    prompt_id = next((one.prompt_id for one in reversed(changed) if one.prompt_id is not None), None)
    past = past_queries.prompt_by_id(connection, made, prompt_id) if prompt_id else None
    if past is None:
        raise KeyReused
    return past[0]


def has_created(connection: sqlite3.Connection, commit: str) -> bool:
    """Whether a commit made the first version of a prompt, or brought a deleted one back."""
    changed = change_queries.of_commit(connection, commit)
    return any(one.type == "restore" or (one.type == "version" and one.number == 1) for one in changed)


def version_after(connection: sqlite3.Connection, commit: str, number: int) -> tuple[Prompt, Version]:
    """The same, and its version *number* with the labels of then."""
    prompt = prompt_after(connection, commit)
    version = version_queries.version(connection, prompt.id, number)
    assert version is not None
    return prompt, prompt.labelled(version)


class Left:
    """What a commit did to each prompt, and what names and numbers it left, to answer a request of several changes.

    Raises:
        KeyReused: the commit changed no prompt, so it answers no request.
    """

    def __init__(self, connection: sqlite3.Connection, commit: str) -> None:
        self._connection = connection
        made = change_queries.number_of(connection, commit)
        self.changes = change_queries.of_commit(connection, commit)
        if made is None or not self.changes:
            raise KeyReused
        self._made = made
        self._did = {(change.prompt_id, change.type) for change in self.changes}
        self._moved = {(change.prompt_id, change.other) for change in self.changes if change.type == "label"}
        told = (change for change in self.changes if change.type == "check")
        self._told = {(change.prompt_id, change.other, change.number) for change in told}
        self._ids = {change.name: change.prompt_id for change in self.changes}
        self._ids |= {change.other: change.prompt_id for change in self.changes if change.type == "rename"}

    def has(self, prompt_id: str, kind: str) -> bool:
        """Whether it made a change of this type (as the feed says) to a prompt."""
        return (prompt_id, kind) in self._did

    def has_moved(self, prompt_id: str, label: str) -> bool:
        """Whether it moved or removed a label of a prompt."""
        return (prompt_id, label) in self._moved

    def has_told(self, prompt_id: str, check: str, number: int) -> bool:
        """Whether it said something about a version of a prompt."""
        return (prompt_id, check, number) in self._told

    def moves_of(self, label: str) -> list[tuple[str, str, int | None, int]]:
        """Of each prompt whose label it pointed at a version: id, name, where the label pointed before, and since."""
        return [
            (change.prompt_id, change.name, change.before, change.number)
            for change in self.changes
            if (change.type, change.other) == ("label", label)
            and change.number is not None
            and change.prompt_id is not None
            and change.name is not None
        ]

    def id_of(self, name: str) -> str:
        """The id of the prompt that had a name before the commit, had it last, or got it by being created."""
        if (found := self._ids.get(name)) is not None:
            return found
        past = past_queries.prompt_by_name(self._connection, self._made, name)
        assert past is not None
        return past[0].id

    def state_of(self, prompt_id: str) -> tuple[str, int]:
        """The name of a prompt, and the number of its newest version, as the commit left them."""
        past = past_queries.prompt_by_id(self._connection, self._made, prompt_id)
        assert past is not None
        return past[0].name, past[0].newest.number


def label_move(connection: sqlite3.Connection, commit: str, prompt_id: str, label: str) -> LabelMove:
    """The move of a label that a commit made.

    Raises:
        KeyReused: it did not move that label.
    """
    for move in label_queries.moves(connection, prompt_id, label):
        if move.commit == commit:
            return move
    raise KeyReused
