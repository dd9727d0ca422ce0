"""One plan for several changes: each item by the rules of `plans`, and what they may not do to each other.

All items speak of the state before the commit. At the end the planner reads its own edit as the history will.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from promptgit.domain import labels, names
from promptgit.domain.history import Moved, Removed, Written, events
from promptgit.domain.models import Prompt, Removal
from promptgit.errors import AmbiguousChange, DuplicateChange, Invalid, LabelNotFound, NameTaken
from promptgit.service import checks, plans, prefixes
from promptgit.service.evaluations import plan_check
from promptgit.service.items import NEWEST, Delete, Item, Point, Refusals, Rename, Restore, Save, Tell
from promptgit.service.plans import Files, Plan
from promptgit.service.reasons import done_of, reason_of
from promptgit.service.subjects import Subject
from promptgit.service.writes import Attribution, Writes
from promptgit.store.git.hashing import object_id
from promptgit.store.git.objects import BLOB
from promptgit.store.index import queries, version_queries


class Outcome(NamedTuple):
    """What an item does: *number* is the prompt's newest version after the commit, *name* its name.

    *prompt_id* is None where the commit's id decides it: the prompt is new, and another had its name before.
    """

    prompt_id: str | None
    name: str
    number: int
    changed: bool


class Planned(NamedTuple):
    """The plan of all items, None if they change nothing; what each does; which item each file is of."""

    plan: Plan | None
    outcomes: list[Outcome]
    owners: dict[str, int]


class Planner:
    """Plans the items of one request on the state of *index*, under the write lock, by the rights of its caller."""

    def __init__(self, index: sqlite3.Connection, writes: Writes, attribution: Attribution) -> None:
        self._index = index
        self._expect_mover = partial(writes.expect_mover, index, rights=attribution.rights)
        self._rights = attribution.rights
        self._refusals = Refusals()
        self._subjects: dict[str, Subject] = {}
        self._found: dict[tuple[str | None, str | None], Subject] = {}

    def plan(self, items: Sequence[Item]) -> Planned:
        """The plan of checked items, all or none.

        Raises:
            ChangesRefused: with the refusal of each item that is refused, as far as they do not follow from others.
        """
        of_items: list[Subject] = []
        for at, item in enumerate(items):
            with self._refusals.of(at):
                of_items.append(subject := self._subject(item))
                prefixes.expect_name_below(subject.before, self._rights)
                self._register(subject, at, item, items)
                subject.expect_seen(item)
        subjects = list(self._subjects.values())
        changed = [False] * len(items)
        for subject in subjects:
            for at in filter(self._is_open, subject.about_itself()):
                with self._refusals.of(at):
                    changed[at] = self._do(subject, items[at])
            for at in filter(self._is_open, subject.told):
                with self._refusals.of(at):
                    changed[at] = self._tell(subject, items[at])
            if all(map(self._is_open, subject.about_itself())):  # else it cannot be told what a label is to point at
                for at in filter(self._is_open, subject.pointed):
                    with self._refusals.of(at):
                        changed[at] = self._point(subject, items[at])
        self._expect_names(subjects)
        self._refusals.expect_none()
        self._expect_unambiguous(subjects)
        self._refusals.expect_none()
        outcomes = [
            Outcome(self._id_of(subject), subject.name, subject.number, did)
            for subject, did in zip(of_items, changed, strict=True)
        ]
        done = [done_of(of_items[at], items[at]) for at, did in enumerate(changed) if did]
        files: Files = {}
        for subject in subjects:
            files |= subject.files
        owners = _owners(of_items, items)
        forced = frozenset(path for path, at in owners.items() if items[at].force)
        return Planned(Plan(files, reason_of(done), forced=forced) if done else None, outcomes, owners)

    def _is_open(self, at: int) -> bool:
        return not self._refusals.has(at)

    def _subject(self, item: Item) -> Subject:
        """The prompt that an item is about.

        Raises:
            PromptNotFound
        """
        given = item.prompt_id, item.name
        if given not in self._found:
            prompt, removal = self._look_up(item)
            key = prompt.id if prompt else f"/{item.name}"
            if key not in self._subjects:
                name = prompt.name if prompt else item.name or ""
                number, lives = prompt.newest.number if prompt else 0, prompt is not None and removal is None
                self._subjects[key] = Subject(name, prompt, removal, name, number, lives)
            self._found[given] = self._subjects[key]
        return self._found[given]

    def _look_up(self, item: Item) -> tuple[Prompt | None, Removal | None]:
        if item.prompt_id is not None:
            return checks.expect(queries.prompt_by_id(self._index, item.prompt_id), item.prompt_id)
        assert item.name is not None
        prompt = queries.prompt_by_name(self._index, item.name)
        if prompt is None and (removed := queries.removed_by_name(self._index, item.name)) is not None:
            return checks.expect(queries.prompt_by_id(self._index, removed.id), removed.id)
        return prompt, None

    @staticmethod
    def _register(subject: Subject, at: int, item: Item, items: Sequence[Item]) -> None:
        """Give the item its place among those of its prompt.

        Raises:
            DuplicateChange: another one is about the same thing.
        """
        if isinstance(item.action, Tell):
            about = item.action.number, item.action.told.check
            others = [other for one in subject.told if isinstance(other := items[one].action, Tell)]
            if about in [(other.number, other.told.check) for other in others]:
                raise DuplicateChange(subject.before, f"sets the check {about[1]!r} of version {about[0]} of")
            subject.told.append(at)
        elif isinstance(item.action, Point):
            label = item.action.label
            if any(other.label == label for one in subject.pointed if isinstance(other := items[one].action, Point)):
                raise DuplicateChange(subject.before, f"moves the label {label!r} of")
            subject.pointed.append(at)
        elif subject.main is not None:
            raise DuplicateChange(subject.before, "saves, renames, deletes or restores")
        else:
            subject.main = at

    def _do(self, subject: Subject, item: Item) -> bool:
        """Plan an item that is about the prompt itself; whether it changes something."""
        if subject.prompt is None and not isinstance(item.action, Save):
            checks.not_there(self._index, subject.before)
        match item.action:
            case Save(data=data):
                self._save(subject, data, creates=item.prompt_id is None)
            case Rename(name):
                prefixes.expect_name_below(name, self._rights)
                prompt = subject.expect_living()
                subject.plan = plans.rename(self._index, prompt, name)
                subject.event = Moved(prompt.name, name, prompt.newest.blob)
                subject.name = name
            case Restore(number):
                self._restore(subject, number)
            case Delete():
                if subject.was_living:
                    prompt = subject.expect_living()
                    self._expect_mover(prompt.labels, name=prompt.name)
                    subject.plan = plans.delete(self._index, prompt)
                    subject.event = Removed(prompt.name)
                subject.lives = False
        return subject.plan is not None

    def _save(self, subject: Subject, data: bytes, *, creates: bool) -> None:
        blob = object_id(BLOB, data)
        if subject.was_living or not creates:
            subject.plan = plans.save(subject.expect_living(), data, blob)
        else:
            subject.plan = plans.create(self._index, subject.before, data)
        self._count(subject, blob)

    def _restore(self, subject: Subject, number: int) -> None:
        prompt = subject.prompt
        assert prompt is not None
        checks.expect_version(prompt, number)
        version = version_queries.version(self._index, prompt.id, number)
        assert version is not None
        subject.plan = plans.revert(self._index, prompt, version, is_deleted=not subject.was_living)
        self._count(subject, version.blob)

    @staticmethod
    def _count(subject: Subject, blob: str) -> None:
        if subject.plan is not None:
            subject.event = Written(subject.before, blob)
            subject.number += 1
            subject.lives = True

    def _tell(self, subject: Subject, item: Item) -> bool:
        """Plan what is said of a version; whether it changes something."""
        assert isinstance(item.action, Tell)
        if subject.prompt is None:
            checks.not_there(self._index, subject.before)
        checks.expect_version(subject.prompt, item.action.number)
        files = plan_check(self._index, subject.prompt.id, item.action.number, item.action.told, self._rights)
        subject.checks |= files
        return bool(files)

    def _point(self, subject: Subject, item: Item) -> bool:
        """Plan the move of a label; whether it changes something. It lands under the name after the commit."""
        assert isinstance(item.action, Point)
        label, number = item.action.label, item.action.number
        self._expect_mover([label], name=subject.name)
        if not subject.lives:
            if subject.was_living:
                raise DuplicateChange(subject.before, f"moves the label {label!r} by deleting")
            if subject.prompt is None:
                checks.not_there(self._index, subject.before)
            subject.expect_living()
        path = labels.path_of(label, subject.name)
        if number is None:
            if subject.prompt is None:
                raise LabelNotFound(subject.before, label)
            if plans.unpoint(self._index, subject.prompt, label) is None:
                return False
            subject.labels[path] = None
            return True
        if number == NEWEST:
            number = subject.number
        elif subject.prompt is None:
            raise Invalid("version_number", f"of a prompt that the same request creates can only be {NEWEST!r} or null")
        else:
            checks.expect_version(subject.prompt, number)
        if subject.prompt and subject.prompt.labels.get(label) == number:
            return False
        checks.expect_labels(self._index, subject.before, [label])
        subject.labels[path] = labels.content(number)
        return True

    def _expect_names(self, subjects: Iterable[Subject]) -> None:
        """Refuse names of this request that a clone could not hold together; each alone was free before."""
        named = [subject for subject in subjects if subject.is_named_anew]
        by_name = {subject.name: subject for subject in named}
        for at, other in checks.clashes([subject.name for subject in named]).items():
            main = named[at].main
            assert main is not None
            with self._refusals.of(main):
                prompt = by_name[other].prompt if other != named[at].name else None
                raise NameTaken(named[at].name, other, prompt.id if prompt else None)

    def _expect_unambiguous(self, subjects: Iterable[Subject]) -> None:
        """Refuse an edit in which the history would read something else than was meant.

        A rename is also refused where its text comes to a new prompt at the same time: of two new files, git's own
        detection of renames takes the one or the other.
        """
        meant = [subject for subject in subjects if subject.plan is not None]
        changes = sorted(change for subject in meant for change in subject.file_changes())
        read = set(events(changes))
        came = Counter(change.new for change in changes if change.old is None)
        gone = Counter(change.old for change in changes if change.new is None)
        for subject in meant:
            event = subject.event
            if event not in read or (isinstance(event, Moved) and came[event.blob] > gone[event.blob]):
                assert subject.main is not None
                what = {Written: "written", Moved: "renamed", Removed: "deleted"}[type(event)]
                with self._refusals.of(subject.main):
                    raise AmbiguousChange(subject.before, what)

    def _id_of(self, subject: Subject) -> str | None:
        if subject.prompt is not None:
            return subject.prompt.id
        derived = names.id_of(subject.name)
        return derived if queries.prompt_by_id(self._index, derived) is None else None


def _owners(subjects: Sequence[Subject], items: Sequence[Item]) -> dict[str, int]:
    """Which item each file is of; a label's own item comes before the one about its prompt."""
    owners: dict[str, int] = {}
    for at, (subject, item) in enumerate(zip(subjects, items, strict=True)):
        if isinstance(item.action, Point):
            owners[labels.path_of(item.action.label, subject.name)] = at
        elif subject.plan is not None:
            for path in subject.plan.files:
                owners.setdefault(path, at)
    return owners
