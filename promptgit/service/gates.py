"""Gated labels: nothing but a release moves them, through whatever face, unless an administrator overrides that.

`Writes` asks of every plan, under the write lock. The rules are compared with the files that the plan would change, so
that no new kind of write can forget them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable

from promptgit.domain import labels, names, releases
from promptgit.domain.releases import OVERRIDDEN, Deed, Item, Release
from promptgit.domain.rights import Rights
from promptgit.errors import Forbidden, Invalid, LabelGated, LabelProtected
from promptgit.service.plans import Files, Plan
from promptgit.store.index import queries, release_queries, version_queries
from promptgit.store.index.release_rows import read_rules


def expect_mover(
    index: sqlite3.Connection,
    moving: Iterable[str],
    rights: Rights,
    protected: frozenset[str],
    name: str | None = None,
) -> None:
    """Refuse to move a label that the settings protect (*protected*) or the rules name, and *rights* do not include.

    With *name* it is a direct move of the labels of that prompt, to which a gate says more than that.

    Raises:
        LabelProtected
        LabelGated: with *name*, where no right would help.
    """
    for label in immovable(index, moving, rights, protected):
        if name is not None and read_rules(index)[0].rule_for(label, name) is not None:
            raise LabelGated(label, name)
        raise LabelProtected(label)


def immovable(index: sqlite3.Connection, moving: Iterable[str], rights: Rights, protected: frozenset[str]) -> list[str]:
    """The labels of *moving* that are protected, except those that *rights* allow to move; sorted."""
    if rights.may_move is None:
        return []
    rules = read_rules(index)[0]
    return sorted({one for one in moving if one in protected or rules.names(one)} - rights.may_move)


def guarded(index: sqlite3.Connection, plan: Plan, rights: Rights, override: str | None, deed: Deed) -> Plan:
    """The plan, if releases alone touch gated labels in it; an overridden one with the releases that record it.

    *override* is the description of an override, None without one; *deed* says whose it is.

    Raises:
        LabelGated: it touches one.
        Forbidden, Invalid: the override is not an administrator's, or has no description.
    """
    touched = _gated(index, {path: content for path, content in plan.files.items() if path not in plan.released})
    if not touched:
        return plan
    if override is None:
        raise LabelGated(*touched[0])
    if not rights.is_admin:
        raise Forbidden("To override a gated label takes a token of the scope 'admin'. Open a release instead.")
    if not override:
        raise Invalid("description", "is left out; an override says why, for whoever audits it")
    number = release_queries.next_number(index)
    recorded: Files = {}
    for label in dict.fromkeys(label for label, _ in touched):
        items = _items(index, label, {name for gated, name in touched if gated == label}, plan.files)
        for start in range(0, len(items), releases.MOST_ITEMS):
            some = tuple(items[start : start + releases.MOST_ITEMS])
            release = Release(number, label, OVERRIDDEN, override, deed, some, closed=deed)
            recorded[releases.path_of(number)] = releases.content(release)
            number += 1
    return plan._replace(files={**plan.files, **recorded})


def _gated(index: sqlite3.Connection, files: Files) -> list[tuple[str, str]]:
    """The gated labels, each with a prompt's name, whose files a plan changes.

    What lies under a name that no living prompt has is no label, and may be cleared away.
    """
    found = {path: labels.parse(path) for path in files if path.startswith(labels.ROOT)}
    if not found:
        return []
    rules = read_rules(index)[0]
    return [
        label_and_name
        for path, label_and_name in found.items()
        if label_and_name is not None
        and rules.rule_for(*label_and_name) is not None
        and (files[path] is not None or queries.prompt_by_name(index, label_and_name[1]) is not None)
    ]


def _items(index: sqlite3.Connection, label: str, gated: Collection[str], files: Files) -> list[Item]:
    """What a plan does to one label of the prompts with these names: an item for each, with the name that it has then.

    A rename may lead from below a gate to elsewhere, or back.
    """
    found = (labels.parse(path) for path in files)
    moved = [one[1] for one in found if one is not None and one[0] == label]
    concerned: set[str] = set()
    before: dict[str, int | None] = {}
    after: dict[str, tuple[str, int | None]] = {}
    for name in sorted(moved, key=lambda name: files[labels.path_of(label, name)] is not None):  # those that go, first
        prompt = queries.prompt_by_name(index, name)
        content = files[labels.path_of(label, name)]
        owner = prompt.id if prompt is not None else _newcomer(index, name, files)
        if name in gated:
            concerned.add(owner)
        if prompt is not None:
            before[owner] = prompt.labels.get(label)
        if isinstance(content, str):  # a rename takes the file along as it is
            after[owner] = name, before.get(owner)
        else:
            after[owner] = name, None if content is None else labels.number_in(content)
    return [
        Item(owner, name, before.get(owner), to, _version(index, owner, to))
        for owner, (name, to) in after.items()
        if owner in concerned
    ]


def _newcomer(index: sqlite3.Connection, name: str, files: Files) -> str:
    """The id of the prompt that a plan gives a name: one that is moved there, is brought back, or is new."""
    blob = files.get(names.path_of(name))
    sources = (names.name_of(path) for path, content in files.items() if content is None)
    for source in filter(None, sources):
        moved = queries.prompt_by_name(index, source)
        if moved is not None and moved.newest.blob == blob:
            return moved.id
    removed = queries.removed_by_name(index, name)
    derived = names.id_of(name)
    if removed is None and queries.prompt_by_id(index, derived) is not None:
        raise Invalid("override", f"cannot record the id of {name!r}, which its own commit decides; send two commits")
    return removed.id if removed is not None else derived


def _version(index: sqlite3.Connection, prompt_id: str, number: int | None) -> str | None:
    """The id of a version; None of one that the commit itself makes, whose id derives from the commit's."""
    version = version_queries.version(index, prompt_id, number) if number else None
    return None if version is None else version.id
