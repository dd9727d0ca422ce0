"""What a service should hold after any writes: a list of prompts, and a few rules of the contract."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

GATED = "live"


def clash(one: str, other: str) -> bool:
    """Whether two names cannot stand beside each other on a Mac."""
    left, right = one.casefold(), other.casefold()
    return left == right or any(
        longer.startswith((f"{shorter}/", f"{shorter}.md/")) for longer, shorter in ((left, right), (right, left))
    )


@dataclass(eq=False)
class Prompt:
    """A prompt. *was_moved*: it has had another name, so a path alone does not lead git to all of its versions."""

    id: str
    name: str
    contents: list[str] = field(default_factory=list)
    living: bool = True
    was_moved: bool = False
    checks: dict[tuple[int, str], str] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The newest version's."""
        return len(self.contents)


@dataclass
class Release:
    """A release of one version; *moves* is how often what it stands on had changed when it was opened."""

    prompt: Prompt
    number: int
    moves: int
    is_made: bool = False


class Model:
    """All prompts. Each method that is named for a write makes it; `refuses_...` tells the statuses that refuse it.

    *moves* counts, for each prompt, moves of its gated label, renames and deletions: they outdate its open releases.
    """

    def __init__(self) -> None:
        self.prompts: list[Prompt] = []
        self.releases: dict[int, Release] = {}
        self.moves: defaultdict[str, int] = defaultdict(int)
        self._removed: list[Prompt] = []  # the last to go comes back first
        self._files: defaultdict[str, dict[str, int]] = defaultdict(dict)  # of labels, by the name that they are for

    # What there is

    def living(self) -> list[Prompt]:
        return [prompt for prompt in self.prompts if prompt.living]

    def named(self, name: str) -> Prompt | None:
        return next((prompt for prompt in self.living() if prompt.name == name), None)

    def labels(self, prompt: Prompt) -> dict[str, int]:
        """Its labels; a file that names no version of it is none."""
        return {label: number for label, number in sorted(self.files(prompt).items()) if number <= prompt.number}

    def files(self, prompt: Prompt) -> dict[str, int]:
        """What the files of its labels say."""
        return self._files[prompt.name] if prompt.living else {}

    def clashes(self, name: str, but: Prompt | None = None) -> bool:
        return any(prompt is not but and clash(prompt.name, name) for prompt in self.living())

    # What is refused

    def refuses_new(self, name: str) -> list[int]:
        has_owner = any(prompt.id == name and prompt.name != name for prompt in self.prompts)
        return [409] if self.clashes(name) or has_owner else []

    def refuses_rename(self, prompt: Prompt, name: str, uuid: str) -> list[int]:
        found = [422] if name == uuid and prompt.id != uuid else []
        found += [] if prompt.living else [410]
        if prompt.name != name:  # its own name is had already, whoever came by git
            found += [409] if self.clashes(name, but=prompt) else []
            found += [403] if GATED in self.labels(prompt) else []
        return found

    def refuses_delete(self, prompt: Prompt) -> list[int]:
        return [403] if GATED in self.labels(prompt) else []

    def refuses_revert(self, prompt: Prompt) -> list[int]:
        """A deleted prompt's file comes back under its name: if nobody else has that, or has had it since."""
        if prompt.living:
            return []
        owner = next(gone for gone in reversed(self._removed) if gone.name == prompt.name)
        return [409] if self.clashes(prompt.name) or owner is not prompt else []

    def refuses_release(self, release: Release) -> list[int]:
        return [] if self.state(release) == "ready" else [409]

    def state(self, release: Release) -> str:
        is_outdated = self.moves[release.prompt.id] != release.moves
        return "released" if release.is_made else "outdated" if is_outdated else "ready"

    # What is made

    def write(self, name: str, content: str, prompt_id: str, *, is_ours: bool = True) -> Prompt:
        """A file appears or changes. A write of *ours* removes labels that git has put where no prompt was."""
        prompt = self.named(name)
        if prompt is None:
            prompt = next((gone for gone in reversed(self._removed) if gone.name == name), None)
            if prompt is None:
                assert prompt_id not in [other.id for other in self.prompts]
                prompt = Prompt(prompt_id, name)
                self.prompts.append(prompt)
            else:
                self._removed.remove(prompt)
                prompt.living = True
            if is_ours:
                self._files.pop(name, None)
            prompt.contents.append(content)
        elif prompt.contents[-1] != content:
            prompt.contents.append(content)
        assert prompt.id == prompt_id
        return prompt

    def rename(self, prompt: Prompt, name: str, *, is_ours: bool = True) -> None:
        """Of a rename of *ours* the files of labels follow."""
        if prompt.name != name:
            if is_ours:
                self._files[name] = self._files.pop(prompt.name, {})
            self.moves[prompt.id] += 1
            prompt.name, prompt.was_moved = name, True

    def delete(self, prompt: Prompt) -> None:
        if prompt.living:
            prompt.living = False
            self._removed.append(prompt)
            self._files.pop(prompt.name, None)
            self.moves[prompt.id] += 1

    def revert(self, prompt: Prompt, number: int) -> None:
        if prompt.living and prompt.contents[number - 1] == prompt.contents[-1]:
            return
        if not prompt.living:
            self._removed.remove(prompt)
            self._files.pop(prompt.name, None)
            prompt.living = True
        prompt.contents.append(prompt.contents[number - 1])

    def point(self, name: str, label: str, number: int | None) -> bool:
        """Move or remove a label; true if that changes something."""
        if self._files[name].get(label) == number:
            return False
        self._files[name].pop(label, None)
        if number is not None:
            self._files[name][label] = number
        return True

    def promote(self, label: str, source: str) -> list[tuple[str, int]]:
        """Point a label where another one points; which prompts have that, and at which versions."""
        found = [(prompt.id, self.labels(prompt)[source]) for prompt in self.living() if source in self.labels(prompt)]
        for prompt_id, number in found:
            self.point(next(one.name for one in self.living() if one.id == prompt_id), label, number)
        return found

    def release(self, release: Release) -> None:
        release.is_made = True
        self.point(release.prompt.name, GATED, release.number)
        self.moves[release.prompt.id] += 1


def replay(changes: Sequence[dict[str, Any]]) -> dict[str, tuple[str, bool, int, dict[str, int]]]:
    """Name, whether it lives, newest version and labels of each prompt, from the feed alone."""
    known: dict[str, tuple[str, bool, int, dict[str, int]]] = {}
    for change in changes:
        if change["type"] in ("release", "rules", "check"):
            continue
        name, living, number, labels = known.get(change["prompt_id"], (change["name"], True, 0, {}))
        match change["type"]:
            case "version":
                assert living and change["version_number"] == number + 1
                number += 1
            case "rename":
                assert living and change["old_name"] == name
            case "delete":
                assert living and change["version_number"] == number
                living = False
            case "restore":
                assert not living and change["version_number"] == number + 1
                living = True
            case "label":
                assert labels.get(change["label"]) == change["from"] != change["to"]
                labels = {label: to for label, to in labels.items() if label != change["label"]}
                labels |= {change["label"]: change["to"]} if change["to"] else {}
        known[change["prompt_id"]] = (change["name"], living, number, labels)
    return known
