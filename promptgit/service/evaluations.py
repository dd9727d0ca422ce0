"""Checks: what a CI says about versions, and the releases that wait for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import NamedTuple

from promptgit.domain import evaluations
from promptgit.domain.evaluations import Check, CheckFile
from promptgit.domain.models import Version
from promptgit.domain.releases import Deed
from promptgit.domain.rights import Rights
from promptgit.errors import CheckNotFound, CheckProtected, KeyReused, VersionNotFound
from promptgit.service import checks, release_plans
from promptgit.service.plans import Files, Plan
from promptgit.service.readiness import Credentials, Judge
from promptgit.service.writes import Attribution, Writes
from promptgit.store.index import change_queries, check_queries, queries, release_queries, version_queries
from promptgit.store.index.release_rows import read_rules
from promptgit.store.store import Store

PROMPTGIT = "promptgit"
"""Whose deed a release is that its last approval or check made."""


class Told(NamedTuple):
    """What is to be said about a version; an empty summary or address is none."""

    check: str
    state: str
    summary: str | None = None
    url: str | None = None

    def checked(self) -> Told:
        """The same as it is stored.

        Raises:
            Invalid: it breaks a rule.
        """
        return Told(evaluations.check_name(self.check), *evaluations.check_said(self.state, self.summary, self.url))


def plan_check(index: sqlite3.Connection, prompt_id: str, number: int, told: Told, rights: Rights) -> Files:
    """The file that says *told* (as `checked` gives it) about a version; none if it says so already.

    Raises:
        PromptNotFound, VersionNotFound: there is no such version.
        CheckProtected: the rules name the check, and *rights* do not include it.
    """
    prompt, version = expect_version(index, prompt_id, number)
    may_set = rights.may_check is None or told.check in rights.may_check
    if not may_set and read_rules(index)[0].asks_for(told.check):
        raise CheckProtected(told.check)
    found = _find(index, version, told.check)
    if found is not None and (found.state, found.summary, found.url) == told[1:]:
        return {}
    said = CheckFile(prompt_id, number, *told[1:])
    return {evaluations.path_of(version.id, told.check): evaluations.content(prompt, said)}


def ripened(
    index: sqlite3.Connection,
    plan: Plan,
    told: Mapping[tuple[str, str], str],
    writes: Writes,
    now: int,
    credentials: Credentials,
    read: Callable[[str], bytes],
) -> Plan:
    """The plan, and the releases that wait for nothing but the checks in it: version's id and check -> state."""
    if not told:
        return plan
    candidates = release_queries.open_with(index, sorted({version for version, _ in told}))
    judge = Judge(index, credentials, read, told)
    deed = Deed(PROMPTGIT, None, None, now)
    return release_plans.ripen(index, plan, candidates, deed, judge, writes.is_possible)


def expect_version(index: sqlite3.Connection, prompt_id: str, number: int) -> tuple[str, Version]:
    """The name of a prompt, deleted or not, and one of its versions.

    Raises:
        PromptNotFound, VersionNotFound
    """
    prompt, _ = checks.expect(queries.prompt_by_id(index, prompt_id), prompt_id)
    version = version_queries.version(index, prompt_id, number)
    if version is None:
        raise VersionNotFound(prompt.name, str(number), prompt.newest.number)
    return prompt.name, version


class Evaluations:
    """The checks of one store's versions."""

    def __init__(self, store: Store, writes: Writes, credentials: Credentials) -> None:
        self._store = store
        self._writes = writes
        self._credentials = credentials

    def all(self, prompt_id: str, number: int) -> list[Check]:
        """The checks of a version, sorted by name.

        Raises:
            PromptNotFound, VersionNotFound
        """

        def look(index: sqlite3.Connection) -> list[Check]:
            _, version = expect_version(index, prompt_id, number)
            return check_queries.of_versions(index, [version.id]).get(version.id, [])

        return self._store.index.read(look)

    def of_prompt(
        self, prompt_id: str, *, after: int | None, before: int | None, limit: int
    ) -> tuple[list[Check], bool]:
        """The checks of the versions of a prompt between two numbers, both exclusive, by number; whether more follow.

        They are those of whole versions: at most *limit*, or all of the first version that has any.

        Raises:
            PromptNotFound
        """
        prompt, _ = checks.expect(self._store.index.read(queries.prompt_by_id, prompt_id), prompt_id)
        end = prompt.newest.number + 1 if before is None else before
        edges = checks.edge(after or 0), checks.edge(end)
        found = self._store.index.read(check_queries.of_prompt, prompt_id, *edges, limit + 1)
        if len(found) <= limit:
            return found, False
        whole = [check for check in found if check.number < found[-1].number]
        if not whole:
            number = found[0].number
            whole = self._store.index.read(check_queries.of_prompt, prompt_id, number - 1, number + 1, queries.ALL)
        return whole, True

    def of(self, versions: list[Version]) -> dict[str, list[Check]]:
        """The checks of versions, by the versions' ids; those without any are left out."""
        return self._store.index.read(check_queries.of_versions, [version.id for version in versions])

    def get(self, prompt_id: str, number: int, check: str) -> Check:
        """A check of a version.

        Raises:
            PromptNotFound, VersionNotFound, CheckNotFound
        """

        def look(index: sqlite3.Connection) -> Check:
            name, version = expect_version(index, prompt_id, number)
            found = _find(index, version, check)
            if found is None:
                raise CheckNotFound(name, number, check)
            return found

        return self._store.index.read(look)

    def set(self, prompt_id: str, number: int, told: Told, *, attribution: Attribution) -> Check:
        """Say something about a version. What was said already writes nothing.

        Raises:
            PromptNotFound, VersionNotFound: there is no such version.
            Invalid: a rule is broken.
            CheckProtected: the caller may not set this check.
            (and those of `Writer.submit`)
        """
        told = told.checked()

        def plan(index: sqlite3.Connection) -> Plan | None:
            files = plan_check(index, prompt_id, number, told, attribution.rights)
            if not files:
                return None
            name, version = expect_version(index, prompt_id, number)
            reason = f"Check {told.check} of version {number} of {name}: {told.state}"
            states = {(version.id, told.check): told.state}
            now, read = int(self._store.clock()), self._store.repository.planned
            return ripened(index, Plan(files, reason), states, self._writes, now, self._credentials, read)

        def answer(index: sqlite3.Connection) -> Check:
            found = _find(index, expect_version(index, prompt_id, number)[1], told.check)
            assert found is not None
            return found

        def recall(index: sqlite3.Connection, commit: str) -> Check:
            """What the request said is what it was answered, whatever was said since."""
            for one in change_queries.of_commit(index, commit):
                if (one.type, one.prompt_id, one.other, one.number) == ("check", prompt_id, told.check, number):
                    return Check(
                        told.check, prompt_id, number, *told[1:], one.seconds, one.author, one.committer, commit
                    )
            raise KeyReused

        return self._writes.run(plan, answer, recall, attribution, [prompt_id])


def _find(index: sqlite3.Connection, version: Version, check: str) -> Check | None:
    found = check_queries.of_versions(index, [version.id]).get(version.id, [])
    return next((one for one in found if one.name == check), None)
