"""The use case of several changes in one commit, or in none."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from promptgit.domain import labels, names
from promptgit.errors import ChangesRefused, Invalid, LabelGated, PathBlocked, Referenced
from promptgit.service import prefixes
from promptgit.service.evaluations import expect_version, ripened
from promptgit.service.items import MOST, Delete, Item, Point, Refusals, Rename, Tell, checked
from promptgit.service.planner import Outcome, Planned, Planner
from promptgit.service.plans import Plan
from promptgit.service.readiness import Credentials
from promptgit.service.writes import Attribution, Writes
from promptgit.store.index import change_queries, queries, repeats
from promptgit.store.store import Store


class Committed(NamedTuple):
    """The commit, None where nothing had to change, and what each item did, in order."""

    commit: str | None
    outcomes: list[Outcome]


class Commits:
    """Makes commits of several changes in one store. *max_content* is in bytes of UTF-8."""

    def __init__(self, store: Store, max_content: int, writes: Writes, credentials: Credentials) -> None:
        self._store = store
        self._max_content = max_content
        self._writes = writes
        self._credentials = credentials

    def make(self, items: Sequence[Item], *, dry_run: bool = False, attribution: Attribution) -> Committed:
        """Make all changes in one commit, or none; with *dry_run* say what would be, and write nothing.

        Raises:
            Invalid: there are no items, or too many; the description or the author breaks a rule.
            ChangesRefused: items are refused; those of `Planner`, PathBlocked, LabelGated and Referenced.
            (and those of `Writer.submit`)
        """
        if not 1 <= len(items) <= MOST:
            raise Invalid("changes", f"are {len(items):,}; send 1 to {MOST:,} at once")
        sound = self._checked(items)
        planned = Planned(None, [], {})

        def plan(index: sqlite3.Connection) -> Plan | None:
            nonlocal planned
            planned = Planner(index, self._writes, attribution).plan(sound)
            return None if planned.plan is None else self._ripened(index, planned.plan, planned.outcomes, sound)

        def answer(index: sqlite3.Connection) -> Committed:
            if dry_run or planned.plan is None:
                return Committed(None, planned.outcomes)
            outcomes = [one if one.prompt_id else _identified(index, one) for one in planned.outcomes]
            return Committed(change_queries.newest(index), outcomes)

        def recall(index: sqlite3.Connection, commit: str) -> Committed:
            outcomes = _recalled(repeats.Left(index, commit), sound)
            prefixes.expect_below(index, [one.prompt_id for one in outcomes if one.prompt_id], attribution.rights)
            return Committed(commit, outcomes)

        try:
            return self._writes.run(plan, answer, recall, attribution, None, dry_run=dry_run)
        except (PathBlocked, LabelGated, Referenced) as error:
            path = _path_of(error)
            if path not in planned.owners:
                raise
            raise ChangesRefused({planned.owners[path]: error}) from error

    def _ripened(
        self, index: sqlite3.Connection, plan: Plan, outcomes: Sequence[Outcome], items: Sequence[Item]
    ) -> Plan:
        """The plan, and the releases that wait for nothing but the checks in it."""
        states: dict[tuple[str, str], str] = {}
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(item.action, Tell) and outcome.prompt_id is not None:
                _, version = expect_version(index, outcome.prompt_id, item.action.number)
                states[version.id, item.action.told.check] = item.action.told.state
        now, read = int(self._store.clock()), self._store.repository.planned
        return ripened(index, plan, states, self._writes, now, self._credentials, read)

    def _checked(self, items: Sequence[Item]) -> list[Item]:
        refusals, sound = Refusals(), []
        for at, item in enumerate(items):
            with refusals.of(at):
                sound.append(checked(item, self._max_content))
        refusals.expect_none()
        return sound


def _path_of(error: PathBlocked | LabelGated | Referenced) -> str:
    """The file of which an error speaks."""
    match error:
        case PathBlocked(path=path):
            return path
        case LabelGated(label=label, name=name) | Referenced(label=str(label), name=name):
            return labels.path_of(label, name)
        case _:
            return names.path_of(error.name)


def _identified(index: sqlite3.Connection, outcome: Outcome) -> Outcome:
    prompt = queries.prompt_by_name(index, outcome.name)
    assert prompt is not None
    return outcome._replace(prompt_id=prompt.id)


def _recalled(left: repeats.Left, items: Sequence[Item]) -> list[Outcome]:
    """What items did whose commit was made before."""
    outcomes = []
    for item in items:
        prompt_id = item.prompt_id or left.id_of(item.name or "")
        name, number = left.state_of(prompt_id)
        match item.action:
            case Point(label):
                did = left.has_moved(prompt_id, label)
            case Tell(at, told):
                did = left.has_told(prompt_id, told.check, at)
            case Rename():
                did = left.has(prompt_id, "rename")
            case Delete():
                did = left.has(prompt_id, "delete")
            case _:
                did = left.has(prompt_id, "version")
        outcomes.append(Outcome(prompt_id, name, number, did))
    return outcomes
