"""From a plan, and what a caller says about it, to a commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from promptgit.domain import labels, texts
from promptgit.domain.models import Author, Request
from promptgit.domain.rights import NO_RIGHTS, Rights
from promptgit.errors import LabelProtected
from promptgit.service import prefixes
from promptgit.service.checks import Precondition
from promptgit.service.plans import Plan
from promptgit.store.git.commits import Edit
from promptgit.store.operation import Operation
from promptgit.store.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attribution:
    """What a caller says about a write: why, who wrote it (None: the committer), and what it has seen.

    *committer* is whose credential stores it; None: the service. *rights* are those of this credential. *request*
    tells a write that is sent again; None: it is not to be known again.
    """

    description: str = ""
    author: Author | None = None
    if_match: Precondition | None = None
    committer: Author | None = None
    rights: Rights = NO_RIGHTS
    request: Request | None = None


class Writes:
    """Runs plans on one store. *protected* are the labels that only those move who were allowed to."""

    def __init__(self, store: Store, protected: frozenset[str]) -> None:
        self._store = store
        self._protected = protected

    def run(
        self,
        plan: Callable[[sqlite3.Connection], Plan | None],
        answer: Callable[[sqlite3.Connection], T],
        recall: Callable[[sqlite3.Connection, str], T],
        attribution: Attribution,
        about: Sequence[str] = (),
    ) -> T:
        """Commit what *plan* says; *answer* and *recall* are those of `Operation`.

        *about* are the ids or names of the prompts that the write speaks of, whether or not they would change: they are
        compared with the credential's prefixes, as all that the plan changes is. A write that speaks of no prompt is
        outside.

        Raises:
            Invalid: the description or the author breaks a rule.
            OutsidePrefix: the credential may not write to one of the prompts.
            (what the plan raises, and those of `Writer.submit`)
        """
        committer = attribution.committer or self._store.committer
        author = committer if attribution.author is None else texts.check_author(attribution.author)
        description = texts.check_description(attribution.description)

        def edit(index: sqlite3.Connection) -> Edit | None:
            prefixes.expect_below(index, about, attribution.rights)
            planned = plan(index)
            if planned is None:
                return None
            prefixes.expect_files_below(planned.files, attribution.rights)
            return Edit(planned.files, description or planned.reason, author, committer)

        def recalled(index: sqlite3.Connection, commit: str) -> T:
            prefixes.expect_below(index, about, attribution.rights)
            return recall(index, commit)

        return self._store.writer.submit(Operation(edit, answer, attribution.request, recalled))

    def check_labels(self, pointed: Iterable[str], attribution: Attribution) -> list[str]:
        """The labels to move, each once, sorted.

        Raises:
            Invalid: one of them is no label that can be moved.
            LabelProtected: the caller may not move one of them.
        """
        checked = sorted({labels.check(label) for label in pointed})
        self.expect_mover(checked, attribution)
        return checked

    def expect_mover(self, names: Iterable[str], attribution: Attribution) -> None:
        """Refuse to move or to remove a protected label that the caller may not move.

        Raises:
            LabelProtected
        """
        for label in self.immovable(names, attribution.rights):
            raise LabelProtected(label)

    def immovable(self, names: Iterable[str], rights: Rights) -> list[str]:
        """The labels of *names* that are protected, except those that *rights* allow to move; sorted."""
        may_move = rights.may_move
        return [] if may_move is None else sorted(self._protected.intersection(names) - may_move)
