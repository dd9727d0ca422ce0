"""What changed between two contents, as rows for a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from markupsafe import Markup

from promptgit.http.web import shown, words
from promptgit.http.web.words import Piece
from promptgit.service.catalogue import changes

_CONTEXT = 2  # lines around a change that stay open
_FEWEST_FOLDED = 4  # lines
_MOST_LINES = 5_000  # changed lines that are shown: more of them would take seconds
_LONG = 600  # characters: a longer unchanged part of a line is folded
_EDGE = 200  # characters of it that stay open at each end


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the old side, of the new side, or of both, with their numbers, from 1; *pieces* are of both sides."""

    old: int | None
    new: int | None
    pieces: list[Piece]
    apart: bool = False  # two lines that have nothing in common, side by side

    def side(self, gone: bool) -> Markup:
        """The old line if *gone*, else the new one."""
        kept = ("same", "gone" if gone else "new")
        return _shown([piece for piece in self.pieces if piece.kind in kept], self._is_whole)

    @property
    def merged(self) -> Markup:
        """The old and the new line as one."""
        return _shown(self.pieces, self._is_whole)

    @property
    def kind(self) -> str:
        """The CSS class, which colours the row."""
        if self.old and self.new:
            return "same" if all(piece.kind == "same" for piece in self.pieces) else "changed"
        return "gone" if self.old else "new"

    @property
    def parts(self) -> list[Row]:
        """The rows for a page with one column."""
        if not self.apart:
            return [self]
        return [Row(self.old, None, self.pieces[:1]), Row(None, self.new, self.pieces[1:])]

    @property
    def _is_whole(self) -> bool:
        return self.apart or not (self.old and self.new)


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded lines, which did not change; *old* and *new* are the numbers of the first one, from 1."""

    old: int
    new: int
    count: int
    text: Markup


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows and folded lines in order; how many lines were added and removed, and how many of them are not shown."""

    blocks: list[Row | Folded]
    added: int
    removed: int
    omitted: int


def compare(old: bytes, new: bytes) -> Difference:
    """What changed from *old* to *new*."""
    if _has_crlf_alone(old) and _has_crlf_alone(new):
        old, new = old.replace(b"\r\n", b"\n"), new.replace(b"\r\n", b"\n")
    before, after = _lines(old), _lines(new)
    lines = [line.decode(errors="replace") for line in before], [line.decode(errors="replace") for line in after]
    if old and new and old.endswith(b"\n") != new.endswith(b"\n"):
        last = int(old.endswith(b"\n"))
        lines[last][-1] += shown.NO_NEWLINE
        (before, after)[last][-1] += b"\0"
    blocks: list[Row | Folded] = []
    added = removed = shown_lines = at = new_at = 0
    for run in changes(before, after):
        gone, came = run.end - run.start, run.new_end - run.new_start
        if shown_lines < _MOST_LINES:
            blocks += _unchanged(lines[0], at, run.start, new_at, first=not blocks)
            room = _MOST_LINES - shown_lines
            last, new_last = min(run.end, run.start + room), min(run.new_end, run.new_start + room)
            blocks += _changed(lines[0], lines[1], run.start, last, run.new_start, new_last)
            shown_lines += last - run.start + new_last - run.new_start
        removed += gone
        added += came
        at, new_at = run.end, run.new_end
    omitted = added + removed - shown_lines
    if not omitted:
        blocks += _unchanged(lines[0], at, len(before), new_at, first=not blocks, last=True)
    return Difference(blocks, added, removed, omitted)


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _has_crlf_alone(data: bytes) -> bool:
    return data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")


def _unchanged(
    lines: Sequence[str], start: int, end: int, new: int, *, first: bool = False, last: bool = False
) -> Iterator[Row | Folded]:
    head = start if first else min(start + _CONTEXT, end)
    tail = end if last else max(end - _CONTEXT, head)
    if tail - head < _FEWEST_FOLDED:
        head = tail = end
    shift = new - start
    for at in range(start, head):
        yield Row(at + 1, at + 1 + shift, [Piece("same", lines[at])])
    if tail > head:
        yield Folded(head + 1, head + 1 + shift, tail - head, shown.text("\n".join(lines[head:tail])))
    for at in range(tail, end):
        yield Row(at + 1, at + 1 + shift, [Piece("same", lines[at])])


def _changed(old: Sequence[str], new: Sequence[str], start: int, end: int, new_start: int, new_end: int) -> list[Row]:
    rows: list[Row] = []
    at, new_at = start, new_start
    pairs = words.compare(old[start:end], new[new_start:new_end]) if start < end and new_start < new_end else []
    for pair in pairs:
        rows += _unpaired(old, new, range(at, start + pair.old), range(new_at, new_start + pair.new))
        at, new_at = start + pair.old + 1, new_start + pair.new + 1
        rows.append(Row(at, new_at, pair.pieces))
    return rows + _unpaired(old, new, range(at, end), range(new_at, new_end))


def _unpaired(old: Sequence[str], new: Sequence[str], gone: range, came: range) -> list[Row]:
    rows: list[Row] = []
    for one, other in zip_longest(gone, came):
        pieces = [Piece("gone", old[one])] if one is not None else []
        pieces += [Piece("new", new[other])] if other is not None else []
        rows.append(
            Row(None if one is None else one + 1, None if other is None else other + 1, pieces, apart=len(pieces) == 2)
        )
    return rows


def _shown(pieces: Sequence[Piece], whole: bool) -> Markup:
    return Markup("").join(_piece(piece, whole) for piece in pieces)


def _piece(piece: Piece, whole: bool) -> Markup:
    kind, value = piece
    if kind != "same":
        text = shown.text(value)
        if whole:
            return text  # the colour of the row marks it
        mark = Markup("<del>{}</del>") if kind == "gone" else Markup("<ins>{}</ins>")
        return mark.format(text)
    if len(value) <= _LONG:
        return shown.text(value)
    return Markup("{}<details class=stretch><summary>{:,} characters unchanged</summary>{}</details>{}").format(
        shown.text(value[:_EDGE]), len(value) - 2 * _EDGE, shown.text(value[_EDGE:-_EDGE]), shown.text(value[-_EDGE:])
    )
