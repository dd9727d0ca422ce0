"""What `main`'s first-parent history makes of every prompt, place by place: no line of promptgit is used."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.faults.checker import Prompt, Walk, blob_of, changes, line_of, stock_git


class State(NamedTuple):
    """A prompt at a place: its path (None: deleted), how many versions it has, the newest one's blob, its labels."""

    path: str | None
    number: int
    blob: str
    labels: tuple[tuple[str, int], ...]


class Line:
    """The states of all prompts. Places are counted from 1, as in the header Promptgit-Head.

    *messages* are those of the commits, *releases* has, by number, the places that a release's file was changed at.
    """

    def __init__(self, repository: Path) -> None:
        self.line = line_of(repository)
        self.places = {commit: place for place, commit in enumerate(self.line, 1)}
        log = stock_git(repository, "log", "--first-parent", "--reverse", "--format=%s", "main")
        self.messages = log.decode().splitlines()
        self.states: dict[Prompt, list[tuple[int, State]]] = {}
        self.owners: dict[tuple[str, int], Prompt] = {}  # by commit and number of a version
        self.releases: dict[int, list[int]] = {}
        self._walk = Walk()
        self._labels: dict[str, dict[str, int]] = {}  # by the prompt's path
        self._numbers = {blob_of(b"%d\n" % number): number for number in range(1, len(self.line) + 1)}
        for commit, changed in changes(repository, "prompts", "labels", "releases"):
            self._take(commit, changed)

    def _take(self, commit: str, changed: list[tuple[str, str, str]]) -> None:
        place = self.places[commit]
        touched = self._walk.take(commit, [change for change in changed if change[0].startswith("prompts/")])
        for path, _, new in changed:
            folder, _, rest = path.partition("/")
            if folder == "labels":
                label, _, below = rest.partition("/")
                self._label(f"prompts/{below}.md", label, self._numbers.get(new))
                touched += [one] if (one := self._walk.living.get(f"prompts/{below}.md")) else []
            elif folder == "releases":
                self.releases.setdefault(int(Path(rest).stem), []).append(place)
        for one in dict.fromkeys(touched):
            labels = tuple(sorted(self._labels.get(one.path or "", {}).items()))
            self.states.setdefault(one, []).append((place, State(one.path, len(one.commits), one.blobs[-1], labels)))
            self.owners[one.commits[-1], len(one.commits)] = one

    def _label(self, path: str, label: str, number: int | None) -> None:
        labels = self._labels.setdefault(path, {})
        labels.pop(label, None)
        if number is not None:
            labels[label] = number

    def since(self, prompt: Prompt, place: int) -> Iterator[tuple[int, State]]:
        """The state of a prompt at *place*, if it was there, and each later one, with the place of its commit."""
        states = self.states[prompt]
        first = bisect(states, place, key=lambda entry: entry[0])
        return (states[at] for at in range(max(first - 1, 0), len(states)))

    def at(self, prompt: Prompt, place: int) -> State | None:
        """The state of a prompt at *place*; None: it was not there yet."""
        states = self.states[prompt]
        found = bisect(states, place, key=lambda entry: entry[0])
        return states[found - 1][1] if found else None
