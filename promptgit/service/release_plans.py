"""What each step of a release changes: pure functions from the state of the index to what is to be committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import NamedTuple

from promptgit.domain import labels, releases
from promptgit.domain.models import Prompt
from promptgit.domain.releases import OPEN, RELEASED, Deed, Item, Release
from promptgit.domain.rules import Rules
from promptgit.errors import (
    Invalid,
    LabelNotGated,
    ReleaseClosed,
    ReleaseNotFound,
    RollbackRefused,
)
from promptgit.service import checks, sources
from promptgit.service.plans import Files, Plan
from promptgit.service.readiness import Judge
from promptgit.store.index import queries, release_queries, version_queries


class Wanted(NamedTuple):
    """An item to release: the id of a prompt, and the number of one of its versions."""

    prompt_id: str
    number: int


def find(index: sqlite3.Connection, number: int) -> tuple[Release, int, str]:
    """A release, the number of the commit that opened it, and the id of the last one that changed it.

    Raises:
        ReleaseNotFound
    """
    found = release_queries.release(index, number)
    if found is None:
        raise ReleaseNotFound(str(number))
    return found


def find_open(index: sqlite3.Connection, number: int) -> tuple[Release, int]:
    """The same of a release that is open.

    Raises:
        ReleaseNotFound, ReleaseClosed
    """
    release, opened, _ = find(index, number)
    if release.state != OPEN:
        raise ReleaseClosed(number, release.state)
    return release, opened


def finder(
    label: str, wanted: Iterable[Wanted] | None, source: str | None, prefix: str
) -> Callable[[sqlite3.Connection], list[Wanted]]:
    """A function that finds what a release of *label* is to move: *wanted*, or where *source* points below *prefix*.

    Raises:
        Invalid: a rule is broken.
    """
    labels.check(label)
    if (wanted is None) == (source is None):
        raise Invalid("items", "are to be given, or 'from'; one of both")
    if source is not None:
        followed = sources.source(source, prefix)
        return lambda index: [Wanted(one.id, one.newest.number) for one in followed.ahead_of(index, label)]
    if prefix:
        raise Invalid("prefix", "is given in addition to items; it goes with 'from'")
    given = list(wanted or ())
    return lambda _: given


def items(index: sqlite3.Connection, label: str, wanted: Iterable[Wanted], rules: Rules) -> tuple[Item, ...]:
    """The items of a new release, each with where the label points now.

    Raises:
        PromptNotFound, PromptDeleted, VersionNotFound: there is no such version.
        LabelNotGated: one of them needs no release.
        Invalid: there is none, or too many, or nothing would move.
    """
    found: list[Item] = []
    for prompt_id, number in wanted:
        prompt = checks.expect_living(*checks.expect(queries.prompt_by_id(index, prompt_id), prompt_id))
        checks.expect_version(prompt, number)
        version = version_queries.version(index, prompt.id, number)
        assert version is not None
        if rules.rule_for(label, prompt.name) is None:
            raise LabelNotGated(label, prompt.name)
        checks.expect_labels(index, prompt.name, [label])
        found.append(Item(prompt.id, prompt.name, prompt.labels.get(label), number, version.id))
    if not 0 < len(found) <= releases.MOST_ITEMS:
        raise Invalid("items", f"are {len(found):,} that would move; a release has 1 to {releases.MOST_ITEMS:,}")
    if len({item.prompt_id for item in found}) < len(found):
        raise Invalid("items", "have a prompt twice; a label points at one version of it")
    if all(item.before == item.number for item in found):
        raise Invalid("items", f"are what {label!r} shows already, so that nothing would move")
    return tuple(found)


def open_(release: Release) -> Plan:
    """Write the file of a new release."""
    return Plan(_file(release), f"Open release {release.number} to {release.label}: {_counted(release)}")


def approve(release: Release, deed: Deed) -> Plan:
    """Add an approval."""
    return Plan(_file(release.approved(deed)), f"Approve release {release.number} to {release.label}")


def end(release: Release, state: str, deed: Deed) -> Plan:
    """Close a release that moves nothing."""
    verb = {"rejected": "Reject", "withdrawn": "Withdraw"}[state]
    return Plan(_file(release.ended(state, deed)), f"{verb} release {release.number} to {release.label}")


def make(index: sqlite3.Connection, release: Release, deed: Deed) -> Plan:
    """Point the label at all items of a release, whose readiness was judged."""
    return _moving(index, release.ended(RELEASED, deed), f"Release {release.number} to {release.label}")


def ripen(
    index: sqlite3.Connection,
    plan: Plan,
    candidates: Iterable[Release],
    deed: Deed,
    judge: Judge,
    is_possible: Callable[[Plan], bool],
) -> Plan:
    """The plan, and in the same commit each candidate that it makes ready and that asked for it.

    *deed* is promptgit's. A release waits where no rule asks anything of it any more, where something lies in the way
    of its files (*is_possible* says so), and where the plan changes one of its labels, or moves or removes a prompt of
    it; so does the newer one of two that have a label of one prompt.
    """
    taken = set(plan.files)
    for release in candidates:
        _, opened, _ = find(index, release.number)
        if not (release.when_ready and judge.rules.names(release.label)):
            continue
        if judge.judge(release, opened).state != releases.READY:
            continue
        prompts = [_living(index, item) for item in release.items]
        paths = {labels.path_of(release.label, prompt.name) for prompt in prompts}
        gone = {path for path, content in plan.files.items() if content is None}
        made = make(index, release, deed)
        if paths & taken or gone & {prompt.path for prompt in prompts} or not is_possible(made):
            continue
        taken |= paths
        reason = f"{plan.reason}, and make release {release.number}"
        files = {**plan.files, **made.files}
        plan = plan._replace(files=files, reason=reason, released=plan.released | made.released)
    return plan


def roll_back(index: sqlite3.Connection, release: Release, number: int, deed: Deed, description: str) -> Plan:
    """Return each label of a release to where it pointed before, as release *number*.

    Raises:
        RollbackRefused: it was not released, or a version before it was not, or a label has moved since.
    """
    if release.state != RELEASED:
        raise RollbackRefused(release.number, f"it is {release.state}")
    _, _, made = find(index, release.number)
    back: list[Item] = []
    for item in release.items:
        found = queries.prompt_by_id(index, item.prompt_id)
        last = release_queries.last_move(index, item.prompt_id, release.label)
        if found is None or found[1] is not None or found[0].labels.get(release.label) != item.number:
            raise RollbackRefused(release.number, f"{release.label!r} of {item.name!r} has moved since")
        if item.before == item.number:
            continue
        if last is None or last[2] != made:
            raise RollbackRefused(release.number, f"{release.label!r} of {item.name!r} has moved since")
        version = version_queries.version(index, item.prompt_id, item.before) if item.before else None
        if version is None or not release_queries.was_released(index, release.label, item.prompt_id, version.id):
            where = f"version {item.before}" if item.before else "no version"
            raise RollbackRefused(
                release.number, f"{release.label!r} of {item.name!r} pointed at {where} before, and no release did that"
            )
        back.append(Item(item.prompt_id, found[0].name, item.number, item.before, version.id))
    if not back:
        raise RollbackRefused(release.number, "it has moved nothing")
    new = Release(
        number, release.label, RELEASED, description, deed, tuple(back), rollback_of=release.number, closed=deed
    )
    return _moving(index, new, f"Roll back release {release.number} to {new.label}, as release {number}")


def _moving(index: sqlite3.Connection, release: Release, reason: str) -> Plan:
    moved: Files = {}
    for item in release.items:
        prompt = _living(index, item)
        if item.number is not None and prompt.labels.get(release.label) != item.number:
            moved[labels.path_of(release.label, prompt.name)] = labels.content(item.number)
    return Plan(moved | _file(release), f"{reason}: {_counted(release)}", frozenset(moved))


def _living(index: sqlite3.Connection, item: Item) -> Prompt:
    return checks.expect_living(*checks.expect(queries.prompt_by_id(index, item.prompt_id), item.prompt_id))


def _file(release: Release) -> Files:
    return {releases.path_of(release.number): releases.content(release)}


def _counted(release: Release) -> str:
    first = release.items[0]
    if len(release.items) == 1:
        return f"version {first.number} of {first.name}"
    return f"{len(release.items)} prompts"
