"""The use cases: create, save, rename, delete, revert, and everything that is read.

Every rule of a write is checked here, under the write lock, whatever face it comes through.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from uuid import uuid4

from promptgit.domain import names, texts
from promptgit.domain.models import Author, Prompt
from promptgit.errors import Invalid, InvalidName, NameTaken, VersionNotFound
from promptgit.service import checks
from promptgit.service.checks import Signed
from promptgit.service.labelling import Labelling
from promptgit.service.publishing import Publishing
from promptgit.service.reading import Reading
from promptgit.store.git.commits import Edit
from promptgit.store.git.hashing import object_id
from promptgit.store.git.objects import BLOB
from promptgit.store.index import queries, repeats, version_queries
from promptgit.store.operation import Change
from promptgit.store.store import Store

_RANDOM_NAMES = 10_000  # that are tried, before every folder of UUIDs is taken to be blocked


class Service(Reading):
    """Prompts and their versions, in one store.

    *max_content* is in bytes of UTF-8. *protected* are the labels that only those move who were allowed to.
    """

    def __init__(self, store: Store, max_content: int, protected: frozenset[str] = frozenset()) -> None:
        super().__init__(store)
        self._max_content = max_content
        self.labels = Labelling(store, self._signature, protected)
        self.publishing = Publishing(store, max_content, self._signature, protected)

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
        given = names.check(name) if name is not None else prompt_id
        checked = given or ""
        data = texts.check_content(content, self._max_content)
        sign = self._signature(signed, "Initial version")

        def plan(index: sqlite3.Connection) -> Edit:
            nonlocal checked
            if given is None:
                checked = _random_name(index)
            checks.expect_free(index, checked)
            checks.expect_own(index, checked)
            files: dict[str, bytes | str | None] = {names.path_of(checked): data}
            if queries.removed_by_name(index, checked) is None:
                files |= checks.leftover_labels(index, checked)
            return Edit(files, *sign)

        return self._store.writer.submit(
            Change(plan, lambda index: _named(index, checked), signed.request, repeats.prompt_after)
        )

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

        return self._store.writer.submit(
            Change(plan, lambda index: _by_id(index, prompt_id), signed.request, repeats.prompt_after)
        )

    def rename(self, prompt_id: str, name: str, *, signed: Signed = Signed()) -> Prompt:
        """Move a prompt to another name; its id, versions, numbers and labels stay.

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
            files = checks.leftover_labels(index, checked) | checks.moved_labels(index, prompt.name, checked)
            files |= {prompt.path: None, names.path_of(checked): prompt.newest.blob}
            return Edit(files, description or f"Rename {prompt.name} to {checked}", author, committer)

        return self._store.writer.submit(
            Change(plan, lambda index: _by_id(index, prompt_id), signed.request, repeats.prompt_after)
        )

    def delete(self, prompt_id: str, *, signed: Signed = Signed()) -> None:
        """Delete a prompt with its labels; its versions stay readable. One that is deleted already stays so.

        Raises:
            PromptNotFound, StaleVersion
            LabelProtected: it has a label that the caller may not move.
        """
        description, author, committer = self._signature(signed, "")

        def plan(index: sqlite3.Connection) -> Edit | None:
            prompt, removal = checks.seen(index, prompt_id, signed.if_match)
            if removal is not None:
                return None
            checks.expect_mover(prompt.labels, self.labels.protected, signed)
            files = {prompt.path: None} | checks.leftover_labels(index, prompt.name)
            return Edit(files, description or f"Delete {prompt.name}", author, committer)

        self._store.writer.submit(Change(plan, lambda _: None, signed.request, lambda *_: None))

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
            version = version_queries.version(index, prompt_id, target.number)
            if version is None:
                raise VersionNotFound(prompt.name, str(target.number), prompt.newest.number)
            if removal is not None:
                checks.expect_free(index, prompt.name)
                checks.expect_last_of_name(index, prompt)
            elif prompt.newest.blob == version.blob:
                return None
            return Edit({prompt.path: version.blob}, *sign)

        return self._store.writer.submit(
            Change(plan, lambda index: _by_id(index, prompt_id), signed.request, repeats.prompt_after)
        )

    def _signature(self, signed: Signed, default: str) -> tuple[str, Author, Author]:
        committer = signed.committer or self._store.committer
        author = committer if signed.author is None else texts.check_author(signed.author)
        return texts.check_description(signed.description) or default, author, committer


def _random_name(index: sqlite3.Connection) -> str:
    """A new random UUID that can stand beside every name: one in 256 cannot for each name of two hex digits."""
    for _ in range(_RANDOM_NAMES):
        name = str(uuid4())
        with suppress(NameTaken):
            checks.expect_free(index, name)
            break
    return name


def _named(index: sqlite3.Connection, name: str) -> Prompt:
    prompt = queries.prompt_by_name(index, name)
    assert prompt is not None
    return prompt


def _by_id(index: sqlite3.Connection, prompt_id: str) -> Prompt:
    return checks.expect(queries.prompt_by_id(index, prompt_id), prompt_id)[0]
