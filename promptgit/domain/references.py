"""References: prompts within prompts. One rule for all faces; pure functions, no I/O.

In a text, or in a message of a chat, `@@@langfusePrompt:name=a|label=b@@@` stands for the text of the prompt `a` at its
label `b`, and `@@@langfusePrompt:name=a|version=3@@@` for that of its version 3. Front matter has none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from promptgit.domain import front_matter, names
from promptgit.domain.front_matter import Message, Placeholder, PromptFile
from promptgit.errors import (
    LabelNotFound,
    NameNotFound,
    PromptDeleted,
    Unresolvable,
    VersionNotFound,
)

_MARK = b"@@@langfusePrompt:"
# A name has no mark in it, since it has no colon: so no part of a text is looked through once for each mark before it.
_NAME = r"(?:[^|\n@]++|@(?!@@langfusePrompt:))++"
_REFERENCE = re.compile(rf"@@@langfusePrompt:name=({_NAME})\|(version|label)=([^|\n]+?)@@@")
_NUMBER = re.compile("[1-9][0-9]{0,17}", re.ASCII)  # SQLite's integers go further than that
_NOT_THERE = (NameNotFound, PromptDeleted, LabelNotFound, VersionNotFound)
MOST_LEVELS = 5
_CHARACTERS = 4 << 20  # of all inserted texts: references to references multiply

Said = str | tuple[Message | Placeholder, ...]


class Reference(NamedTuple):
    """What a text refers to: the prompt of a name at *which* `version` or `label`, its *kind*."""

    name: str
    kind: str
    which: str

    @property
    def label(self) -> str | None:
        """The label, if it is by one; it may be `latest`."""
        return self.which if self.kind == "label" else None

    @property
    def number(self) -> int | None:
        """The number of the version, if it is by one, and that is a number."""
        return int(self.which) if self.kind == "version" and _NUMBER.fullmatch(self.which) else None


@dataclass(frozen=True, slots=True)
class Node:
    """One version of a prompt with its file; *id* is the version's."""

    prompt_id: str
    name: str
    version: int
    id: str
    file: PromptFile


Find = Callable[[Reference], Node]
"""Finds the version that a reference names; raises NameNotFound, PromptDeleted, LabelNotFound or VersionNotFound."""


class PutIn(NamedTuple):
    """A version that was put in where another one refers to it by *reference*."""

    parent: Node
    reference: Reference
    node: Node


class Resolved(NamedTuple):
    """What a prompt says with all references replaced, and what was put in, in this order, each once."""

    prompt: Said
    put_in: tuple[PutIn, ...]


def in_file(data: bytes) -> list[Reference]:
    """The references in a prompt's file, each once, in order."""
    return in_prompt(front_matter.parse(data).prompt) if may_be_in(data) else []


def in_prompt(prompt: Said) -> list[Reference]:
    """The references in a text, or in the messages of a chat, each once, in order."""
    texts = [prompt] if isinstance(prompt, str) else [said.content for said in prompt if isinstance(said, Message)]
    return list(dict.fromkeys(_reference(found) for text in texts for found in _REFERENCE.finditer(text)))


def may_be_in(data: bytes) -> bool:
    """False if a file certainly has no reference: then nothing of it needs to be parsed."""
    return _MARK in data


def resolve(root: Node, find: Find) -> Resolved:
    """What a prompt says with all references replaced.

    Raises:
        Unresolvable: a reference leads to no text, or in a circle, or there are too many.
    """
    resolution = _Resolution(root.name, cache(find))
    prompt: Said = root.file.prompt
    if isinstance(prompt, str):
        prompt = resolution.text(prompt, root, (root.prompt_id,))
    else:
        prompt = tuple(
            replace(said, content=resolution.text(said.content, root, (root.prompt_id,)))
            if isinstance(said, Message)
            else said
            for said in prompt
        )
    return Resolved(prompt, tuple(resolution.put_in.values()))


class _Resolution:
    def __init__(self, name: str, find: Find) -> None:
        self.put_in: dict[tuple[str, Reference], PutIn] = {}
        self._name = name
        self._find = find
        self._left = _CHARACTERS

    def text(self, text: str, node: Node, above: tuple[str, ...]) -> str:
        """*text*, which is in *node*, with its references replaced; *above*: ids of the referring prompts."""

        def put_in(found: re.Match[str]) -> str:
            reference = _reference(found)
            try:
                child = self._find(reference)
            except _NOT_THERE as error:
                raise self._refusal(f"refers to what is not there: {str(error).rstrip('.')}") from None
            said = child.file.prompt
            if child.prompt_id in above:
                raise self._refusal(f"leads in a circle with its reference {found[0]!r}")
            if len(above) > MOST_LEVELS:
                raise self._refusal(f"has references on more than {MOST_LEVELS} levels; the last is {found[0]!r}")
            if not isinstance(said, str):
                raise self._refusal(f"refers with {found[0]!r} to a chat; refer to a text")
            self._left -= len(said)
            if self._left < 0:
                raise self._refusal(f"refers to more than {_CHARACTERS:,} characters of other prompts")
            self.put_in.setdefault((node.id, reference), PutIn(node, reference, child))
            return self.text(said, child, (*above, child.prompt_id))

        return _REFERENCE.sub(put_in, text)

    def _refusal(self, reason: str) -> Unresolvable:
        return Unresolvable(self._name, reason)


def _reference(found: re.Match[str]) -> Reference:
    return Reference(names.canonical(found[1]), found[2], found[3])
