"""Prompts within prompts: what a prompt says with its references replaced, what it uses, and where it is used."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

from promptgit.domain import front_matter, references
from promptgit.domain.labels import LATEST
from promptgit.domain.models import Prompt, Version
from promptgit.domain.references import Node, PutIn, Reference, Resolved
from promptgit.errors import IndexBusy, LabelNotFound, StorageFull, VersionNotFound
from promptgit.store.index import change_queries, queries, reference_rows, version_queries
from promptgit.store.store import Store

_ATTEMPTS = 100


class Source(Protocol):
    """The state in which references are looked up: that of now, or as of a commit."""

    def named(self, name: str) -> Prompt:
        """The prompt of a name."""


class Composed(NamedTuple):
    """A version of a prompt: its file with all references replaced, and which versions were put in, in order."""

    prompt: Prompt
    version: Version
    data: bytes
    put_in: tuple[PutIn, ...]


class Use(NamedTuple):
    """That the versions *numbers* of a prompt refer to another one by *reference*.

    *prompt* is None, and so is *version*, where the reference leads nowhere now.
    """

    numbers: tuple[int, ...]
    reference: Reference
    prompt: Prompt | None
    version: int | None


class UsedBy(NamedTuple):
    """That version *number* of *prompt* refers to a prompt by *reference*, which means *version* now, None: nothing."""

    prompt: Prompt
    number: int
    reference: Reference
    version: int | None


class References:
    """The references between one store's prompts; *present* is its state of now."""

    def __init__(self, store: Store, present: Source) -> None:
        self._store = store
        self._present = present

    def compose(self, look: Callable[[], tuple[Prompt, Version]], past: Source | None = None) -> Composed:
        """What the version that *look* finds says with all references replaced: by one state, that of now or *past*.

        A file without references is returned as it is.

        Raises:
            Unresolvable: a reference leads to no text, or in a circle, or there are too many.
            IndexBusy: `main` moved each time that it was tried.
            (what *look* raises)
        """
        for _ in range(_ATTEMPTS):
            before = None if past else self._head()
            prompt, version = look()
            data = self._store.repository.content(version.blob)
            if not references.may_be_in(data):
                return Composed(prompt, version, data, ())
            file, begin = front_matter.read(data)
            root = Node(prompt.id, prompt.name, version.number, version.id, file)
            said, put_in = self.resolve(root, past)
            if past is None and self._head() != before:
                continue  # a commit may have changed both the prompt and one that was put in
            return Composed(prompt, version, front_matter.rejoined(data[:begin], said) if put_in else data, put_in)
        raise IndexBusy

    def resolve(self, root: Node, past: Source | None = None) -> Resolved:
        """What *root* says with all references replaced.

        Raises:
            Unresolvable
        """
        return references.resolve(root, lambda reference: self._node(past or self._present, reference))

    def of(self, prompt: Prompt) -> tuple[list[Use], list[UsedBy]]:
        """What a prompt that is there uses, and where it is used: in newest and in labelled versions of prompts."""
        with suppress(StorageFull):  # then it takes longer
            self._store.content_tables.prepare_references()
        return self._store.index.read(self._of, prompt)

    def _of(self, index: sqlite3.Connection, prompt: Prompt) -> tuple[list[Use], list[UsedBy]]:
        read = self._store.repository.read
        by_reference: dict[Reference, list[int]] = {}
        for found in reference_rows.of(index, prompt.id, read):
            by_reference.setdefault(found.reference, []).append(found.number)
        uses = []
        for reference, numbers in by_reference.items():
            other = queries.prompt_by_name(index, reference.name)
            number = None if other is None else number_of(other, reference)
            uses.append(Use(tuple(numbers), reference, other, number))
        users = reference_rows.to(index, [prompt.name], read)
        keys = list(dict.fromkeys(one.prompt for one in users))
        prompts = dict(zip(keys, queries.prompts_by_key(index, keys), strict=True))
        used_by = [
            UsedBy(prompts[one.prompt], one.number, one.reference, number_of(prompt, one.reference)) for one in users
        ]
        return uses, sorted(used_by, key=lambda one: (one.prompt.name, one.number, one.reference))

    def _head(self) -> str | None:
        return self._store.index.read(change_queries.newest)

    def _node(self, source: Source, reference: Reference) -> Node:
        prompt = source.named(reference.name)
        number = number_of(prompt, reference)
        if number is None:
            if reference.label is not None:
                raise LabelNotFound(prompt.name, reference.label)
            raise VersionNotFound(prompt.name, reference.which, prompt.newest.number)
        version = prompt.newest
        if number != version.number:
            found = self._store.index.read(version_queries.version, prompt.id, number)
            if found is None:  # `main` was rewritten meanwhile
                raise VersionNotFound(prompt.name, reference.which, prompt.newest.number)
            version = found
        file = front_matter.parse(self._store.repository.content(version.blob))
        return Node(prompt.id, prompt.name, number, version.id, file)


def number_of(prompt: Prompt, reference: Reference) -> int | None:
    """The number of the version that a reference to *prompt* means; None: there is no such version or label."""
    if reference.label == LATEST:
        return prompt.newest.number
    number = reference.number if reference.label is None else prompt.labels.get(reference.label)
    return number if number is not None and 1 <= number <= prompt.newest.number else None
