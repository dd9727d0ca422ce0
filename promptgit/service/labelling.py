"""The use cases of labels: to point one at a version, to follow it, to see where it pointed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from promptgit.domain import labels
from promptgit.domain.models import LabelMove, Prompt, Removal, Version
from promptgit.errors import LabelNotFound, VersionNotFound
from promptgit.service import checks
from promptgit.service.checks import Sign, Signed
from promptgit.store.git.commits import Edit
from promptgit.store.index import label_queries, queries, repeats, version_queries
from promptgit.store.operation import Change
from promptgit.store.store import Store


class Labelling:
    """The labels of one store's prompts; *sign* makes a description and an author of what a caller says.

    *protected* are the labels that only those move who were allowed to.
    """

    def __init__(self, store: Store, sign: Sign, protected: frozenset[str]) -> None:
        self._store = store
        self._sign = sign
        self.protected = protected

    def are_movable(self, names: Iterable[str], may_move: frozenset[str] | None) -> bool:
        """Whether a caller who may move these protected labels (None: all) may move all of *names*."""
        return not checks.immovable(names, self.protected, may_move)

    def all(self, prompt_id: str) -> list[LabelMove]:
        """Where the labels of a prompt point, and since when; none of a deleted one.

        Raises:
            PromptNotFound
        """
        self._expect(prompt_id)
        return self._store.index.read(label_queries.pointers, prompt_id)

    def get(self, prompt_id: str, label: str) -> Version:
        """The version that a label points at; `latest` is the newest one.

        Raises:
            PromptNotFound, PromptDeleted, LabelNotFound
        """
        prompt = checks.expect_living(*self._expect(prompt_id))
        if label == labels.LATEST:
            return prompt.newest
        number = prompt.labels.get(label)
        version = self._store.index.read(version_queries.version, prompt_id, number) if number else None
        if version is None:
            raise LabelNotFound(prompt.name, label)
        return version

    def history(self, prompt_id: str, label: str) -> list[LabelMove]:
        """Every move of a label, oldest first; of a label that was removed, and of a deleted prompt, too.

        Raises:
            PromptNotFound, LabelNotFound
        """
        prompt, _ = self._expect(prompt_id)
        moves = self._store.index.read(label_queries.moves, prompt_id, label)
        if not moves:
            raise LabelNotFound(prompt.name, label)
        return moves

    def point(self, prompt_id: str, label: str, number: int, *, signed: Signed) -> LabelMove:
        """Point a label at a version. Where it points already nothing is written.

        Raises:
            PromptNotFound, PromptDeleted, StaleVersion, VersionNotFound
            Invalid: a rule is broken.
            LabelProtected: the caller may not move it.
            PathBlocked: the label of another prompt lies where this one's file would be.
        """
        labels.check(label)
        checks.expect_mover([label], self.protected, signed)
        description, author, committer = self._sign(signed, "")

        def plan(index: sqlite3.Connection) -> Edit | None:
            prompt = checks.expect_living(*checks.seen(index, prompt_id, signed.if_match))
            if not 1 <= number <= prompt.newest.number:
                raise VersionNotFound(prompt.name, str(number), prompt.newest.number)
            if prompt.labels.get(label) == number:
                return None
            checks.expect_labels(index, prompt.name, [label])
            reason = description or f"Point {label} at version {number} of {prompt.name}"
            return Edit({labels.path_of(label, prompt.name): labels.content(number)}, reason, author, committer)

        def answer(index: sqlite3.Connection) -> LabelMove:
            move = label_queries.pointer(index, prompt_id, label)
            assert move is not None
            return move

        def recall(index: sqlite3.Connection, commit: str) -> LabelMove:
            return repeats.label_move(index, commit, prompt_id, label)

        return self._store.writer.submit(Change(plan, answer, signed.request, recall))

    def remove(self, prompt_id: str, label: str, *, signed: Signed) -> None:
        """Remove a label. One that was removed already stays so.

        Raises:
            PromptNotFound, PromptDeleted, StaleVersion
            LabelNotFound: the prompt never had this label.
            Invalid: a rule is broken.
            LabelProtected: the caller may not move it.
        """
        labels.check(label)
        checks.expect_mover([label], self.protected, signed)
        description, author, committer = self._sign(signed, "")

        def plan(index: sqlite3.Connection) -> Edit | None:
            prompt = checks.expect_living(*checks.seen(index, prompt_id, signed.if_match))
            if label in label_queries.files(index, prompt.name):
                reason = description or f"Remove the label {label} of {prompt.name}"
                return Edit({labels.path_of(label, prompt.name): None}, reason, author, committer)
            if not label_queries.moves(index, prompt_id, label):
                raise LabelNotFound(prompt.name, label)
            return None

        self._store.writer.submit(Change(plan, lambda _: None, signed.request, lambda *_: None))

    def _expect(self, prompt_id: str) -> tuple[Prompt, Removal | None]:
        return checks.expect(self._store.index.read(queries.prompt_by_id, prompt_id), prompt_id)
