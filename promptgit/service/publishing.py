"""The use cases of those who speak of prompts by name: to publish a version with its labels in one commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from promptgit.domain import labels, names, texts
from promptgit.domain.models import Prompt, Version
from promptgit.errors import ChangesRefused, WriteContended
from promptgit.service.items import NEWEST, Item, Point, Save
from promptgit.service.planner import Planner
from promptgit.service.plans import Plan
from promptgit.service.writes import Attribution, Writes
from promptgit.store.index import queries, repeats
from promptgit.store.store import Store

_ATTEMPTS = 100


class _Outdated(Exception):
    """The prompt has another newest version than the one that the new one was made of."""


class Publishing:
    """Publishes in one store. *max_content* is in bytes of UTF-8."""

    def __init__(self, store: Store, max_content: int, writes: Writes) -> None:
        self._store = store
        self._max_content = max_content
        self._writes = writes

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

        return (self._store.index.read if tag is None else self._store.content_tables.search)(look)

    def publish(
        self, name: str, make: Callable[[bytes | None], str], pointed: Iterable[str], *, attribution: Attribution
    ) -> tuple[Prompt, Version]:
        """Save what *make* makes of a prompt's newest content (None: there is none), and point labels at it.

        The prompt is created, or brought back, where it is not there. The content that it already has makes no
        version. *make* is called again where somebody else saved meanwhile.

        Raises:
            Invalid, InvalidName, ContentTooLarge: a rule is broken.
            NameTaken, PathBlocked: the name cannot be had.
            LabelProtected: the caller may not move one of the labels.
            (and those of `Writer.submit`)
        """
        name = names.check(name)
        pointed = labels.check_all(pointed)
        for _ in range(_ATTEMPTS):
            seen = self.find(name)
            content = make(self._store.repository.read(seen.newest.blob) if seen else None)
            data = texts.check_content(content, self._max_content)
            try:
                return self._publish(name, data, seen, pointed, attribution)
            except _Outdated:
                continue
        raise WriteContended

    def _publish(
        self, name: str, data: bytes, seen: Prompt | None, pointed: list[str], attribution: Attribution
    ) -> tuple[Prompt, Version]:
        items = [Item(Save("", data), name=name), *(Item(Point(label, NEWEST), name=name) for label in pointed)]

        def plan(index: sqlite3.Connection) -> Plan | None:
            prompt = queries.prompt_by_name(index, name)
            if (prompt and prompt.newest.blob) != (seen and seen.newest.blob):
                raise _Outdated
            try:
                return Planner(index, self._writes, attribution).plan(items).plan
            except ChangesRefused as error:
                raise error.first from None

        def answer(index: sqlite3.Connection) -> tuple[Prompt, Version]:
            prompt = queries.prompt_by_name(index, name)
            assert prompt is not None
            return prompt, prompt.newest

        def recall(index: sqlite3.Connection, commit: str) -> tuple[Prompt, Version]:
            prompt = repeats.prompt_after(index, commit)
            return prompt, prompt.newest

        return self._writes.run(plan, answer, recall, attribution, [name])
