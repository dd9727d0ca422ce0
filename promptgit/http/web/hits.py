"""Where a search has found its text: in a name, or in which line of a prompt."""

from __future__ import annotations

from typing import NamedTuple

from markupsafe import Markup

from promptgit.http.web import shown

_BEFORE, _AFTER = 50, 100  # characters of a line that are shown around a hit
_CUT = "…"


class Hit(NamedTuple):
    """The first line that has the text, from 1, what a page shows of it, and how many lines more have it."""

    number: int
    line: Markup
    more: int


def found(text: str, q: str) -> Hit | None:
    """Where *text* has *q*, regardless of case; None: nowhere."""
    where, asked = _folded(text), _folded(q)
    at = where.find(asked)
    if at < 0:
        return None
    start, end = _line(text, at)
    low, high = max(start, at - _BEFORE), min(end, at + len(q) + _AFTER)
    line = marked(text[low:high].rstrip("\r"), at - low, at - low + len(q))
    before, after = _CUT if low > start else "", _CUT if high < end else ""
    more, last = 0, end
    while (at := where.find(asked, last + 1)) >= 0:
        more += 1
        _, last = _line(text, at)
    return Hit(text.count("\n", 0, start) + 1, Markup("{}{}{}").format(before, line, after), more)


def in_name(name: str, q: str) -> tuple[Markup, Markup]:
    """A prompt's folder and the rest of its name, with the first occurrence of *q* marked."""
    at = _folded(name).find(_folded(q)) if q else -1
    start, end = (at, at + len(q)) if at >= 0 else (0, 0)
    split = name.rfind("/") + 1
    folder = marked(name[:split], start, end) if split else Markup()
    return folder, marked(name[split:], start - split, end - split)


def marked(value: str, start: int, end: int) -> Markup:
    """A line of text, with boxes for what is invisible, and the characters from *start* to *end* marked."""
    low, high = (min(max(at, 0), len(value)) for at in (start, end))
    if low == high:
        return shown.line(value)
    parts = (shown.text(part) for part in (value[:low], value[low:high], value[high:]))
    return Markup('<bdi dir="auto">{}<mark>{}</mark>{}</bdi>').format(*parts)


def _line(text: str, at: int) -> tuple[int, int]:
    """Where the line begins and ends that a character is in."""
    end = text.find("\n", at)
    return text.rfind("\n", 0, at) + 1, len(text) if end < 0 else end


def _folded(text: str) -> str:
    """The text in small letters, each at its place: U+0130 alone would become two, and a final sigma another one."""
    return text.replace("\u0130", "i").lower().replace("\u03c2", "\u03c3")
