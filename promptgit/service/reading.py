"""What is read: prompts, their versions, and what changed between two."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager

from promptgit.domain import names
from promptgit.domain.labels import LATEST
from promptgit.domain.models import Prompt, Removal, Version
from promptgit.domain.past import AsOf
from promptgit.errors import IndexBusy, VersionNotFound
from promptgit.service import checks
from promptgit.service.past import Past
from promptgit.service.references import References
from promptgit.store.index import queries, version_queries
from promptgit.store.store import Store

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)  # SQLite's integers go further than that
_CHUNK = 500  # versions read at a time


class Reading:
    """Reads one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.references = References(store, self)

    def without_waiting(self) -> AbstractContextManager[None]:
        """Within, a read in this thread that would have to wait, or to take in commits, raises Deferred instead."""
        return self._store.index.without_waiting()

    def find(self, prompt_id: str) -> tuple[Prompt, Removal | None]:
        """A prompt, and how it was removed if it is not there now.

        Raises:
            PromptNotFound: no prompt has this id.
        """
        return checks.expect(self._store.index.read(queries.prompt_by_id, prompt_id), prompt_id)

    def get(self, prompt_id: str) -> Prompt:
        """A prompt that is there.

        Raises:
            PromptNotFound: no prompt has this id.
            PromptDeleted: it was deleted.
        """
        return checks.expect_living(*self.find(prompt_id))

    def named(self, name: str) -> Prompt:
        """The prompt of a name that is there.

        Raises:
            NameNotFound: no prompt has this name, or had it last.
            PromptDeleted: the prompt that had it last was deleted.
        """

        def look(index: sqlite3.Connection) -> Prompt:
            return queries.prompt_by_name(index, canonical) or checks.not_there(index, canonical)

        canonical = names.canonical(name)
        return self._store.index.read(look)

    def as_of(self, moment: AsOf) -> Past:
        """The state as of a commit, or of a time.

        Raises:
            CommitNotFound: the commit is not in the first-parent history of `main`; or all commits were stored later.
        """
        return Past(self._store, moment)

    def content(self, version: Version) -> bytes:
        """The bytes of a version's file."""
        return self._store.repository.content(version.blob)

    def list(
        self,
        *,
        name: str | None = None,
        prefix: str | None = None,
        q: str | None = None,
        after: str | None = None,
        label: str | None = None,
        limit: int,
    ) -> list[Prompt]:
        """At most *limit* prompts that are there, sorted by name, those after the name *after*.

        *q* is searched for in names and newest contents, regardless of case. With *label* those that
        have it, each with the version that it points at in the place of its newest one.
        """
        look = self._store.content_tables.search if q else self._store.index.read
        exact, label = name and names.canonical(name), None if label == LATEST else label
        where = queries.Where(exact, prefix, q or None, after, label)
        return look(queries.list_prompts, where, limit=limit)

    def version(self, prompt_id: str, number: int | str) -> Version:
        """One version of a prompt, deleted or not. A *number* that is no number is not found.

        Raises:
            PromptNotFound, VersionNotFound
        """
        text = str(number)
        if _NUMBER.fullmatch(text):
            version = self._store.index.read(version_queries.version, prompt_id, int(text))
            if version is not None:
                return version
        prompt, _ = self.find(prompt_id)
        raise VersionNotFound(prompt.name, text, prompt.newest.number)

    def with_version(self, prompt_id: str, number: int | str) -> tuple[Prompt, Version]:
        """A prompt, deleted or not, with one of its versions; the same rules as those of `version`.

        Raises:
            PromptNotFound, VersionNotFound
        """
        return self.find(prompt_id)[0], self.version(prompt_id, number)

    def versions(
        self, prompt: Prompt, *, after: int | None = None, before: int | None = None, newest_first: bool = False
    ) -> Iterator[Version]:
        """The versions of a prompt between *after* and *before*, both exclusive; in bounded memory.

        None is newer than the newest of *prompt*.
        """
        low, high = _bounds(prompt, after, before)
        while high - low > 1:
            chunk = self._store.index.read(
                version_queries.versions, prompt.id, after=low, before=high, limit=_CHUNK, newest_first=newest_first
            )
            if not chunk:
                return  # `main` was rewritten meanwhile
            yield from chunk
            low, high = (low, chunk[-1].number) if newest_first else (chunk[-1].number, high)

    def versions_json(
        self,
        prompt: Prompt,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[tuple[str, int | None]]:
        """At most *limit* of the same versions, as JSON objects with commas between, in chunks.

        With each chunk comes the number after (or before) which the next one begins; None: there is none.
        """
        low, high = _bounds(prompt, after, before)
        rest = high - low if limit is None else limit
        while rest > 0 and high - low > 1:
            text, count, last = self._store.index.read(
                version_queries.versions_json,
                prompt,
                after=low,
                before=high,
                limit=min(rest, _CHUNK),
                newest_first=newest_first,
            )
            if not count:
                raise IndexBusy  # `main` was rewritten meanwhile: break off, for this is not the whole
            low, high = (low, last) if newest_first else (last, high)
            rest -= count
            yield text, last if high - low > 1 else None

    def diff(self, prompt_id: str, old: int | str, new: int | str) -> bytes:
        """What `git diff` prints from one version to another.

        Raises:
            PromptNotFound, VersionNotFound
        """
        ends = [self.version(prompt_id, number) for number in (old, new)]
        sides = [(end.commit, self._store.index.read(version_queries.path_at, prompt_id, end.number)) for end in ends]
        return self._store.repository.git.diff(sides[0], sides[1])


def _bounds(prompt: Prompt, after: int | None, before: int | None) -> tuple[int, int]:
    """Numbers between which a prompt's versions are asked for, both exclusive."""
    end = prompt.newest.number + 1
    return min(max(after or 0, 0), end), end if before is None else min(max(before, 0), end)
