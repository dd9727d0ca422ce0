"""References: in a text, `@@@langfusePrompt:name=a|label=b@@@` is replaced by the text of that prompt."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from promptgit.domain.front_matter import Message, PromptFile
from promptgit.errors import Invalid

_REFERENCE = re.compile(r"@@@langfusePrompt:name=([^|\n]+?)\|(version|label)=([^|\n]+?)@@@")
_LEVELS = 5
_CHARACTERS = 4 << 20  # of all inserted texts: references to references multiply


@dataclass(frozen=True, slots=True)
class Node:
    """One version of a prompt with its file; *id* is the version's."""

    name: str
    version: int
    id: str
    file: PromptFile


Find = Callable[[str, str, str], Node]
"""Finds a version by the name of the prompt, the word `version` or `label`, and the number or the label."""


def resolve(root: Node, find: Find) -> tuple[PromptFile, dict[str, Any] | None]:
    """A prompt with all references replaced, and the graph of the references; None if there are none.

    Raises:
        Invalid: a reference leads to no text, or in a circle, or there are too many.
    """
    resolution = _Resolution(cache(find))
    prompt: Any = root.file.prompt
    if isinstance(prompt, str):
        prompt = resolution.text(prompt, root, (root.name,))
    else:
        prompt = tuple(
            replace(said, content=resolution.text(said.content, root, (root.name,)))
            if isinstance(said, Message)
            else said
            for said in prompt
        )
    if not resolution.dependencies:
        return root.file, None
    return replace(root.file, prompt=prompt), {"root": _named(root), "dependencies": resolution.dependencies}


class _Resolution:
    def __init__(self, find: Find) -> None:
        self.dependencies: dict[str, list[dict[str, Any]]] = {}
        self._find = find
        self._left = _CHARACTERS

    def text(self, text: str, node: Node, above: tuple[str, ...]) -> str:
        """*text*, which is in *node*, with its references replaced; *above*: names of the referring prompts."""

        def put_in(found: re.Match[str]) -> str:
            child = self._find(found[1], found[2], found[3])
            said = child.file.prompt
            if child.name in above:
                raise Invalid("prompt", f"leads in a circle with its reference {found[0]!r}")
            if len(above) > _LEVELS:
                raise Invalid("prompt", f"has references on more than {_LEVELS} levels; the last is {found[0]!r}")
            if not isinstance(said, str):
                raise Invalid("prompt", f"refers with {found[0]!r} to a chat; refer to a text")
            self._left -= len(said)
            if self._left < 0:
                raise Invalid("prompt", f"refers to more than {_CHARACTERS:,} characters of other prompts")
            listed = self.dependencies.setdefault(node.id, [])
            if _named(child) not in listed:
                listed.append(_named(child))
            return self.text(said, child, (*above, child.name))

        return _REFERENCE.sub(put_in, text)


def _named(node: Node) -> dict[str, Any]:
    return {"name": node.name, "version": node.version, "id": node.id}
