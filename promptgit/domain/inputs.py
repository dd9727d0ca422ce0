"""Declared variables: what a prompt's front matter says of the values that its text needs; pure functions, no I/O.

The client fills in texts by these rules too, and so nothing here reads YAML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from promptgit.domain.variables import braced

_FRONT = re.compile(r"---[ \t]*\r?\n.*?^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
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


class Completed(NamedTuple):
    """A text for each variable; those that still need one; and what was given for no variable that there is."""

    values: dict[str, str]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def completed(names: Iterable[str], inputs: Iterable[Input], given: Mapping[str, object]) -> Completed:
    """The values for the variables *names* of a text that declares *inputs*, from those that a caller has *given*.

    A text stands for itself, any other given value for its `str`, and any other default for its JSON.
    """
    declared = {one.name: one for one in inputs}
    values: dict[str, str] = {}
    missing = []
    for name in names:
        if name in given:
            values[name] = str(given[name])
        elif name not in declared or declared[name].is_needed:
            missing.append(name)
        else:
            values[name] = text_of(declared[name].default)
    unknown = tuple(name for name in given if name not in values and name not in declared)
    return Completed(values, tuple(missing), unknown)


def text_of(default: object) -> str:
    """What stands in a text for a default; for none, nothing."""
    if default is None:
        return ""
    return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)


class Mismatch(NamedTuple):
    """The variables that a text has and does not declare, and those that it declares and does not have."""

    undeclared: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def __str__(self) -> str:
        """A sentence; "" where all fit."""
        said = [f"does not declare {braced(self.undeclared)}"] if self.undeclared else []
        said += [f"declares {braced(self.unused)} without using it"] if self.unused else []
        return f"The text {' and '.join(said)}." if said else ""


def mismatch(names: Iterable[str], inputs: Iterable[Input]) -> Mismatch:
    """What does not fit between the variables *names* of a text and those that it declares, if it declares any."""
    declared, used = dict.fromkeys(one.name for one in inputs), dict.fromkeys(names)
    if not declared:
        return Mismatch()
    return Mismatch(
        tuple(name for name in used if name not in declared), tuple(name for name in declared if name not in used)
    )


def body_of(text: str) -> str:
    """A text without its front matter, of a text that is known to have some."""
    found = _FRONT.match(text)
    return text[found.end() :] if found else text
