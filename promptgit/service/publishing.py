"""The use cases of those who speak of prompts by name: to publish a version, to label one, in one commit each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from promptgit.domain import labels, names, texts
from promptgit.domain.models import Prompt, Version
from promptgit.errors import VersionNotFound, WriteContended
from promptgit.service import checks
from promptgit.service.checks import Sign, Signed
from promptgit.store.git.commits import Edit
from promptgit.store.git.hashing import object_id
from promptgit.store.git.objects import BLOB
from promptgit.store.index import queries, repeats, version_queries
from promptgit.store.operation import Change
from promptgit.store.store import Store

_ATTEMPTS = 100


class _Moved(Exception):
    """The prompt has another newest version than the one that the new one was made of."""


class Publishing:
    """Publishes in one store; *sign* makes a description and an author of what a caller says.

    *max_content* is in bytes of UTF-8; *protected* are the labels that only those move who were allowed to.
    """

    def __init__(self, store: Store, max_content: int, sign: Sign, protected: frozenset[str]) -> None:
        self._protected = protected
        self._store = store
        self._max_content = max_content
        self._sign = sign

    def find(self, name: str) -> Prompt | None:
        """The prompt of this name, if it is there."""
        return self._store.index.read(queries.prompt_by_name, names.canonical(name))

    def page(
        self, *, name: str | None = None, label: str | None = None, tag: str | None = None, offset: int, limit: int
    ) -> tuple[list[Prompt], int]:
        """At most *limit* prompts after the first *offset*, sorted by name, and how many there are in all.

        *name* is exact, and *tag* one of those in the newest file. With *label* those that have it, each with the
        version that it points at in the place of its newest one.
        """
        where = queries.Where(
            name=None if name is None else names.canonical(name),
            tag=tag,
            label=None if label == labels.LATEST else label,
        )

        def look(index: sqlite3.Connection) -> tuple[list[Prompt], int]:
            return queries.list_prompts(index, where, offset=offset, limit=limit), queries.count_prompts(index, where)

        return (self._store.index.read if tag is None else self._store.index.search)(look)

    def publish(
        self, name: str, make: Callable[[bytes | None], str], pointed: Iterable[str], *, signed: Signed
    ) -> tuple[Prompt, Version]:
        """Save what *make* makes of a prompt's newest content (None: there is none), and point labels at it.

        The prompt is created, or brought back, where it is not there. The content that it already has makes no
        version. *make* is called again where somebody else saved meanwhile.

        Raises:
            Invalid, InvalidName, ContentTooLarge: a rule is broken.
            NameTaken, PathBlocked: the name cannot be had.
            LabelProtected: the caller may not move one of the labels.
        """
        name = names.check(name)
        pointed = self._movable(pointed, signed)
        for _ in range(_ATTEMPTS):
            seen = self.find(name)
            content = make(self._store.repository.read(seen.newest.blob) if seen else None)
            data = texts.check_content(content, self._max_content)
            try:
                return self._store.writer.submit(self._publication(name, data, seen, pointed, signed))
            except _Moved:
                continue
        raise WriteContended

    def _publication(
        self, name: str, data: bytes, seen: Prompt | None, pointed: list[str], signed: Signed
    ) -> Change[tuple[Prompt, Version]]:
        description, author, committer = self._sign(signed, "")
        blob = object_id(BLOB, data)

        def plan(index: sqlite3.Connection) -> Edit | None:
            prompt = queries.prompt_by_name(index, name)
            if (prompt and prompt.newest.blob) != (seen and seen.newest.blob):
                raise _Moved
            files: dict[str, bytes | str | None] = {}
            if prompt is None:
                checks.expect_free(index, name)
                checks.expect_own(index, name)
                removed = queries.removed_by_name(index, name)
                number = removed.newest.number + 1 if removed else 1
                files |= checks.leftover_labels(index, name)
            else:
                number = prompt.newest.number + (prompt.newest.blob != blob)
            if prompt is None or prompt.newest.blob != blob:
                files[names.path_of(name)] = data
            checks.expect_labels(index, name, pointed)
            files |= _label_files(prompt, name, pointed, number)
            default = f"Update {name}" if number > 1 else "Initial version"
            return Edit(files, description or default, author, committer) if files else None

        def answer(index: sqlite3.Connection) -> tuple[Prompt, Version]:
            prompt = queries.prompt_by_name(index, name)
            assert prompt is not None
            return prompt, prompt.newest

        def recall(index: sqlite3.Connection, commit: str) -> tuple[Prompt, Version]:
            prompt = repeats.prompt_after(index, commit)
            return prompt, prompt.newest

        return Change(plan, answer, signed.request, recall)

    def label(self, prompt_id: str, number: int, pointed: Iterable[str], *, signed: Signed) -> tuple[Prompt, Version]:
        """Point labels at one version of a prompt, all or none. Where they point already nothing is written.

        Raises:
            PromptNotFound, PromptDeleted, VersionNotFound
            Invalid: a rule is broken.
            PathBlocked: the label of another prompt lies where this one's file would be.
            LabelProtected: the caller may not move one of them.
        """
        pointed = self._movable(pointed, signed)
        description, author, committer = self._sign(signed, "")

        def plan(index: sqlite3.Connection) -> Edit | None:
            prompt = checks.expect_living(*checks.seen(index, prompt_id, signed.if_match))
            if not 1 <= number <= prompt.newest.number:
                raise VersionNotFound(prompt.name, str(number), prompt.newest.number)
            checks.expect_labels(index, prompt.name, pointed)
            files = _label_files(prompt, prompt.name, pointed, number)
            reason = f"Point {', '.join(pointed)} at version {number} of {prompt.name}"
            return Edit(files, description or reason, author, committer) if files else None

        def answer(index: sqlite3.Connection) -> tuple[Prompt, Version]:
            prompt, _ = checks.expect(queries.prompt_by_id(index, prompt_id), prompt_id)
            version = version_queries.version(index, prompt_id, number)
            assert version is not None
            return prompt, version

        def recall(index: sqlite3.Connection, commit: str) -> tuple[Prompt, Version]:
            return repeats.version_after(index, commit, number)

        return self._store.writer.submit(Change(plan, answer, signed.request, recall))

    def _movable(self, pointed: Iterable[str], signed: Signed) -> list[str]:
        checked = sorted({labels.check(label) for label in pointed})
        checks.expect_mover(checked, self._protected, signed)
        return checked


def _label_files(prompt: Prompt | None, name: str, pointed: list[str], number: int) -> dict[str, bytes | str | None]:
    """The files of the labels that do not point there yet."""
    there = prompt.labels if prompt else {}
    return {labels.path_of(label, name): labels.content(number) for label in pointed if there.get(label) != number}
