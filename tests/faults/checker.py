"""What stock git finds in a repository, compared with what clients know: no line of promptgit is used.

The rules are those that the README gives to auditors: version N is the Nth commit along first parents that adds or
changes the file; a commit in which the very same blob leaves one path and appears at another moves the prompt.
"""

from __future__ import annotations

import hashlib
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from itertools import pairwise
from pathlib import Path

from tests.faults.known import Known, State
from tests.support import environment

NOTHING = "0" * 40


@dataclass(eq=False)
class Prompt:
    """A prompt in the history: the commits and blobs of its versions; *path* is None while it is deleted."""

    path: str | None = None
    commits: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)


class Lost(AssertionError):
    """Something that was acknowledged is not there, or the repository is damaged."""


def check(repository: Path, known: Known) -> int:
    """How many commits `main` has; every version and every state that is known is in the repository, which is sound.

    No write has made more than one commit; each that was acknowledged has made one, and none that was refused has.

    Raises:
        Lost
    """
    stock_git(repository, "fsck", "--strict", "--no-dangling")
    history = History(repository)
    for version in known.versions:
        found = history.versions.get(version.commit, [])
        if (version.number, blob_of(version.content)) not in found:
            raise Lost(f"version {version.number} of {version.prompt}, {version.commit}, is not there, but {found}")
    tree = _tree(repository)
    releases = _releases(repository, tree)
    for prompt, states in known.prompts.items():
        if not any(_is_so(state, tree, releases) for state in states):
            raise Lost(f"the prompt {prompt} is in none of the states {states}")
    made = Counter(stock_git(repository, "log", "--first-parent", "--format=%s", "main").decode().split("\n"))
    if doubled := [write for write in known.writes if made[write] > 1]:
        raise Lost(f"these writes were made more than once: {doubled}")
    if lost := [write for write in known.made if not made[write]]:
        raise Lost(f"these writes were acknowledged, and are not there: {lost}")
    if false := [write for write in known.not_made if made[write]]:
        raise Lost(f"these writes were refused, and are there: {false}")
    return len(history.line)


class History:
    """The versions of all prompts, by commit: number and blob of each version that the commit makes."""

    def __init__(self, repository: Path) -> None:
        self.versions: dict[str, list[tuple[int, str]]] = {}
        self.line = line_of(repository)
        walk = Walk()
        for commit, changed in changes(repository, "prompts"):
            found = [
                (len(one.commits), one.blobs[-1]) for one in walk.take(commit, changed) if one.commits[-1] == commit
            ]
            if found:
                self.versions[commit] = found


class Walk:
    """Goes through a history, commit by commit; *living* has the prompts that are there, by their paths."""

    def __init__(self) -> None:
        self.living: dict[str, Prompt] = {}
        self._removed: dict[str, Prompt] = {}

    def take(self, commit: str, changed: list[tuple[str, str, str]]) -> list[Prompt]:
        """The prompts that the next commit changes, by the paths below prompts/ that it changes."""
        living = self.living
        gone = {path: old for path, old, new in changed if new == NOTHING}
        prompts = {path: living.pop(path) for path in gone}
        found = list(prompts.values())
        for path, old, new in changed:
            if new == NOTHING:
                continue
            moved = next((other for other in prompts if gone[other] == new), None) if old == NOTHING else None
            if moved is not None:
                living[path] = prompts.pop(moved)
            else:
                living[path] = living.get(path) or self._removed.pop(path, None) or Prompt()
                living[path].commits.append(commit)
                living[path].blobs.append(new)
            living[path].path = path
            found.append(living[path])
        for prompt in prompts.values():
            prompt.path = None
        self._removed |= prompts
        return list(dict.fromkeys(found))


def line_of(repository: Path) -> list[str]:
    """The commits of `main`'s first-parent history, oldest first."""
    return stock_git(repository, "rev-list", "--first-parent", "--reverse", "main").decode().split()


def changes(repository: Path, *folders: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Each commit, oldest first, with the paths below *folders* that it changed: path, old blob, new blob."""
    options = ["--first-parent", "--reverse", "--raw", "-z", "--no-abbrev", "--no-renames", "--format=%x01%H"]
    for record in stock_git(repository, "log", *options, "main", "--", *folders).decode().split("\1")[1:]:
        commit, *fields = record.strip("\n\0").split("\0")
        words = [one.lstrip("\n") for one in fields if one]
        found = [(path, *raw.split()[2:4]) for raw, path in pairwise(words) if raw.startswith(":")]
        yield commit.strip(), [(path, old, new) for path, old, new in found]


def _tree(repository: Path) -> dict[str, str]:
    lines = stock_git(repository, "ls-tree", "-r", "-z", "main").decode().split("\0")
    return {path: entry.split()[2] for entry, _, path in (line.partition("\t") for line in lines if line)}


def _releases(repository: Path, tree: dict[str, str]) -> dict[str, str]:
    """What the file of each release says that has become of it."""
    blobs = {path: blob for path, blob in tree.items() if path.startswith("releases/")}
    asked = "".join(f"{one}\n" for one in blobs.values())
    told = BytesIO(stock_git(repository, "cat-file", "--batch", data=asked.encode()))
    found = {}
    for path in blobs:
        size = int(told.readline().split()[2])
        found[path] = str(tomllib.loads(told.read(size).decode())["state"])
        told.readline()
    return found


def _is_so(state: State, tree: dict[str, str], releases: dict[str, str]) -> bool:
    if state.companion is not None and not _is_so(state.companion, tree, releases):
        return False
    if state.release is not None:
        number, said = state.release
        if releases.get(f"releases/{number // 1000}/{number}.toml") != said:
            return False
    if state.content is None:
        return state.path not in tree
    below = state.path.removeprefix("prompts/").removesuffix(".md")
    labels = {f"labels/{label}/{below}": blob_of(b"%d\n" % number) for label, number in state.labels}
    return tree.get(state.path) == blob_of(state.content) and labels.items() <= tree.items()


def blob_of(content: bytes) -> str:
    """The id that git gives to a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def stock_git(repository: Path, *arguments: str, data: bytes = b"") -> bytes:
    command = ["git", "-c", "core.commitGraph=false", "-c", "safe.directory=*", "-C", str(repository), *arguments]
    done = subprocess.run(command, input=data, capture_output=True, env=environment(), check=False)
    if done.returncode or (arguments[0] == "fsck" and (done.stdout or done.stderr)):
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise Lost(f"git {arguments[0]} ended with {done.returncode} in {repository}: {said}")
    return done.stdout
