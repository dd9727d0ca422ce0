"""The description of a commit of several changes, where the caller gives none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from promptgit.service.items import NEWEST, Delete, Item, Point, Rename, Restore, Save, Tell
from promptgit.service.subjects import Subject

_MOST = 100  # lines that say one change each
_OTHERS = {"move": "label", "remove": "label", "set": "check"}
_WORDS = {"create": "prompt", "update": "prompt", "rename": "prompt", "delete": "prompt", "restore": "prompt"}


class Done(NamedTuple):
    """A change that is made: *reason* is the description of a commit that makes it alone, *line* says it among others.

    *kind* is `create`, `update`, `rename`, `delete`, `restore`, `move` or `remove` (of a label), or `set` (of a check);
    *prompt* is the prompt's name before.
    """

    kind: str
    prompt: str
    reason: str
    line: str


def reason_of(done: Sequence[Done]) -> str:
    """What one commit of all these changes says; what is done to one prompt is said as a commit of its own says it."""
    if len({one.prompt for one in done}) == 1:
        main = [one.reason for one in done if one.kind in _WORDS]
        return main[0] if main else "\n".join(one.reason for one in done)
    counts = Counter(one.kind for one in done)
    summary = ", ".join(_count(kind, counts[kind]) for kind in dict.fromkeys(one.kind for one in done))
    return listed(summary[:1].upper() + summary[1:], [one.line for one in done])


def listed(summary: str, lines: Sequence[str]) -> str:
    """A description of a first line, and of the first hundred of *lines*."""
    rest = len(lines) - _MOST
    more = [f"and {rest:,} more"] if rest > 0 else []
    return "\n".join([summary, "", *lines[:_MOST], *more])


def _count(kind: str, count: int) -> str:
    noun = (_WORDS | _OTHERS)[kind]
    return f"{kind} {count:,} {noun}{'' if count == 1 else 's'}"


def done_of(subject: Subject, item: Item) -> Done:
    """What an item, which changes something, does to its prompt."""
    name = subject.before
    match item.action:
        case Point(label, number):
            if number is None:
                reason = f"Remove the label {label} of {name}"
                return Done("remove", name, reason, reason)
            reason = f"Point {label} at version {subject.number if number == NEWEST else number} of {subject.name}"
            return Done("move", name, reason, reason)
        case Tell(number, told):
            reason = f"Check {told.check} of version {number} of {name}: {told.state}"
            return Done("set", name, reason, reason)
        case Save():
            kind = "update" if subject.was_living else "create"
            line = f"{kind.capitalize()} {name}"
        case Rename(new):
            kind, line = "rename", f"Rename {name} to {new}"
        case Delete():
            kind, line = "delete", f"Delete {name}"
        case Restore(number):
            kind, line = "restore", f"Restore version {number} of {name}"
    assert subject.plan is not None
    return Done(kind, name, subject.plan.reason, line)
