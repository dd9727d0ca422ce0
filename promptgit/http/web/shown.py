"""Texts as people see them: escaped, with what is invisible made visible, and with variables marked.

Bidirectional and zero-width characters can make a prompt read otherwise than a model reads it (CVE-2021-42574):
each is replaced by a box with its code point, so that it has no effect on the page.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache

from markupsafe import Markup, escape

from promptgit.domain.variables import VARIABLE

# Unicode's controls, format characters and separators that draw nothing, its other ignorable characters
# (Default_Ignorable_Code_Point), all spaces except U+0020, surrogates and private-use characters.
# Not LF and tab, which the layout shows.
_INVISIBLE = (
    r"\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u070f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3164\ud800-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff"
)
_EMOJI = r"[\u00a9\u00ae\u203c-\u205e\u2070-\u3299\U0001f000-\U0001faff]"
# A joiner between emoji, and the selector of their look, belong to them.
_MARKED = re.compile(
    rf"(?P<emoji>(?:(?<={_EMOJI})|(?<=[0-9#*]))\ufe0f(?:\u200d(?={_EMOJI}))?|(?<={_EMOJI})\u200d(?={_EMOJI}))"
    rf"|(?P<invisible>[{_INVISIBLE}]+)"
)
# Letters from right to left (Bidi_Class R and AL, by blocks).
_LEFTWARDS = r"\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
# A path segment of nothing but these blanks would show nothing; only git can bring one. `_MARKED` has all other blanks.
_BLANK_SEGMENT = re.compile(r"(?:(?<=/)|\A)[\t\n \u3000]+(?=/|\Z)")
_ROWS = re.compile(rf"(?:[^\n{_LEFTWARDS}]*\n)+|[^\n]*\n|[^\n]+")  # lines without such letters, or one line
NO_NEWLINE = "\udfff"  # in no text: what is decoded has no lone surrogate
_NAMES = {
    "\t": "TAB",
    "\r": "CARRIAGE RETURN",
    "\n": "LINE FEED",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
    NO_NEWLINE: "The text ends here, without a newline",
}
_SHORT = {"\r": "CR", "\n": "LF", "\x1b": "ESC", "\u00a0": "NBSP", NO_NEWLINE: "no newline"}
_MOST_IN_A_ROW = 64

# The same set for a script's RegExp with the flag "u".
FOR_SCRIPTS = re.sub(r"\\U0*([0-9a-f]+)", r"\\u{\1}", f"[{_INVISIBLE}]")


def text(value: str) -> Markup:
    """A content, or part of one: with boxes and marked variables."""
    parts: list[str] = []
    at = 0
    for variable in VARIABLE.finditer(value):
        parts += [_boxed(value[at : variable.start()]), f'<span class="variable">{_boxed(variable[0])}</span>']
        at = variable.end()
    parts.append(_boxed(value[at:]))
    return Markup("".join(parts))  # noqa: S704  # its parts are escaped


def rows(value: str) -> Markup:
    """A content, or part of one, in blocks: each line with letters from right to left has its own.

    Where they share a block with others, Chromium mirrors the brackets of the line after them (156, 2026-11). A block
    for each line takes it five times as long: 1.2 s instead of 0.2 s for 500 KB. A CR without LF ends a line, too.
    """
    html = str(text(re.sub(r"\r(?!\n)", "\r\n", value)))
    return Markup("".join(f"<span>{lines}</span>" for lines in _ROWS.findall(html)))  # noqa: S704


def line(value: str) -> Markup:
    """A name or a description as HTML, whose direction of writing does not reach the text around it.

    Invisible characters are shown as boxes, and so is each character of a path segment that is nothing but blanks.
    """
    parts: list[str] = []
    at = 0
    for blank in _BLANK_SEGMENT.finditer(value):
        parts += [_boxed(value[at : blank.start()]), *map(box, blank[0])]
        at = blank.end()
    return Markup(f'<bdi dir="auto">{"".join(parts)}{_boxed(value[at:])}</bdi>')  # noqa: S704


def named(html: str) -> Markup:
    """HTML without elements, as of a page's title, where there are no boxes: invisible characters by their codes."""
    told = _BLANK_SEGMENT.sub(lambda found: "".join(map(_code, found[0])), str(html))
    return Markup(_MARKED.sub(lambda found: found["emoji"] or "".join(map(_code, found[0])), told))  # noqa: S704


def _code(character: str) -> str:
    return f"[{_SHORT.get(character, f'U+{ord(character):04X}')}]"


def _boxed(value: str) -> str:
    parts: list[str] = []
    at = 0
    for found in _MARKED.finditer(value):
        if found["invisible"]:
            parts.append(escape(value[at : found.start()]))
            parts += [box(one) for one in found[0][:_MOST_IN_A_ROW]]
            if (more := len(found[0]) - _MOST_IN_A_ROW) > 0:
                parts.append(f'<span class="invisible">and {more:,} more</span>')
            at = found.end()
    return "".join([*parts, escape(value[at:])])


@cache
def box(character: str) -> str:
    """The marked box that stands for a character."""
    shown = _SHORT.get(character, f"U+{ord(character):04X}")
    return Markup('<span class="invisible" title="{}">{}</span>').format(_name(character), shown)


@dataclass(frozen=True, slots=True)
class Invisible:
    """An invisible character in a text, and how often it occurs."""

    code: str
    name: str
    count: int


def invisible(value: str) -> list[Invisible]:
    """The invisible characters of a text, the most frequent first; not the CR of its line ends."""
    counted = Counter("".join(found["invisible"] or "" for found in _MARKED.finditer(value)))
    del counted["\r"]
    return [Invisible(f"U+{ord(one):04X}", _name(one), count) for one, count in counted.most_common()]


def _name(character: str) -> str:
    known = _NAMES.get(character) or unicodedata.name(character, "")
    return known or f"a character of Unicode's category {unicodedata.category(character)}"


@dataclass(frozen=True, slots=True)
class Content:
    """A version's bytes, as a page shows them."""

    data: bytes

    @property
    def text(self) -> str:
        """Its characters; U+FFFD stands for what is not UTF-8."""
        return self.data.decode(errors="replace")

    @property
    def shown(self) -> Markup:
        """The text by lines, with boxes; without boxes for CR where all lines end in CR LF, which `facts` says."""
        return rows(self.text.replace("\r", "") if self.is_crlf else self.text)

    @property
    def is_crlf(self) -> bool:
        """True if all lines end in CR LF, and there is no other CR."""
        return self._ends() == {"\r\n"}

    @property
    def facts(self) -> list[str]:
        """Its size and its form, in words."""
        lines = self.data.count(b"\n") + (not self.data.endswith(b"\n"))
        counts = (len(self.data), "byte"), (lines, "line")
        facts = [f"{count:,} {unit}{'' if count == 1 else 's'}" for count, unit in counts] if self.data else ["empty"]
        ends = self._ends()
        if len(ends) > 1:
            facts.append("mixed line ends")
        elif ends & {"\r\n", "\r"}:
            facts.append("line ends CR LF" if "\r\n" in ends else "line ends CR")
        if self.data and not self.data.endswith((b"\n", b"\r")):
            facts.append("no newline at the end")
        if self.data.startswith(b"\xef\xbb\xbf"):
            facts.append("byte order mark")
        if not self.is_utf8:
            facts.append("not UTF-8: U+FFFD stands for what cannot be read")
        return facts

    @property
    def is_utf8(self) -> bool:
        """True if the bytes are UTF-8."""
        try:
            self.data.decode()
        except UnicodeDecodeError:
            return False
        return True

    def _ends(self) -> set[str]:
        return set(re.findall(r"\r\n|\r|\n", self.text))
