"""Line ends: a browser sends those of a text area as CR LF, and the file keeps its own."""

from __future__ import annotations

import re
from collections import Counter

from promptgit.service.catalogue import changes

_END = re.compile(r"(\r\n|\r|\n)")


def restored(sent: str, base: str) -> str:
    """*sent*, as a browser sends it, with the line ends of *base*, the text that was edited.

    An unchanged line keeps its end, a line that replaces another takes the end of that one, and a new
    line that of the line before it.
    """
    lines, _ = _split(sent)
    old, old_ends = _split(base)
    ends = _ends(lines, old, [*old_ends, Counter(old_ends or ["\n"]).most_common(1)[0][0]])
    for at in range(len(ends) - 1):
        if ends[at] == "\r" and not lines[at + 1] and ends[at + 1].startswith("\n"):
            ends[at] = "\n"  # the two would be read as one CR LF
    return "".join(line + end for line, end in zip(lines, [*ends, ""], strict=True))


def _ends(lines: list[str], old: list[str], old_ends: list[str]) -> list[str]:
    """The end of each of *lines*, except the last one, which has none."""
    ends: list[str] = []
    at = 0
    for run in changes([line.encode() for line in old], [line.encode() for line in lines]):
        ends += old_ends[at : run.start]
        replaced = old_ends[run.start : run.end] or ends[-1:] or old_ends[:1]
        ends += [replaced[min(place, len(replaced) - 1)] for place in range(run.new_end - run.new_start)]
        at = run.end
    ends += old_ends[at:]
    return ends[: len(lines) - 1]


def _split(text: str) -> tuple[list[str], list[str]]:
    parts = _END.split(text)
    return parts[::2], parts[1::2]
