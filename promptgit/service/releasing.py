"""Releases: requests to move gated labels, from opening to rolling back. Each step is a commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from promptgit.domain import releases, texts
from promptgit.domain.releases import OPEN, REJECTED, WITHDRAWN, Deed, Release
from promptgit.domain.rights import Rights
from promptgit.errors import Forbidden, Invalid, KeyReused, PromptgitError, ReleaseNotFound, Unavailable
from promptgit.service import prefixes, release_plans
from promptgit.service.evaluations import PROMPTGIT
from promptgit.service.plans import Plan
from promptgit.service.readiness import Credentials, Judge, Judged
from promptgit.service.release_plans import Wanted
from promptgit.service.release_reading import ReleaseReading
from promptgit.service.writes import Attribution, Writes
from promptgit.store.index import change_queries, release_queries
from promptgit.store.index.release_rows import read_rules
from promptgit.store.store import Store

Step = Callable[[sqlite3.Connection, Release, int, Attribution], Plan | None]
"""Plans one step of an open release; the number is that of the commit that opened it."""


class Releasing(ReleaseReading):
    """The releases of one store; *credentials* tell which approvals count."""

    def __init__(self, store: Store, writes: Writes, credentials: Credentials) -> None:
        super().__init__(store, credentials)
        self._writes = writes

    def open(
        self,
        label: str,
        wanted: Iterable[Wanted] | None = None,
        *,
        source: str | None = None,
        prefix: str = "",
        when_ready: bool = False,
        attribution: Attribution,
    ) -> Judged:
        """Ask for a gated label to be moved: to *wanted*, or to where the label *source* points, below *prefix*.

        Raises:
            LabelNotGated: it needs no release.
            PromptNotFound, PromptDeleted, VersionNotFound: there is no such version.
            Invalid: a rule is broken, or nothing would move.
            (and those of `Writer.submit`)
        """
        find = release_plans.finder(label, wanted, source, prefix)
        description = _reason(attribution, "say what this release is for, to those who approve it")
        made = 0

        def plan(index: sqlite3.Connection) -> Plan:
            nonlocal made
            made = release_queries.next_number(index)
            asked = find(index)
            if asked:
                prefixes.expect_below(index, [one.prompt_id for one in asked], attribution.rights)
            items = release_plans.items(index, label, asked, read_rules(index)[0])
            deed = self._writes.deed(attribution)
            release = Release(made, label, OPEN, description, deed, items, when_ready)
            opened = release_plans.open_(release)
            may_move = self._writes.are_movable_in(index, [label], attribution.rights)
            if not (when_ready and may_move) or Judge(index, self._credentials, self._store.repository.planned).missing(
                release
            ):
                return opened
            ended = release_plans.make(index, release, self._own_deed())
            return Plan({**opened.files, **ended.files}, ended.reason, ended.released)

        return self._writes.run(plan, lambda index: self._judged(index, made), self._recalled, attribution, None)

    def approve(self, number: int, *, attribution: Attribution) -> Judged:
        """Approve a release. Who has approved it already writes nothing.

        Raises:
            ReleaseNotFound, ReleaseClosed, ReleaseOutdated
            SelfApproval: the caller has opened it, or has written or stored a version of it.
            LabelProtected, OutsidePrefix: the caller may not move the label of every item.
            Forbidden: nobody in particular calls.
            (and those of `Writer.submit`)
        """
        return self._take(number, self._approve, attribution)

    def reject(self, number: int, *, attribution: Attribution) -> Judged:
        """Close a release: it moves nothing.

        Raises:
            ReleaseNotFound, ReleaseClosed
            LabelProtected, OutsidePrefix: the caller may not move the label of every item.
            (and those of `Writer.submit`)
        """
        return self._take(number, self._reject, attribution)

    def withdraw(self, number: int, *, attribution: Attribution) -> Judged:
        """Close a release that the caller's owner has opened.

        Raises:
            ReleaseNotFound, ReleaseClosed
            Forbidden: somebody else has opened it, and the caller is no administrator.
            (and those of `Writer.submit`)
        """
        return self._take(number, self._withdraw, attribution)

    def release(self, number: int, *, attribution: Attribution) -> Judged:
        """Point the label at all items, in one commit.

        Raises:
            ReleaseNotFound, ReleaseClosed, ReleaseOutdated, ReleaseNotReady
            LabelProtected, OutsidePrefix: the caller may not move the label of every item.
            (and those of `Writer.submit`)
        """
        return self._take(number, self._release, attribution)

    def roll_back(self, number: int, *, attribution: Attribution) -> Judged:
        """Return each label of a release to the version before, if that was released as well: a release of its own.

        Raises:
            ReleaseNotFound
            RollbackRefused: also if a label has moved since.
            Invalid: there is no description.
            LabelProtected, OutsidePrefix: the caller may not move the label of every item.
            (and those of `Writer.submit`)
        """
        description = _reason(attribution, "say why this release is rolled back")
        made = 0

        def plan(index: sqlite3.Connection) -> Plan:
            nonlocal made
            made = release_queries.next_number(index)
            return self._roll_back(index, number, made, description, attribution)

        about = self._about(number)
        return self._writes.run(plan, lambda index: self._judged(index, made), self._recalled, attribution, about)

    def possible(self, number: int, rights: Rights) -> dict[str, PromptgitError | None]:
        """The steps of a release, by the names of their methods: what refuses them to *rights* now, or None.

        Each is rehearsed: the very plan of the write is made, and compared with *rights*. An approval that would change
        nothing is left out.

        Raises:
            ReleaseNotFound
            Unavailable: the service cannot say it now.
        """
        attribution = Attribution(rights=rights)
        about = self._about(number)
        rehearsed: dict[str, Callable[[sqlite3.Connection], Plan | None]] = {
            "approve": lambda index: self._planned(index, number, self._approve, attribution),
            "reject": lambda index: self._planned(index, number, self._reject, attribution),
            "withdraw": lambda index: self._planned(index, number, self._withdraw, attribution),
            "release": lambda index: self._planned(index, number, self._release, attribution),
            "roll_back": lambda index: self._roll_back(index, number, 0, "", attribution),
        }
        found: dict[str, PromptgitError | None] = {}
        for step, plan in rehearsed.items():
            try:
                changes = self._writes.would_change(plan, attribution, about)
            except (ReleaseNotFound, Unavailable):
                raise
            except PromptgitError as error:
                found[step] = error
            else:
                if changes:
                    found[step] = None
        return found

    def _approve(
        self, index: sqlite3.Connection, release: Release, opened: int, attribution: Attribution
    ) -> Plan | None:
        self._writes.expect_mover(index, [release.label], attribution.rights)
        owner = attribution.rights.owner
        if owner is None or attribution.rights.credential is None:
            raise Forbidden("Without a token nobody can be told apart, and so nobody can approve. Use a token.")
        judge = Judge(index, self._credentials, self._store.repository.planned)
        if judge.is_one_of(judge.counting(release), owner):
            return None
        judge.expect_current(release, opened)
        judge.expect_stranger(release, owner)
        deed = self._writes.deed(attribution, texts.check_description(attribution.description))
        plan, approved = release_plans.approve(release, deed), release.approved(deed)
        return release_plans.ripen(index, plan, [approved], self._own_deed(), judge, self._writes.is_possible)

    def _reject(self, index: sqlite3.Connection, release: Release, _opened: int, attribution: Attribution) -> Plan:
        self._writes.expect_mover(index, [release.label], attribution.rights)
        return self._end(release, REJECTED, attribution)

    def _withdraw(self, index: sqlite3.Connection, release: Release, _opened: int, attribution: Attribution) -> Plan:
        rights = attribution.rights
        judge = Judge(index, self._credentials, self._store.repository.planned)
        if not rights.is_admin and not judge.is_one_of([release.opened], rights.owner or ""):
            raise Forbidden(f"Release {release.number} was opened by {release.opened.by!r}, who alone can withdraw it.")
        return self._end(release, WITHDRAWN, attribution)

    def _end(self, release: Release, state: str, attribution: Attribution) -> Plan:
        deed = self._writes.deed(attribution, texts.check_description(attribution.description))
        return release_plans.end(release, state, deed)

    def _release(self, index: sqlite3.Connection, release: Release, opened: int, attribution: Attribution) -> Plan:
        self._writes.expect_mover(index, [release.label], attribution.rights)
        Judge(index, self._credentials, self._store.repository.planned).expect_ready(release, opened)
        deed = self._writes.deed(attribution, texts.check_description(attribution.description))
        return release_plans.make(index, release, deed)

    def _roll_back(
        self, index: sqlite3.Connection, number: int, made: int, description: str, attribution: Attribution
    ) -> Plan:
        release, _, _ = release_plans.find(index, number)
        self._writes.expect_mover(index, [release.label], attribution.rights)
        return release_plans.roll_back(index, release, made, self._writes.deed(attribution), description)

    def _planned(self, index: sqlite3.Connection, number: int, step: Step, attribution: Attribution) -> Plan | None:
        return step(index, *release_plans.find_open(index, number), attribution)

    def _take(self, number: int, step: Step, attribution: Attribution) -> Judged:
        def plan(index: sqlite3.Connection) -> Plan | None:
            return self._planned(index, number, step, attribution)

        def answer(index: sqlite3.Connection) -> Judged:
            return self._judged(index, number)

        return self._writes.run(plan, answer, self._recalled, attribution, self._about(number))

    def _about(self, number: int) -> list[str]:
        """The ids of the prompts of a release, which never change."""
        found = self._store.index.read(release_queries.release, number)
        if found is None:
            raise ReleaseNotFound(str(number))
        return [item.prompt_id for item in found[0].items]

    def _recalled(self, index: sqlite3.Connection, commit: str) -> Judged:
        """The release that a commit opened or took a step of, as it left it; what it lacks is told as of now."""
        done = change_queries.of_commit(index, commit)
        number = next((change.number for change in done if change.type == "release"), None)
        if number is None:
            raise KeyReused
        then = releases.parse(number, self._store.repository.file_at(commit, releases.path_of(number)) or b"")
        return Judge(index, self._credentials, self._store.repository.planned).judge(
            then or release_plans.find(index, number)[0], None
        )

    def _own_deed(self) -> Deed:
        return Deed(PROMPTGIT, None, None, int(self._store.clock()))


def _reason(attribution: Attribution, advice: str) -> str:
    """The description of a step that must have one.

    Raises:
        Invalid: it is left out, or breaks a rule.
    """
    description = texts.check_description(attribution.description)
    if not description:
        raise Invalid("description", f"is left out; {advice}")
    return description
