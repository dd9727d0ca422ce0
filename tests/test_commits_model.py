"""Any set of changes is either refused, and leaves everything, or gives exactly what a model says."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptgit.errors import AmbiguousChange, ChangesRefused, PromptgitError
from promptgit.exchange import checker
from promptgit.service.items import NEWEST, Delete, Item, Point, Rename, Restore, Save
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.faults import LONG
from tests.faults.model import clash
from tests.support import assert_sound

pytestmark = pytest.mark.slow

NAMES = st.sampled_from(["a", "A", "b", "d/a", "e/a", "d", "new"])
CONTENTS = st.sampled_from(["x", "y", "z"])
ACTIONS = st.one_of(
    st.builds(Save, CONTENTS),
    st.builds(Rename, NAMES),
    st.just(Delete()),
    st.builds(Restore, st.integers(1, 3)),
    st.builds(Point, st.sampled_from(["production", "old"]), st.none() | st.just(NEWEST) | st.integers(1, 3)),
)
ITEMS = st.builds(Item, ACTIONS, name=NAMES, if_match=st.none() | st.integers(0, 2))


@dataclass
class Model:
    """A prompt; *had* are the labels that it ever had."""

    name: str
    contents: list[str]
    living: bool = True
    labels: dict[str, int] = field(default_factory=dict)
    had: set[str] = field(default_factory=set)


class Refused(Exception):
    """The model refuses the changes."""


def apply(prompts: list[Model], items: list[Item]) -> list[Model]:
    """What the prompts are after the changes; Refused where they are not possible."""
    after = copy.deepcopy(prompts)
    mains: dict[str, Item] = {}
    points: dict[tuple[str, str], Point] = {}
    before = {prompt.name: at for at, prompt in enumerate(prompts) if prompt.living}
    known = {prompt.name: at for at, prompt in enumerate(prompts)} | before  # the last one deleted, or the living one
    for item in items:
        assert item.name is not None
        if isinstance(item.action, Point):
            if (item.name, item.action.label) in points:
                raise Refused
            points[item.name, item.action.label] = item.action
        elif item.name in mains:
            raise Refused
        else:
            mains[item.name] = item
        _expect_seen(prompts, before, known, item)
    anew: list[str] = []
    for name, item in mains.items():
        at = known.get(name)
        match item.action:
            case Save(content):
                if at is None:
                    known[name] = at = len(after)
                    after.append(Model(name, []))
                one = after[at]
                if name not in before:
                    anew.append(name)
                    one.living = True
                if name not in before or one.contents[-1] != content:
                    one.contents.append(content)
            case Restore(number):
                if at is None or number > len(prompts[at].contents):
                    raise Refused
                one, content = after[at], prompts[at].contents[number - 1]
                if name not in before:
                    anew.append(name)
                    one.living = True
                    one.contents.append(content)
                elif one.contents[-1] != content:
                    one.contents.append(content)
            case Rename(new):
                if name not in before:
                    raise Refused
                if new != name:
                    after[before[name]].name = new
                    anew.append(new)
                    if any(clash(new, other) for other in before if other != name):
                        raise Refused
            case Delete():
                if at is None:
                    raise Refused
                after[at].living = False
                after[at].labels = {}
        if name in anew and any(clash(name, other) for other in before):
            raise Refused
    if any(clash(one, other) for at, one in enumerate(anew) for other in anew[:at]):
        raise Refused
    for (name, label), point in points.items():
        at = known.get(name)
        if at is None or not after[at].living:
            raise Refused
        one = after[at]
        if point.number is None:
            if label not in one.had:
                raise Refused
            one.labels.pop(label, None)
            continue
        if isinstance(point.number, int) and (at >= len(prompts) or point.number > len(prompts[at].contents)):
            raise Refused
        one.labels[label] = len(one.contents) if point.number == NEWEST else point.number
        one.had.add(label)
    return after


def _expect_seen(prompts: list[Model], before: dict[str, int], known: dict[str, int], item: Item) -> None:
    assert item.name is not None
    if item.if_match is None:
        return
    if item.if_match == 0:
        if item.name in before:
            raise Refused
        return
    if item.name not in known or (isinstance(item.action, Save) and item.name not in before):
        raise Refused
    if len(prompts[known[item.name]].contents) != item.if_match:
        raise Refused


def travels(prompts: list[Model], after: list[Model]) -> bool:
    """Whether a text leaves one name and comes to another, so that history may be read otherwise."""
    old = {prompt.name: prompt.contents[-1] for prompt in prompts if prompt.living}
    new = {prompt.name: prompt.contents[-1] for prompt in after if prompt.living}
    gone = [text for name, text in old.items() if name not in new]
    return any(text in gone for name, text in new.items() if name not in old)


def state(service: Service, store: Store) -> dict[str, tuple[list[str], dict[str, int]]]:
    return {
        prompt.name: (
            [service.content(version).decode() for version in service.versions(prompt)],
            prompt.labels,
        )
        for prompt in service.list(limit=100)
    }


@given(requests=st.lists(st.lists(ITEMS, min_size=1, max_size=5), min_size=1, max_size=6))
@settings(max_examples=300 if LONG else 60)
def test_changes_are_refused_or_give_what_the_model_says(requests: list[list[Item]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), lock_timeout=5)
        store.open()
        service = Service(store, 100)
        start = [Item(Save(content), name=name) for name, content in (("a", "x"), ("b", "y"), ("d/a", "x"))]
        service.commits.make([*start, Item(Point("production", NEWEST), name="a")], attribution=Attribution())
        model = [
            Model("a", ["x"], labels={"production": 1}, had={"production"}),
            Model("b", ["y"]),
            Model("d/a", ["x"]),
        ]
        for items in requests:
            try:
                after = apply(model, items)
            except Refused:
                after = None
            head, seen = store.repository.main(), state(service, store)
            refusal: PromptgitError | None = None
            try:
                foreseen = service.commits.make(items, dry_run=True, attribution=Attribution())
            except ChangesRefused as error:
                refusal = error.first
            if refusal is not None:
                is_ambiguous = isinstance(refusal, AmbiguousChange)
                assert after is None or (is_ambiguous and travels(model, after)), (items, refusal)
                with pytest.raises(ChangesRefused):
                    service.commits.make(items, attribution=Attribution())
                assert (store.repository.main(), state(service, store)) == (head, seen)
                continue
            assert after is not None, items
            made = service.commits.make(items, attribution=Attribution())
            assert made.outcomes == [
                one._replace(prompt_id=one.prompt_id or real.prompt_id)
                for one, real in zip(foreseen.outcomes, made.outcomes, strict=True)
            ]
            # The one that was deleted last is the one that comes back under its name.
            went = [one for one, old in zip(after, model, strict=False) if old.living and not one.living]
            model = [one for one in after if one not in went] + went
            assert state(service, store) == {one.name: (one.contents, one.labels) for one in model if one.living}
        assert list(checker.differences(store)) == []
        assert_sound(store.repository.path)
        store.close()
