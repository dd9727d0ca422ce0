"""Any sequence of operations agrees with a dict, and leaves the index that git alone would give."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from promptgit.errors import InvalidName, NameTaken, PromptDeleted, VersionNotFound
from promptgit.exchange import checker
from promptgit.service.feed import Feed
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.faults import LONG
from tests.support import assert_sound, commits_of, foreign_commit

pytestmark = pytest.mark.slow

SOME_UUID = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
NAMES = st.sampled_from(["a", "A", "b", "d/a", "D/A", "a.md/x", "a/b", "straße", "STRASSE", SOME_UUID])
FOREIGN_NAMES = st.sampled_from(["b", "B", "d/b", "d/é"])
CONTENTS = st.sampled_from(["", "x", "y", "line\r\n", "\ufeff東京\n"])
LABELS = st.sampled_from(["production", "x"])
PICKS = st.integers(0, 1_000)


@dataclass(eq=False)
class Model:
    """What a prompt should be."""

    id: str
    name: str
    contents: list[str] = field(default_factory=list)
    living: bool = True
    moved: bool = False


def clash(one: str, other: str) -> bool:
    """Whether two names cannot stand beside each other on a Mac."""
    left, right = one.casefold(), other.casefold()
    return left == right or any(
        longer.startswith((f"{shorter}/", f"{shorter}.md/")) for longer, shorter in ((left, right), (right, left))
    )


class Prompts(RuleBasedStateMachine):
    """Writes through the service and through git, in any order."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name), lock_timeout=5)
        self.store.open()
        self.service = Service(self.store, 1_000)
        self.prompts: list[Model] = []
        self.removed: list[Model] = []  # the last to go comes back first
        self.labels: defaultdict[str, dict[str, int]] = defaultdict(dict)  # by the name of the prompt

    def living(self, name: str) -> Model | None:
        return next((prompt for prompt in self.prompts if prompt.living and prompt.name == name), None)

    def clashes(self, name: str, but: Model | None = None) -> bool:
        return any(prompt.living and prompt is not but and clash(prompt.name, name) for prompt in self.prompts)

    def write(self, name: str, content: str, prompt_id: str) -> None:
        """The model of a file that appears, or changes."""
        prompt = self.living(name)
        if prompt is None:
            prompt = next((gone for gone in reversed(self.removed) if gone.name == name), None)
            if prompt is None:
                assert prompt_id not in [other.id for other in self.prompts]
                prompt = Model(prompt_id, name)
                self.prompts.append(prompt)
            else:
                self.removed.remove(prompt)
                prompt.living = True
        assert prompt.id == prompt_id
        prompt.contents.append(content)

    @rule(name=NAMES, content=CONTENTS)
    def create(self, name: str, content: str) -> None:
        taken = self.clashes(name)
        owner = next((prompt for prompt in self.prompts if prompt.id == name and prompt.name != name), None)
        if taken or owner:
            with pytest.raises(NameTaken):
                self.service.create(content, name=name)
        else:
            if all(gone.name != name for gone in self.removed):
                self.labels.pop(name, None)
            self.write(name, content, self.service.create(content, name=name).id)

    @rule(pick=PICKS, content=CONTENTS)
    def save(self, pick: int, content: str) -> None:
        if not self.prompts:
            return
        prompt = self.prompts[pick % len(self.prompts)]
        if not prompt.living:
            with pytest.raises(PromptDeleted):
                self.service.save(prompt.id, content)
            return
        saved = self.service.save(prompt.id, content)
        if prompt.contents[-1] != content:
            prompt.contents.append(content)
        assert saved.newest.number == len(prompt.contents)

    @rule(pick=PICKS, name=NAMES)
    def rename(self, pick: int, name: str) -> None:
        if not self.prompts:
            return
        prompt = self.prompts[pick % len(self.prompts)]
        if name == SOME_UUID and prompt.id != SOME_UUID:
            with pytest.raises(InvalidName):
                self.service.rename(prompt.id, name)
        elif not prompt.living:
            with pytest.raises(PromptDeleted):
                self.service.rename(prompt.id, name)
        elif prompt.name != name and self.clashes(name, but=prompt):  # its own name is had already, whoever came by git
            with pytest.raises(NameTaken):
                self.service.rename(prompt.id, name)
        else:
            self.service.rename(prompt.id, name)
            self.labels[name] = self.labels.pop(prompt.name, {})
            prompt.moved |= prompt.name != name
            prompt.name = name

    @rule(pick=PICKS)
    def delete(self, pick: int) -> None:
        if not self.prompts:
            return
        prompt = self.prompts[pick % len(self.prompts)]
        self.service.delete(prompt.id)
        if prompt.living:
            prompt.living = False
            self.removed.append(prompt)
            self.labels.pop(prompt.name, None)

    @rule(pick=PICKS, label=LABELS, number=st.integers(1, 4))
    def point(self, pick: int, label: str, number: int) -> None:
        living = [prompt for prompt in self.prompts if prompt.living]
        if not living:
            return
        prompt = living[pick % len(living)]
        if number > len(prompt.contents):
            with pytest.raises(VersionNotFound):
                self.service.labels.point(prompt.id, label, number, attribution=Attribution())
        else:
            assert self.service.labels.point(prompt.id, label, number, attribution=Attribution()).number == number
            self.labels[prompt.name][label] = number

    @rule(name=FOREIGN_NAMES, label=LABELS, number=st.none() | st.integers(1, 4))
    def point_with_git(self, name: str, label: str, number: int | None) -> None:
        """Also where no prompt is."""
        if number is None:
            if not self.labels[name].pop(label, None):
                return
        else:
            self.labels[name][label] = number
        data = None if number is None else b"%d\n" % number
        foreign_commit(self.store.repository.path, {f"labels/{label}/{name}": data})

    @rule(pick=PICKS, which=PICKS)
    def revert(self, pick: int, which: int) -> None:
        if not self.prompts:
            return
        prompt = self.prompts[pick % len(self.prompts)]
        number = which % len(prompt.contents) + 1
        if not prompt.living:
            if self.clashes(prompt.name):
                with pytest.raises(NameTaken):
                    self.service.revert(prompt.id, number)
                return
            # Its file comes back under its name: the last one to have had that name.
            owner = next(gone for gone in reversed(self.removed) if gone.name == prompt.name)
            if owner is not prompt:
                with pytest.raises(NameTaken):
                    self.service.revert(prompt.id, number)
                return
        newest = self.service.revert(prompt.id, number).newest
        content = prompt.contents[number - 1]
        if not prompt.living:
            self.write(prompt.name, content, prompt.id)
        elif content != prompt.contents[-1]:
            prompt.contents.append(content)
        assert newest.number == len(prompt.contents)

    @rule(name=FOREIGN_NAMES, content=CONTENTS)
    def write_with_git(self, name: str, content: str) -> None:
        prompt = self.living(name)
        foreign_commit(self.store.repository.path, {f"prompts/{name}.md": content.encode()})
        if prompt is None or prompt.contents[-1] != content:
            (found,) = self.service.list(name=name, limit=1)
            self.write(name, content, found.id)

    @rule(pick=PICKS, name=FOREIGN_NAMES)
    def move_with_git(self, pick: int, name: str) -> None:
        movable = [prompt for prompt in self.prompts if prompt.living]
        if not movable or self.living(name) or self.clashes(name):
            return
        prompt = movable[pick % len(movable)]
        content = prompt.contents[-1].encode()
        path = self.service.get(prompt.id).path
        foreign_commit(self.store.repository.path, {path: None, f"prompts/{name}.md": content})
        prompt.name, prompt.moved = name, True

    @invariant()
    def lists_what_lives(self) -> None:
        if hasattr(self, "service"):
            listed = [(prompt.name, prompt.id, prompt.newest.number) for prompt in self.service.list(limit=100)]
            assert listed == sorted((p.name, p.id, len(p.contents)) for p in self.prompts if p.living)

    @invariant()
    def labels_point_where_their_files_say(self) -> None:
        for model in self.prompts if hasattr(self, "service") else []:
            files = self.labels[model.name] if model.living else {}
            expected = {label: number for label, number in sorted(files.items()) if number <= len(model.contents)}
            assert {move.label: move.number for move in self.service.labels.all(model.id)} == expected
            assert self.service.find(model.id)[0].labels == expected

    def replay(self) -> dict[str, tuple[str, bool, int, dict[str, int]]]:
        """Name, whether it lives, newest version and labels of each prompt, from the feed alone, in small pages."""
        known: dict[str, tuple[str, bool, int, dict[str, int]]] = {}
        feed, page = Feed(self.store), None
        while page is None or page.more:
            page = feed.page(page.last if page else None, 3)
            for change in page.changes:
                name, living, number, labels = known.get(change.prompt_id, (change.name, True, 0, {}))
                match change.type:
                    case "version":
                        assert living and change.number == number + 1
                        number += 1
                    case "rename":
                        assert living and change.other == name
                    case "delete":
                        assert living and change.number == number
                        living = False
                    case "restore":
                        assert not living and change.number == number + 1
                        living = True
                    case _:
                        assert labels.get(change.other) == change.before != change.number
                        labels = {label: to for label, to in labels.items() if label != change.other}
                        labels |= {str(change.other): change.number} if change.number else {}
                assert change.prompt_id is not None and change.name is not None
                known[change.prompt_id] = (change.name, living, number, labels)
        assert page.last == self.store.repository.main()
        return known

    def teardown(self) -> None:
        if not hasattr(self, "service"):
            return
        assert self.replay() == {
            model.id: (
                model.name,
                model.living,
                len(model.contents),
                self.labels[model.name] if model.living else {},
            )
            for model in self.prompts
        }
        repository = self.store.repository.path
        for model in self.prompts:
            prompt, removal = self.service.find(model.id)
            assert (prompt.name, removal is None) == (model.name, model.living)
            versions = list(self.service.versions(prompt))
            assert [version.number for version in versions] == list(range(1, len(model.contents) + 1))
            assert [self.service.content(version).decode() for version in versions] == model.contents
            if not any(other.moved for other in self.prompts):
                assert [version.commit for version in versions] == commits_of(repository, prompt.path)
        assert [told for told in checker.differences(self.store) if "is ignored" not in told] == []
        assert_sound(repository)
        self.store.close()
        self.folder.cleanup()


def test_any_sequence_of_operations_agrees_with_a_dict() -> None:
    run_state_machine_as_test(Prompts, settings=settings(max_examples=60 if LONG else 20, stateful_step_count=30))
