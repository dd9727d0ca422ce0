"""What changed between two contents, as rows for a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from promptgit.http.web import shown, words
from promptgit.http.web.blocks import Difference, Folded, Row
from promptgit.http.web.words import Piece
from promptgit.service.catalogue import Run, changes

_CONTEXT = 2  # lines around a change that stay open
_FEWEST_FOLDED = 4  # lines
_MOST_LINES = 5_000  # changed lines that are shown: more of them would take seconds


def compare(old: bytes, new: bytes, *, by_word: bool = True, ignore_space: bool = False) -> Difference:
    """What changed from *old* to *new*; with *by_word* also within lines.

    With *ignore_space*, lines that differ in ASCII white space alone, line ends included, count as unchanged, and so do
    blank lines that came or went by themselves. Other white space is invisible on a page: it is not ignored.
    """
    if _has_crlf_alone(old) and _has_crlf_alone(new):
        old, new = old.replace(b"\r\n", b"\n"), new.replace(b"\r\n", b"\n")
    before, after = _lines(old), _lines(new)
    keys = [[b"".join(line.split()) for line in side] if ignore_space else side.copy() for side in (before, after)]
    lines = [[line.decode(errors="replace") for line in side] for side in (before, after)]
    if old and new and old.endswith(b"\n") != new.endswith(b"\n"):
        last = int(old.endswith(b"\n"))
        lines[last][-1] += shown.NO_NEWLINE
        (before, after)[last][-1] += b"\0"
        if not ignore_space:
            keys[last][-1] += b"\0"
    sides = _Sides(lines[0], lines[1], before, after, by_word)
    blocks: list[Row | Folded] = []
    added = removed = shown_lines = spaced = at = new_at = 0
    for run in changes(keys[0], keys[1]):
        is_open = shown_lines < _MOST_LINES
        if is_open:
            blocks += sides.unchanged(at, run.start, new_at, first=not blocks)
        spaced += sides.spaced(at, run.start, new_at)
        at, new_at = run.end, run.new_end
        gone, came = run.end - run.start, run.new_end - run.new_start
        if ignore_space and not any(keys[0][run.start : run.end] + keys[1][run.new_start : run.new_end]):
            spaced += gone + came
            blocks += sides.blank(run) if is_open else []
            continue
        removed += gone
        added += came
        if is_open:
            room = _MOST_LINES - shown_lines
            part = Run(run.start, min(run.end, run.start + room), run.new_start, min(run.new_end, run.new_start + room))
            blocks += sides.changed(part)
            shown_lines += part.end - part.start + part.new_end - part.new_start
    spaced += sides.spaced(at, len(before), new_at)
    omitted = added + removed - shown_lines
    if not omitted:
        blocks += sides.unchanged(at, len(before), new_at, first=not blocks, last=True)
    return Difference(blocks, added, removed, omitted, spaced)


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _has_crlf_alone(data: bytes) -> bool:
    return data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")


@dataclass(frozen=True, slots=True)
class _Sides:
    """The lines of both sides, as texts and as bytes."""

    old: Sequence[str]
    new: Sequence[str]
    before: Sequence[bytes]
    after: Sequence[bytes]
    by_word: bool

    def spaced(self, start: int, end: int, new: int) -> int:
        """How many of the lines from *start* to *end* are not those from *new* on, though they count as unchanged."""
        return sum(map(bytes.__ne__, self.before[start:end], self.after[new : new + end - start]))

    def unchanged(
        self, start: int, end: int, new: int, *, first: bool = False, last: bool = False
    ) -> Iterator[Row | Folded]:
        """The lines from *start* to *end*, which count as those from *new* on: the ends open, the rest folded."""
        head = start if first else min(start + _CONTEXT, end)
        tail = end if last else max(end - _CONTEXT, head)
        if tail - head < _FEWEST_FOLDED:
            head = tail = end
        shift = new - start
        yield from (self._same(at, at + shift) for at in range(start, head))
        if tail > head:
            text = shown.rows("\n".join(self.new[head + shift : tail + shift]))
            yield Folded(head + 1, head + 1 + shift, tail - head, text, self.spaced(head, tail, head + shift))
        yield from (self._same(at, at + shift) for at in range(tail, end))

    def _same(self, at: int, new: int) -> Row:
        if self.before[at] == self.after[new]:
            return Row(at + 1, new + 1, [Piece("same", self.new[new])])
        return Row(at + 1, new + 1, [Piece("gone", self.old[at]), Piece("new", self.new[new])], spaced=True)

    def changed(self, run: Run) -> list[Row]:
        """The lines of a run: those that are alike next to each other, the others as wholes."""
        rows: list[Row] = []
        at, new_at = run.start, run.new_start
        old, new = self.old[at : run.end], self.new[new_at : run.new_end]
        for pair in words.compare(old, new) if self.by_word and old and new else []:
            rows += self._unpaired(range(at, run.start + pair.old), range(new_at, run.new_start + pair.new))
            at, new_at = run.start + pair.old + 1, run.new_start + pair.new + 1
            rows.append(Row(at, new_at, pair.pieces))
        return rows + self._unpaired(range(at, run.end), range(new_at, run.new_end))

    def blank(self, run: Run) -> list[Row]:
        """The lines of a run, which are blank, and count as unchanged."""
        return self._unpaired(range(run.start, run.end), range(run.new_start, run.new_end), spaced=True)

    def _unpaired(self, gone: range, came: range, *, spaced: bool = False) -> list[Row]:
        rows: list[Row] = []
        for one, other in zip_longest(gone, came):
            pieces = [Piece("gone", self.old[one])] if one is not None else []
            pieces += [Piece("new", self.new[other])] if other is not None else []
            old, new = (None if at is None else at + 1 for at in (one, other))
            rows.append(Row(old, new, pieces, apart=len(pieces) == 2, spaced=spaced))
        return rows
