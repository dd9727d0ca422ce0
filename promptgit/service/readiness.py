"""What an open release lacks, by the state that a write or a read finds: approvals, checks, labels that stayed put."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from promptgit.domain.evaluations import Check
from promptgit.domain.models import Version
from promptgit.domain.releases import OPEN, OUTDATED, READY, Deed, Item, Release
from promptgit.domain.rights import same_person
from promptgit.domain.rules import LabelRule, Rules
from promptgit.errors import ReleaseNotReady, ReleaseOutdated, SelfApproval
from promptgit.service import ungated
from promptgit.store.index import check_queries, queries, release_queries, version_queries
from promptgit.store.index.release_rows import read_rules


class Credentials(Protocol):
    """What releases need to know of credentials."""

    def are_ended(self, credential: str) -> bool:
        """True if the credential with this id was revoked, or is a token that is not known."""

    def addresses_of(self, owner: str) -> frozenset[str]:
        """The addresses that an owner's credentials, ended ones too, have as git's committers."""

    def known_owners(self, owner: str) -> frozenset[str]:
        """The owners that people have who have signed in, if *owner* is, or was, an address of theirs; else itself."""


class NoCredentials:
    """Those of a place where nobody is told apart: no approval counts."""

    def are_ended(self, credential: str) -> bool:  # noqa: ARG002
        """True of each."""
        return True

    def addresses_of(self, owner: str) -> frozenset[str]:  # noqa: ARG002
        """None."""
        return frozenset()

    def known_owners(self, owner: str) -> frozenset[str]:
        """It itself."""
        return frozenset({owner})


NOBODY: Credentials = NoCredentials()


Asked = tuple[Item, str, Check | None]
"""An item, a check that the rules ask of it, and what that check says, if it was reported."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A release, its state with the derived ones, what it lacks (in words), and what it was judged by.

    *counting* are the approvals that count, *checks* those that the rules ask for, of each item.
    """

    release: Release
    state: str
    missing: tuple[str, ...]
    counting: tuple[Deed, ...]
    checks: tuple[Asked, ...]


class Judge:
    """Judges releases by the state of one index, under the write lock or for a reader.

    *read* gives the bytes of a blob by its id in hexadecimal. *told* are checks that the same commit sets: version's id
    and check -> state.
    """

    def __init__(
        self,
        index: sqlite3.Connection,
        credentials: Credentials,
        read: Callable[[str], bytes],
        told: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        self._index = index
        self._read = read
        self._credentials = credentials
        self._told = told or {}
        self.rules: Rules = read_rules(index)[0]

    def is_one_of(self, deeds: Iterable[Deed], owner: str) -> bool:
        """True if one of the deeds is, or may be, this owner's; owners are compared as persons."""
        persons = self._persons(owner)
        return any(persons & self._persons(deed.owner or "") for deed in deeds)

    def rule(self, release: Release) -> LabelRule:
        """What the rules ask of a release now; nothing, where they do not name its label any more."""
        if self.rules.problem is not None:
            return LabelRule(problem=self.rules.problem)
        return self.rules.labels.get(release.label) or LabelRule(approvals=0)

    def missing(self, release: Release) -> tuple[str, ...]:
        """What an open release lacks: approvals, checks, references that are gated, or rules that can be understood."""
        return self._missing(release, self.counting(release), self._checks(release))

    def judge(self, release: Release, opened: int | None) -> Judged:
        """What state a release is in; *opened* is the number of the commit that opened it.

        None: what has moved since does not count.
        """
        counting, checks = self.counting(release), self._checks(release)
        if release.state != OPEN:
            return Judged(release, release.state, (), counting, checks)
        missing = self._missing(release, counting, checks)
        state = OUTDATED if opened is not None and self.moved(release, opened) else OPEN if missing else READY
        return Judged(release, state, missing, counting, checks)

    def counting(self, release: Release) -> tuple[Deed, ...]:
        """The approvals that count: one for each owner, and none of a credential that was revoked."""
        found: list[Deed] = []
        counted: set[str] = set()
        for deed in release.approvals:
            if deed.owner and deed.credential and not self._credentials.are_ended(deed.credential):
                persons = self._persons(deed.owner)
                if not persons & counted:
                    found.append(deed)
                    counted |= persons
        return tuple(found)

    def moved(self, release: Release, opened: int) -> Item | None:
        """The first item whose label has moved since the release was opened, or whose prompt or version has gone."""
        return next((item for item in release.items if not self._is_in_place(release.label, item, opened)), None)

    def expect_ready(self, release: Release, opened: int) -> None:
        """Refuse a release that may not be made now.

        Raises:
            ReleaseOutdated, ReleaseNotReady
        """
        self.expect_current(release, opened)
        missing = self.missing(release)
        if missing:
            raise ReleaseNotReady(release.number, missing)

    def expect_current(self, release: Release, opened: int) -> None:
        """Refuse a release that can never be made any more.

        Raises:
            ReleaseOutdated
        """
        if (item := self.moved(release, opened)) is not None:
            raise ReleaseOutdated(release.number, release.label, item.name)

    def expect_stranger(self, release: Release, owner: str) -> None:
        """Refuse an approval by who has opened the release, or has written or stored what it ships.

        Raises:
            SelfApproval
        """
        if self.is_one_of([release.opened], owner):
            raise SelfApproval(release.number, owner)
        own = {same_person(address) for address in (owner, *self._credentials.addresses_of(owner))}
        for item in release.items:
            number = item.number or 0
            # Back to an older version ships that one.
            after = min(item.before or 0, number - 1)
            found = release_queries.writers(self._index, item.prompt_id, after, number)
            for version, addresses in found:
                if own & {same_person(address) for address in addresses}:
                    raise SelfApproval(release.number, owner, version, item.name)

    def _persons(self, owner: str) -> frozenset[str]:
        """Who an owner may be: a person's account has one in common with tokens whose owner is an address of theirs."""
        return frozenset(map(same_person, self._credentials.known_owners(owner)))

    def _is_in_place(self, label: str, item: Item, opened: int) -> bool:
        found = queries.prompt_by_id(self._index, item.prompt_id)
        if found is None or found[1] is not None:
            return False
        if found[0].labels.get(label) != item.before or self._version(item) is None:
            return False
        last = release_queries.last_move(self._index, item.prompt_id, label)
        was_moved = last is not None and last[1] > opened
        return not was_moved and not release_queries.has_gone_elsewhere(self._index, item.prompt_id, opened)

    def _version(self, item: Item) -> Version | None:
        version = version_queries.version(self._index, item.prompt_id, item.number or 0)
        return version if version is not None and version.id == item.version_id else None

    def _checks(self, release: Release) -> tuple[Asked, ...]:
        asked = self.rule(release).checks
        found = check_queries.of_versions(self._index, [item.version_id for item in release.items if item.version_id])
        return tuple(
            (item, check, next((one for one in found.get(item.version_id or "", ()) if one.name == check), None))
            for item in release.items
            for check in asked
        )

    def _missing(self, release: Release, counting: tuple[Deed, ...], checks: tuple[Asked, ...]) -> tuple[str, ...]:
        rule = self.rule(release)
        if rule.problem is not None:
            return (f"rules.toml that can be understood ({rule.problem})",)
        missing = []
        if len(counting) < rule.approvals:
            lacking = rule.approvals - len(counting)
            missing.append(f"{lacking} {'approval' if lacking == 1 else 'approvals'}")
        for item, check, found in checks:
            state = self._told.get((item.version_id or "", check), found.state if found else None)
            if state != "success":
                missing.append(f"the check {check!r} of {item.name!r} v{item.number}, which {_said(state)}")
        for item in release.items:
            missing += ungated.around(self._index, self.rules, item, self._read)
        return tuple(missing)


def _said(state: str | None) -> str:
    match state:
        case None:
            return "was not reported"
        case "pending":
            return "is pending"
        case _:
            return "has failed"
