"""The variables of a text, which programs fill in: one rule for all who show, compare or fill them.

A variable is `{{name}}`, blank space around the name allowed. A name is letters, digits and `_`, and does not begin
with a digit; so `{{#if x}}`, `{{a.b}}` and `{{first name}}`, which templates of other kinds have, are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

VARIABLE = re.compile(r"\{\{\s*(?P<name>[^\W\d]\w*)\s*\}\}")
"""Matches one variable of a text."""


class Change(NamedTuple):
    """The variables that one text has and another has not, each in order of first appearance."""

    added: tuple[str, ...]
    dropped: tuple[str, ...]


def names_in(text: str) -> tuple[str, ...]:
    """The names of the variables of *text*, in order of first appearance."""
    return tuple(dict.fromkeys(VARIABLE.findall(text)))


def change(old: str, new: str) -> Change:
    """Which variables *new* adds to those of *old*, and which it drops."""
    before, after = (dict.fromkeys(names_in(text)) for text in (old, new))
    return Change(
        tuple(name for name in after if name not in before), tuple(name for name in before if name not in after)
    )


def braced(names: Iterable[str]) -> str:
    """Names as they stand in a text, for a sentence."""
    return ", ".join(f"{{{{{name}}}}}" for name in names)
