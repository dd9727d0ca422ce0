"""From a plan, and what a caller says about it, to a commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from promptgit.domain import texts
from promptgit.domain.models import Author, Request
from promptgit.domain.releases import Deed
from promptgit.domain.rights import NO_RIGHTS, Rights
from promptgit.errors import PathBlocked
from promptgit.service import gates, prefixes, referenced
from promptgit.service.checks import Precondition
from promptgit.service.plans import Plan
from promptgit.store.access_log import AccessLog, who
from promptgit.store.git.commits import Edit
from promptgit.store.operation import Operation
from promptgit.store.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attribution:
    """What a caller says about a write: why, who wrote it (None: the committer), and what it has seen.

    *committer* is whose credential stores it; None: the service. *rights* are those of this credential. With *override*
    an administrator moves gated labels without a release. *request* tells a write that is sent again; None: it is not
    to be known again. With *force* prompts and labels go that others refer to.
    """

    description: str = ""
    author: Author | None = None
    if_match: Precondition | None = None
    committer: Author | None = None
    rights: Rights = NO_RIGHTS
    override: bool = False
    request: Request | None = None
    force: bool = False


class Writes:
    """Runs plans on one store. *protected* are the labels that only those move who were allowed to."""

    def __init__(self, store: Store, protected: frozenset[str]) -> None:
        self._store = store
        self._protected = protected
        self._log = AccessLog(store.folder, store.clock)

    def run(
        self,
        plan: Callable[[sqlite3.Connection], Plan | None],
        answer: Callable[[sqlite3.Connection], T],
        recall: Callable[[sqlite3.Connection, str], T],
        attribution: Attribution,
        about: Sequence[str] | None = (),
        *,
        dry_run: bool = False,
    ) -> T:
        """Commit what *plan* says; *answer* and *recall* are those of `Operation`.

        *about* are the ids or names of the prompts that the write speaks of, whether or not they would change. They are
        compared with the credential's prefixes, and so are all files that the plan changes. With an empty *about* a
        credential that has prefixes is refused. None: the plan itself compares the prompts, which it alone knows.

        With *dry_run* all is checked on the state of now, and *answer* called, but nothing is written or waited for.

        Raises:
            Invalid: the description or the author breaks a rule.
            OutsidePrefix: the credential may not write to one of the prompts.
            LabelGated: it would move a gated label, remove it, or take its prompt elsewhere.
            Referenced: it would remove, or rename, what others refer to, and the attribution does not force it.
            (what the plan raises, and those of `Writer.submit`)
        """
        committer = attribution.committer or self._store.committer
        author = committer if attribution.author is None else texts.check_author(attribution.author)
        description = texts.check_description(attribution.description)

        is_patient = False
        logged: list[str] = []  # files of releases: a batch that another program was faster than is planned again

        def edit(index: sqlite3.Connection) -> Edit | None:
            prefixes.expect_below(index, about, attribution.rights)
            planned = plan(index)
            if planned is None:
                return None
            prefixes.expect_files_below(planned.files.keys() - planned.released, attribution.rights)
            override = description if attribution.override else None
            guarded = gates.guarded(index, planned, attribution.rights, override, self.deed(attribution))
            if not attribution.force:
                referenced.expect_unreferenced(index, planned, self._store.repository.planned, patient=is_patient)
            recorded = sorted(guarded.files.keys() - planned.files.keys())
            if not dry_run and recorded != logged:
                self._log_override(recorded, description, attribution)
                logged[:] = recorded
            return Edit(guarded.files, description or guarded.reason, author, committer)

        def recalled(index: sqlite3.Connection, commit: str) -> T:
            prefixes.expect_below(index, about, attribution.rights)
            return recall(index, commit)

        def rehearse(index: sqlite3.Connection) -> T:
            if (rehearsed := edit(index)) is not None:
                self._store.repository.expect_possible(rehearsed)
            return answer(index)

        def attempt() -> T:
            if dry_run:
                return self._store.index.read(rehearse)
            return self._store.writer.submit(Operation(edit, answer, attribution.request, recalled))

        try:
            return attempt()
        except referenced.Behind:
            self._store.content_tables.prepare_references()
            is_patient = True
            return attempt()

    def _log_override(self, files: list[str], description: str, attribution: Attribution) -> None:
        """Say in the access log that gates are overridden, before they are; *files* are those of the releases.

        Raises:
            LockTimeout, StorageFull, StorageFailed: it could not be said, so the override must not be made.
        """
        by = who(attribution.rights, attribution.committer)
        self._log.append("gate_overridden", by=by, releases=files, description=description)

    def would_change(
        self, plan: Callable[[sqlite3.Connection], Plan | None], attribution: Attribution, about: Sequence[str]
    ) -> bool:
        """Whether `run` would write anything now.

        Raises:
            (those of `run`)
        """
        planned: list[Plan | None] = []

        def noted(index: sqlite3.Connection) -> Plan | None:
            planned.append(plan(index))
            return planned[-1]

        self.run(noted, lambda _: None, lambda *_: None, attribution, about, dry_run=True)
        return planned[-1] is not None

    def deed(self, attribution: Attribution, description: str = "") -> Deed:
        """What the file of a release says of who does something to it now."""
        by, rights = attribution.committer or self._store.committer, attribution.rights
        return Deed(by.name, rights.owner, rights.credential, int(self._store.clock()), description)

    def expect_mover(
        self, index: sqlite3.Connection, moving: Iterable[str], rights: Rights, name: str | None = None
    ) -> None:
        """Refuse to move or to remove a protected label that *rights* do not include.

        With *name* it is a direct move of the labels of that prompt.

        Raises:
            LabelProtected, LabelGated
        """
        gates.expect_mover(index, moving, rights, self._protected, name)

    def are_movable(self, moving: Iterable[str], rights: Rights) -> bool:
        """Whether *rights* allow to move all these labels."""
        return self._store.index.read(self.are_movable_in, list(moving), rights)

    def are_movable_in(self, index: sqlite3.Connection, moving: Iterable[str], rights: Rights) -> bool:
        """The same, by the state of *index*."""
        return not gates.immovable(index, moving, rights, self._protected)

    def is_possible(self, plan: Plan) -> bool:
        """Whether nothing lies in the tree where the files of a plan would be, as far as `main` tells now."""
        try:
            self._store.repository.expect_possible(Edit(plan.files, plan.reason, self._store.committer))
        except PathBlocked:
            return False
        return True
