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

_NOTHING = "0" * 40


@dataclass
class _Prompt:
    commits: list[str] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)


class Lost(AssertionError):
    """Something that was acknowledged is not there, or the repository is damaged."""


def check(repository: Path, known: Known) -> int:
    """How many commits `main` has; every version and every state that is known is in the repository, which is sound.

    No write has made more than one commit.

    Raises:
        Lost
    """
    _git(repository, "fsck", "--strict", "--no-dangling")
    history = _History(repository)
    for version in known.versions:
        found = history.versions.get(version.commit, [])
        if (version.number, _blob(version.content)) not in found:
            raise Lost(f"version {version.number} of {version.prompt}, {version.commit}, is not there, but {found}")
    tree = _tree(repository)
    releases = _releases(repository, tree)
    for prompt, states in known.prompts.items():
        if not any(_is_so(state, tree, releases) for state in states):
            raise Lost(f"the prompt {prompt} is in none of the states {states}")
    made = Counter(_git(repository, "log", "--first-parent", "--format=%s", "main").decode().split("\n"))
    if doubled := [write for write in known.writes if made[write] > 1]:
        raise Lost(f"these writes were made more than once: {doubled}")
    return len(history.line)


class _History:
    """The versions of all prompts, by commit: number and blob of each version that the commit makes."""

    def __init__(self, repository: Path) -> None:
        self.versions: dict[str, list[tuple[int, str]]] = {}
        self.line = _git(repository, "rev-list", "--first-parent", "--reverse", "main").decode().split()
        living: dict[str, _Prompt] = {}
        removed: dict[str, _Prompt] = {}
        for commit, changes in _changes(repository):
            gone = {path: old for path, old, new in changes if new == _NOTHING}
            come = [(path, new) for path, old, new in changes if old == _NOTHING]
            prompts = {path: living.pop(path) for path in gone}
            for path, blob in come:
                moved = next((old for old in prompts if gone[old] == blob), None)
                if moved is not None:
                    living[path] = prompts.pop(moved)
                else:
                    living[path] = removed.pop(path, None) or _Prompt()
                    self._add(living[path], commit, blob)
            for path, old, new in changes:
                if _NOTHING not in (old, new):
                    self._add(living[path], commit, new)
            removed |= prompts

    def _add(self, prompt: _Prompt, commit: str, blob: str) -> None:
        prompt.commits.append(commit)
        prompt.blobs.append(blob)
        self.versions.setdefault(commit, []).append((len(prompt.commits), blob))


def _changes(repository: Path) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Each commit, oldest first, with the paths below prompts/ that it changed: path, old blob, new blob."""
    options = ["--first-parent", "--reverse", "--raw", "-z", "--no-abbrev", "--no-renames", "--format=%x01%H"]
    for record in _git(repository, "log", *options, "main", "--", "prompts").decode().split("\1")[1:]:
        commit, *fields = record.strip("\n\0").split("\0")
        words = [one.lstrip("\n") for one in fields if one]
        changes = [(path, *raw.split()[2:4]) for raw, path in pairwise(words) if raw.startswith(":")]
        yield commit.strip(), [(path, old, new) for path, old, new in changes]


def _tree(repository: Path) -> dict[str, str]:
    lines = _git(repository, "ls-tree", "-r", "-z", "main").decode().split("\0")
    return {path: entry.split()[2] for entry, _, path in (line.partition("\t") for line in lines if line)}


def _releases(repository: Path, tree: dict[str, str]) -> dict[str, str]:
    """What the file of each release says that has become of it."""
    blobs = {path: blob for path, blob in tree.items() if path.startswith("releases/")}
    told = BytesIO(_git(repository, "cat-file", "--batch", data="".join(f"{one}\n" for one in blobs.values()).encode()))
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
    labels = {f"labels/{label}/{below}": _blob(b"%d\n" % number) for label, number in state.labels}
    return tree.get(state.path) == _blob(state.content) and labels.items() <= tree.items()


def _blob(content: bytes) -> str:
    """The id that git gives to a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _git(repository: Path, *arguments: str, data: bytes = b"") -> bytes:
    command = ["git", "-c", "core.commitGraph=false", "-c", "safe.directory=*", "-C", str(repository), *arguments]
    done = subprocess.run(command, input=data, capture_output=True, env=environment(), check=False)
    if done.returncode or (arguments[0] == "fsck" and (done.stdout or done.stderr)):
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise Lost(f"git {arguments[0]} ended with {done.returncode} in {repository}: {said}")
    return done.stdout
