"""What happened, newest first: commits with what they did, by whom, where and of which kind; and one person."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from promptgit.domain.models import Author, Prompt, Version
from promptgit.errors import CommitNotFound
from promptgit.store.index import activity_queries, change_queries, people_queries, queries, version_queries
from promptgit.store.index.activity_queries import ActivityEntry, Wanted
from promptgit.store.store import Store

__all__ = ["Activity", "ActivityEntry", "Page", "PersonFound", "Wanted"]

MOST_COUNTED = 10_000
"""Up to where a person's versions and commits are counted."""

_NEWEST = 1 << 62  # more than any commit's number
_FEW = 10  # of what a person did
_COMMIT = re.compile("[0-9a-f]{40}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ADVICE = "Look at the activity, which has the commits of main."


class Page(NamedTuple):
    """Commits, newest first.

    *older* is the number before which older ones begin, if there are. *reached* is the time of the last commit that was
    looked at, where the look ended before the page was full or history did.
    """

    entries: list[ActivityEntry]
    older: int | None
    reached: datetime | None


@dataclass(frozen=True, slots=True)
class PersonFound:
    """Somebody who wrote or stored something.

    *spellings* are the names and addresses under which commits have them, the newest first. *versions* and *commits*
    count what they wrote, and what they stored for others. *prompts* are those that they wrote last, each with its
    newest version by them; *approved* and *released* are numbers of releases.
    """

    spellings: list[Author]
    versions: int
    commits: int
    prompts: list[tuple[Prompt, Version]]
    approved: list[int]
    released: list[int]


class Activity:
    """Reads the activity of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def page(self, wanted: Wanted, *, before: int | None = None, limit: int, most: int) -> Page:
        """At most *limit* commits older than the one numbered *before* (None: the newest), each with *most* changes.

        At most 5,000 commits are looked at for a filter that the index does not answer at once.
        """
        return self._store.index.read(_page, wanted, _NEWEST if before is None else before, limit, most)

    def commit(self, commit: str, *, start: int, most: int) -> ActivityEntry | None:
        """One commit (its full id), with at most *most* changes from the one at *start* on; None: there are none.

        Raises:
            CommitNotFound: it is not in the first-parent history of `main`.
        """

        def look(connection: sqlite3.Connection) -> ActivityEntry | None:
            number = change_queries.number_of(connection, commit) if _COMMIT.fullmatch(commit) else None
            if number is None:
                raise CommitNotFound(commit[:60], _ADVICE)
            return activity_queries.entry(connection, number, Wanted(), most, start=start)

        return self._store.index.read(look)

    def root(self) -> str:
        """The id of the first commit of `main`, which tells this repository from others."""
        return self._store.index.read(change_queries.commit_of, 1)

    def person(self, person: str) -> PersonFound | None:
        """Somebody by address or name; None: no commit has them."""
        return self._store.index.read(_person, person)

    def newcomers(self, limit: int) -> list[Author]:
        """Names and addresses, those that came last first."""
        return self._store.index.read(people_queries.newcomers, limit)


def _page(connection: sqlite3.Connection, wanted: Wanted, before: int, limit: int, most: int) -> Page:
    numbers, reached = activity_queries.find(connection, wanted, before, limit + 1)
    found = [activity_queries.entry(connection, number, wanted, most) for number in numbers[:limit]]
    entries = [one for one in found if one is not None]
    if len(numbers) > limit:
        return Page(entries, numbers[limit - 1], None)
    if reached is None:
        return Page(entries, None, None)
    seconds = change_queries.stored(connection, reached).seconds
    return Page(entries, reached, _EPOCH + timedelta(seconds=seconds))


def _person(connection: sqlite3.Connection, person: str) -> PersonFound | None:
    keys = people_queries.people(connection, person)
    if not keys:
        return None
    versions, commits = people_queries.counts(connection, keys, MOST_COUNTED)
    prompts: list[tuple[Prompt, Version]] = []
    for prompt_id, number in people_queries.prompts_of(connection, keys, _FEW):
        found = queries.prompt_by_id(connection, prompt_id)
        version = version_queries.version(connection, prompt_id, number)
        if found is not None and version is not None:
            prompts.append((found[0], version))
    approved, released = (people_queries.steps_of(connection, keys, deed, _FEW) for deed in ("approved", "released"))
    return PersonFound(people_queries.spellings(connection, keys), versions, commits, prompts, approved, released)
