"""What people look for in addition to what programs ask the service: folders, deleted prompts, repeats, timelines."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from promptgit.domain.models import Prompt, Removal, Version
from promptgit.errors import IndexBusy
from promptgit.store.git.hunks import hunks
from promptgit.store.index import former_names, selections, surveys, version_queries
from promptgit.store.index.selections import Selection
from promptgit.store.state import totals
from promptgit.store.store import Store

_FOLDERS = 200  # of one level
_CHOICES = 100
MOST_COUNTED = 1_000
"""The number that stands for all larger numbers of prompts, in a folder or a list that is narrowed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A version in a history; *repeats* is the number of the first version that had the same content, if another."""

    version: Version
    repeats: int | None


@dataclass(frozen=True, slots=True)
class Choices:
    """Labels, names of those who changed a prompt last, and the tags that the last search knew: 100 of each, sorted."""

    labels: list[str]
    authors: list[str]
    tags: list[str]


class Catalogue:
    """Reads for pages. But for filters and searches, the number of prompts and the length of a history do not count."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def folders(self, folder: str) -> list[tuple[str, int]]:
        """The names of the folders right below *folder*, which is empty or ends in a '/': the first 200, sorted.

        With each comes the number of prompts in it and below it, up to `MOST_COUNTED`.
        """
        return self._store.index.read(surveys.folders, folder, _FOLDERS, MOST_COUNTED)

    def by_name(self, selection: Selection, *, after: str | None = None, limit: int) -> list[Prompt]:
        """At most *limit* prompts, sorted by name, those behind the name *after*."""
        look = self._store.content_tables.search if selection.is_of_texts else self._store.index.read
        return look(selections.by_name, selection, after=after, limit=limit)

    def by_change(self, selection: Selection, *, after: tuple[int, str] | None = None, limit: int) -> list[Prompt]:
        """At most *limit* prompts, sorted by when their newest version was written: newest first, then by name.

        Those behind *after*: that time of the last one, in seconds since 1970, and its name.
        """
        look = self._store.content_tables.search if selection.is_of_texts else self._store.index.read
        return look(selections.by_change, selection, after=after, limit=limit)

    def count(self, selection: Selection) -> int:
        """How many prompts there are of this kind, up to `MOST_COUNTED`; the number of all is known."""
        if selection == Selection():
            return self._store.index.read(totals).prompts
        look = self._store.content_tables.search if selection.is_of_texts else self._store.index.read
        return look(selections.count, selection, MOST_COUNTED)

    def choices(self) -> Choices:
        """What lists can be filtered by."""
        return self._store.index.read(_choices)

    def removed(self, *, after: str | None = None, limit: int) -> list[tuple[Prompt, Removal]]:
        """At most *limit* deleted prompts, sorted by name, those behind the one with the id *after*."""
        return self._store.index.read(surveys.removed, after=after, limit=limit)

    def once_called(self, name: str) -> Prompt | None:
        """The prompt that was the last to have a name, though it has another one now or is deleted."""
        found = self._store.index.read(former_names.last_called, name)
        return None if found is None else found[0]

    def history(self, prompt: Prompt, *, before: int | None = None, limit: int) -> list[Entry]:
        """At most *limit* versions older than version *before* (None: the newest ones), newest first."""
        end = prompt.newest.number + 1
        low = end if before is None else min(max(before, 0), end)
        found = self._store.index.read(surveys.history, prompt.id, before=low, limit=limit)
        return [Entry(version, repeats) for version, repeats in found]

    def timeline(self, prompt: Prompt, most: int) -> list[Point]:
        """Versions by number: the first, the newest, and evenly between; at most *most* of a history of any length."""
        newest = prompt.newest.number
        count = min(newest, most)
        numbers = {1 + at * (newest - 1) // max(count - 1, 1) for at in range(count)}
        found = self._store.index.read(surveys.written, prompt.id, sorted(numbers))
        return [Point(number, seconds, self._store.repository.size(blob)) for number, seconds, blob in found]

    def number_at(self, prompt: Prompt, seconds: int) -> int:
        """The number of the version that was the newest one at a time, in seconds since 1970; 0: there was none yet.

        Where the times of a history go back and forth, as git's may: of one that was written up to then, and whose
        successor was written later.
        """

        def written(number: int) -> int:
            return self._version(prompt.id, number).seconds

        return bisect_right(range(1, prompt.newest.number + 1), seconds, key=written)

    def size(self, prompt_id: str, old: int | None, new: int) -> Size:
        """How many lines git's difference of two versions adds and takes away; None: of an empty text."""
        sides = [self._content(prompt_id, number) for number in (old, new)]
        found = hunks(*sides)
        return Size(sum(hunk[3] for hunk in found), sum(hunk[1] for hunk in found))

    def _content(self, prompt_id: str, number: int | None) -> bytes:
        return b"" if number is None else self._store.repository.content(self._version(prompt_id, number).blob)

    def _version(self, prompt_id: str, number: int) -> Version:
        version = self._store.index.read(version_queries.version, prompt_id, number)
        if version is None:
            raise IndexBusy  # `main` was rewritten meanwhile
        return version


class Point(NamedTuple):
    """A version, when it was written, in seconds since 1970, and its size in bytes; None: that cannot be read."""

    number: int
    seconds: int
    size: int | None


def _choices(index: sqlite3.Connection) -> Choices:
    return Choices(*(find(index, _CHOICES) for find in (selections.labels, selections.authors, selections.tags)))


class Size(NamedTuple):
    """Lines that a change adds, and takes away."""

    added: int
    removed: int


class Run(NamedTuple):
    """Items old[start:end] that became new[new_start:new_end]; one of the two may be empty."""

    start: int
    end: int
    new_start: int
    new_end: int


def changes(old: Sequence[bytes], new: Sequence[bytes]) -> list[Run]:
    """Where two sequences differ, in order, by git's own algorithm; the items hold no newline."""
    sides = (b"".join([b"%s\n" % item for item in side]) for side in (old, new))
    return [
        Run(start, start + count, new_start, new_start + new_count)
        for first, count, new_first, new_count in hunks(*sides)
        # Lines count from 1, and an empty side names the line before it.
        for start, new_start in [(first - (count > 0), new_first - (new_count > 0))]
    ]
