"""What a difference consists of, as a page shows it: rows and folded lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from promptgit.http.web import shown
from promptgit.http.web.words import Piece

_LONG = 600  # characters: a longer unchanged part of a line is folded
_EDGE = 200  # characters of it that stay open at each end


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the old side, of the new side, or of both, with their numbers, from 1; *pieces* are of both sides."""

    old: int | None
    new: int | None
    pieces: list[Piece]
    apart: bool = False  # two lines that have nothing in common, side by side
    spaced: bool = False  # the sides differ in white space alone, which is ignored; each has a piece of its own

    def side(self, gone: bool) -> Markup:
        """The old line if *gone*, else the new one."""
        kept = ("same", "gone" if gone else "new")
        return _shown([piece for piece in self.pieces if piece.kind in kept], self._is_whole)

    @property
    def merged(self) -> Markup:
        """The old and the new line as one; of lines that differ in white space alone, the new one."""
        return _shown(self.pieces[-1:] if self.spaced else self.pieces, self._is_whole)

    @property
    def kind(self) -> str:
        """The CSS class, which colours the row."""
        if self.spaced or all(piece.kind == "same" for piece in self.pieces):
            return "same"
        if self.old and self.new:
            return "changed"
        return "gone" if self.old else "new"

    @property
    def is_replaced(self) -> bool:
        """True of lines that came or went as wholes."""
        return self.kind != "same" and (self.apart or not (self.old and self.new))

    @property
    def _is_whole(self) -> bool:
        return self.apart or self.spaced or not (self.old and self.new)


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded lines, which did not change; *old* and *new* are the numbers of the first one, from 1.

    The text is the new side's; *spaced* of its lines differ in white space, which is ignored.
    """

    old: int
    new: int
    count: int
    text: Markup
    spaced: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows and folded lines in order; how many lines were added and removed, and how many of them are not shown.

    *spaced* lines differ in white space alone, and count as unchanged, because it is ignored.
    """

    blocks: list[Row | Folded]
    added: int
    removed: int
    omitted: int
    spaced: int

    @property
    def column(self) -> Iterator[Row | Folded]:
        """The blocks for a page with one column: of lines that were replaced as wholes, the old ones come first."""
        for is_replaced, group in groupby(self.blocks, lambda block: isinstance(block, Row) and block.is_replaced):
            blocks = list(group)
            if not is_replaced:
                yield from blocks
                continue
            rows = [block for block in blocks if isinstance(block, Row)]
            yield from (Row(row.old, None, row.pieces[:1]) for row in rows if row.old)
            yield from (Row(None, row.new, row.pieces[-1:]) for row in rows if row.new)


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
