"""Declared variables: what a prompt's front matter says of the values that its text needs; pure functions, no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_MEMBERS = {"default", "description", "required"}


@dataclass(frozen=True, slots=True)
class Input:
    """A declared variable; *default* is a value of JSON, and None is no default."""

    name: str
    default: Any = None
    description: str = ""
    required: bool = True

    @property
    def is_needed(self) -> bool:
        """True if a caller must give a value: it is required, and there is no default."""
        return self.required and self.default is None

    def json(self) -> dict[str, Any]:
        """The variable as the API shows it, without a description or default that it does not have."""
        described = {"description": self.description} if self.description else {}
        defaulted = {} if self.default is None else {"default": self.default}
        return {"name": self.name} | described | defaulted | {"required": self.required}


def read(declared: object) -> tuple[Input, ...] | None:
    """The variables that the front matter's `input` declares, in its order; None if it does not have this form."""
    if not isinstance(declared, dict):
        return None
    found = []
    for name, members in declared.items():
        members = {} if members is None else members
        if not isinstance(members, dict) or not members.keys() <= _MEMBERS:
            return None
        one = Input(name, **members)
        if not isinstance(one.description, str) or not isinstance(one.required, bool):
            return None
        found.append(one)
    return tuple(found)


def written(inputs: Iterable[Input]) -> dict[str, Any]:
    """The front matter's `input` that declares these variables."""
    return {one.name: _members(one) for one in inputs}


def _members(one: Input) -> dict[str, Any]:
    members = one.json()
    del members["name"]
    if one.required:
        del members["required"]
    return members


def text_of(value: object) -> str:
    """What stands in a text for a default: a text as it is, all else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
