"""The use cases of labels: to point one at a version, to follow it, to see where it pointed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import TypeVar

from promptgit.domain import labels
from promptgit.domain.models import LabelMove, Prompt, Removal, Version
from promptgit.domain.rights import Rights
from promptgit.errors import LabelNotFound
from promptgit.service import checks, plans
from promptgit.service.plans import Plan
from promptgit.service.writes import Attribution, Writes
from promptgit.store.index import label_queries, queries, repeats, version_queries
from promptgit.store.store import Store

T = TypeVar("T")


class Labelling:
    """The labels of one store's prompts."""

    def __init__(self, store: Store, writes: Writes) -> None:
        self._store = store
        self._writes = writes

    def are_movable(self, names: Iterable[str], rights: Rights) -> bool:
        """Whether *rights* allow to move all of these labels."""
        return self._writes.are_movable(names, rights)

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

    def point(self, prompt_id: str, label: str, number: int, *, attribution: Attribution) -> LabelMove:
        """Point a label at a version. Where it points already nothing is written.

        Raises:
            PromptNotFound, PromptDeleted, VersionNotFound: there is no such version.
            StaleVersion: the caller has not seen the newest version.
            Invalid: a rule is broken.
            LabelProtected: the caller may not move it.
            PathBlocked: the label of another prompt lies where this one's file would be.
            (and those of `Writer.submit`)
        """

        def answer(index: sqlite3.Connection) -> LabelMove:
            move = label_queries.pointer(index, prompt_id, label)
            assert move is not None
            return move

        def recall(index: sqlite3.Connection, commit: str) -> LabelMove:
            return repeats.label_move(index, commit, prompt_id, label)

        return self._point(prompt_id, [label], number, answer, recall, attribution)

    def point_all(
        self, prompt_id: str, pointed: Iterable[str], number: int, *, attribution: Attribution
    ) -> tuple[Prompt, Version]:
        """Point labels at one version, all or none; the same rules.

        Raises:
            (those of `point`)
        """

        def answer(index: sqlite3.Connection) -> tuple[Prompt, Version]:
            prompt, _ = checks.expect(queries.prompt_by_id(index, prompt_id), prompt_id)
            version = version_queries.version(index, prompt_id, number)
            assert version is not None
            return prompt, version

        def recall(index: sqlite3.Connection, commit: str) -> tuple[Prompt, Version]:
            return repeats.version_after(index, commit, number)

        return self._point(prompt_id, pointed, number, answer, recall, attribution)

    def _point(
        self,
        prompt_id: str,
        pointed: Iterable[str],
        number: int,
        answer: Callable[[sqlite3.Connection], T],
        recall: Callable[[sqlite3.Connection, str], T],
        attribution: Attribution,
    ) -> T:
        checked = labels.check_all(pointed)

        def plan(index: sqlite3.Connection) -> Plan | None:
            prompt = checks.expect_living(*checks.seen(index, prompt_id, attribution.if_match))
            self._writes.expect_mover(index, checked, attribution.rights, prompt.name)
            return plans.point(index, prompt, checked, number)

        return self._writes.run(plan, answer, recall, attribution, [prompt_id])

    def remove(self, prompt_id: str, label: str, *, attribution: Attribution) -> None:
        """Remove a label. One that was removed already stays so.

        Raises:
            PromptNotFound, PromptDeleted: there is no such prompt.
            StaleVersion: the caller has not seen the newest version.
            LabelNotFound: the prompt never had this label.
            Invalid: a rule is broken.
            LabelProtected: the caller may not move it.
            Referenced: other prompts refer to the version that it points at.
            (and those of `Writer.submit`)
        """
        labels.check(label)

        def plan(index: sqlite3.Connection) -> Plan | None:
            prompt = checks.expect_living(*checks.seen(index, prompt_id, attribution.if_match))
            self._writes.expect_mover(index, [label], attribution.rights, prompt.name)
            return plans.unpoint(index, prompt, label)

        self._writes.run(plan, lambda _: None, lambda *_: None, attribution, [prompt_id])

    def _expect(self, prompt_id: str) -> tuple[Prompt, Removal | None]:
        return checks.expect(self._store.index.read(queries.prompt_by_id, prompt_id), prompt_id)
