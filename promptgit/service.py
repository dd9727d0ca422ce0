"""The use cases: create, save, rename, delete, revert, and everything that is read.

Every rule of a write is checked here, under the write lock, whatever face it comes through.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

from promptgit import checks, names, texts
from promptgit.checks import Precondition
from promptgit.errors import IndexBusy, Invalid, InvalidName, VersionNotFound
from promptgit.models import Author, Prompt, Removal, Version
from promptgit.store import queries
from promptgit.store.batch import Edit
from promptgit.store.objects import BLOB, object_id
from promptgit.store.store import Store
from promptgit.store.writer import Change

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)  # SQLite's integers go further than that
_CHUNK = 500  # versions read at a time


@dataclass(frozen=True, slots=True)
class Signed:
    """What a caller says about a write: why, who wrote it (None: the committer), and what it has seen.

    *committer* is whose credential stores it; None: the service.
    """

    description: str = ""
    author: Author | None = None
    if_match: Precondition | None = None
    committer: Author | None = None


class Service:
    """Prompts and their versions, in one store.

    *max_content* is in bytes of UTF-8.
    """

    def __init__(self, store: Store, max_content: int) -> None:
        self._store = store
        self._max_content = max_content

    # Reading

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

    def content(self, version: Version) -> bytes:
        """The bytes of a version's file."""
        return self._store.repository.read(version.blob)

    def list(
        self,
        *,
        name: str | None = None,
        prefix: str | None = None,
        q: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[Prompt]:
        """At most *limit* prompts that are there, sorted by name, those after the name *after*.

        *q* is searched for in names and newest contents, regardless of case.
        """
        look = self._store.index.search if q else self._store.index.read
        exact = None if name is None else names.canonical(name)
        return look(queries.list_prompts, name=exact, prefix=prefix, q=q or None, after=after, limit=limit)

    def version(self, prompt_id: str, number: int | str) -> Version:
        """One version of a prompt, deleted or not. A *number* that is no number is not found.

        Raises:
            PromptNotFound, VersionNotFound
        """
        text = str(number)
        if _NUMBER.fullmatch(text):
            version = self._store.index.read(queries.version, prompt_id, int(text))
            if version is not None:
                return version
        prompt, _ = self.find(prompt_id)
        raise VersionNotFound(prompt.name, text, prompt.newest.number)

    def versions(
        self, prompt: Prompt, *, after: int | None = None, before: int | None = None, newest_first: bool = False
    ) -> Iterator[Version]:
        """The versions of a prompt between *after* and *before*, both exclusive; in bounded memory.

        None is newer than the newest of *prompt*.
        """
        low, high = _bounds(prompt, after, before)
        while high - low > 1:
            chunk = self._store.index.read(
                queries.versions, prompt.id, after=low, before=high, limit=_CHUNK, newest_first=newest_first
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

        Beside each chunk stands the number after (or before) which the next one begins; None: there is none.
        """
        low, high = _bounds(prompt, after, before)
        rest = high - low if limit is None else limit
        while rest > 0 and high - low > 1:
            text, count, last = self._store.index.read(
                queries.versions_json,
                prompt.id,
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
        sides = [(end.commit, self._store.index.read(queries.path_at, prompt_id, end.number)) for end in ends]
        return self._store.repository.git.diff(sides[0], sides[1])

    # Writing

    def create(
        self, content: str, *, name: str | None = None, prompt_id: str | None = None, signed: Signed = Signed()
    ) -> Prompt:
        """Create a prompt; with neither name nor id, under a new random UUID.

        The name of a deleted prompt brings that one back, with its id and its numbers.

        Raises:
            Invalid, InvalidName, ContentTooLarge: a rule is broken.
            NameTaken, PathBlocked: the name cannot be had.
        """
        if name is not None and prompt_id is not None:
            raise Invalid("id", "is given beside a name; give one of them, for an id is the name")
        checked = names.check(name) if name is not None else prompt_id or str(uuid4())
        data = texts.check_content(content, self._max_content)
        sign = self._signature(signed, "Initial version")

        def plan(index: sqlite3.Connection) -> Edit:
            checks.expect_free(index, checked)
            checks.expect_own(index, checked)
            return Edit({names.path_of(checked): data}, *sign)

        return self._store.writer.submit(Change(plan, lambda index: _named(index, checked)))

    def save(self, prompt_id: str, content: str, *, signed: Signed = Signed()) -> Prompt:
        """Save *content* as the newest version of a prompt.

        The content that it already has writes nothing.

        Raises:
            PromptNotFound, PromptDeleted
            StaleVersion: the caller has not seen the newest version.
            Invalid, ContentTooLarge: a rule is broken.
        """
        data = texts.check_content(content, self._max_content)
        blob = object_id(BLOB, data)
        description, author, committer = self._signature(signed, "")

        def plan(index: sqlite3.Connection) -> Edit | None:
            prompt = checks.expect_living(*checks.seen(index, prompt_id, signed.if_match))
            if prompt.newest.blob == blob:
                return None
            return Edit({prompt.path: data}, description or f"Update {prompt.name}", author, committer)

        return self._store.writer.submit(Change(plan, lambda index: _by_id(index, prompt_id)))

    def rename(self, prompt_id: str, name: str, *, signed: Signed = Signed()) -> Prompt:
        """Move a prompt to another name; its id, versions and numbers stay.

        Raises:
            PromptNotFound, PromptDeleted, StaleVersion
            Invalid, InvalidName: a rule is broken.
            NameTaken, PathBlocked: the name cannot be had.
        """
        checked = names.check(name)
        if names.is_uuid(checked) and checked != prompt_id:
            raise InvalidName("is a UUID, which only the prompt of that id can have; choose another")
        description, author, committer = self._signature(signed, "")

        def plan(index: sqlite3.Connection) -> Edit | None:
            prompt = checks.expect_living(*checks.seen(index, prompt_id, signed.if_match))
            if prompt.name == checked:
                return None
            checks.expect_free(index, checked, mover=prompt_id)
            files = {prompt.path: None, names.path_of(checked): prompt.newest.blob}
            return Edit(files, description or f"Rename {prompt.name} to {checked}", author, committer)

        return self._store.writer.submit(Change(plan, lambda index: _by_id(index, prompt_id)))

    def delete(self, prompt_id: str, *, signed: Signed = Signed()) -> None:
        """Delete a prompt; its versions stay readable. One that is deleted already stays so.

        Raises:
            PromptNotFound, StaleVersion
        """
        description, author, committer = self._signature(signed, "")

        def plan(index: sqlite3.Connection) -> Edit | None:
            prompt, removal = checks.seen(index, prompt_id, signed.if_match)
            if removal is not None:
                return None
            return Edit({prompt.path: None}, description or f"Delete {prompt.name}", author, committer)

        self._store.writer.submit(Change(plan, lambda _: None))

    def revert(self, prompt_id: str, number: int | str, *, signed: Signed = Signed()) -> Prompt:
        """Make the content of an older version the newest one; a deleted prompt comes back.

        The content that the prompt already has writes nothing.

        Raises:
            PromptNotFound, VersionNotFound, StaleVersion
            NameTaken: the prompt was deleted, and another had its name after it.
        """
        target = self.version(prompt_id, number)
        sign = self._signature(signed, f"Revert to version {target.number}")

        def plan(index: sqlite3.Connection) -> Edit | None:
            prompt, removal = checks.seen(index, prompt_id, signed.if_match)
            version = queries.version(index, prompt_id, target.number)
            if version is None:
                raise VersionNotFound(prompt.name, str(target.number), prompt.newest.number)
            if removal is not None:
                checks.expect_free(index, prompt.name)
                checks.expect_last_of_name(index, prompt)
            elif prompt.newest.blob == version.blob:
                return None
            return Edit({prompt.path: version.blob}, *sign)

        return self._store.writer.submit(Change(plan, lambda index: _by_id(index, prompt_id)))

    def _signature(self, signed: Signed, default: str) -> tuple[str, Author, Author]:
        committer = signed.committer or self._store.committer
        author = committer if signed.author is None else texts.check_author(signed.author)
        return texts.check_description(signed.description) or default, author, committer


def _bounds(prompt: Prompt, after: int | None, before: int | None) -> tuple[int, int]:
    """Numbers between which a prompt's versions are asked for, both exclusive."""
    end = prompt.newest.number + 1
    return min(max(after or 0, 0), end), end if before is None else min(max(before, 0), end)


def _named(index: sqlite3.Connection, name: str) -> Prompt:
    prompt = queries.prompt_by_name(index, name)
    assert prompt is not None
    return prompt


def _by_id(index: sqlite3.Connection, prompt_id: str) -> Prompt:
    return checks.expect(queries.prompt_by_id(index, prompt_id), prompt_id)[0]
