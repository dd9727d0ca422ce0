"""Differences by word within lines that changed: a prompt's lines are paragraphs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from promptgit.service.catalogue import changes

Kind = Literal["same", "gone", "new"]

_KINDS: tuple[Kind, ...] = ("same", "gone", "new")
_TOKEN = re.compile(r"\w+|[^\S\n\r]+|.|\n", re.DOTALL)
_COARSE = re.compile(r" ?\w+|[^\S\n\r]+|.|\n", re.DOTALL)  # half as many tokens, in half the time
_LARGE = 40_000  # characters of both sides, from which on tokens are coarse
_HUGE = 1_000_000  # characters of both sides, from which on words are not compared
_MOST_TOKENS = 100_000  # of both sides; with more of them, words are not compared
_ALIKE = 0.4  # the part of the shorter line's characters that both lines have, if the one replaced the other


class Piece(NamedTuple):
    """A part of a line: on both sides, or on one of them alone."""

    kind: Kind
    text: str


class Pair(NamedTuple):
    """An old line and the new line that replaced it, counted from 0 among those compared, and their pieces."""

    old: int
    new: int
    pieces: list[Piece]


def compare(old: Sequence[str], new: Sequence[str]) -> list[Pair]:
    """Pairs of lines that are alike, in order, with their differences by word."""
    size = sum(map(len, (*old, *new)))
    if size > _HUGE:
        return []
    token = _COARSE if size > _LARGE else _TOKEN
    before, after = (
        [(at, found) for at, line in enumerate(side) for found in token.findall(line)] for side in (old, new)
    )
    if len(before) + len(after) > _MOST_TOKENS:
        return []
    partners = _partners([text for _, text in before], [text for _, text in after])
    shared: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for one, other in partners:
        shared[before[one][0]][after[other][0]] += len(before[one][1].strip())
    pairs: list[tuple[int, int]] = []
    for line, others in sorted(shared.items()):
        best = max(others, key=lambda other: others[other])
        least = min(len(old[line].strip()), len(new[best].strip())) * _ALIKE
        if (not pairs or best > pairs[-1][1]) and others[best] >= max(least, 1):
            pairs.append((line, best))
    return list(_pieces(pairs, before, after, partners))


def _partners(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """The index of each unchanged token, in *before* and in *after*."""
    numbers: dict[str, bytes] = {}
    sides = [[numbers.setdefault(token, b"%d" % len(numbers)) for token in side] for side in (before, after)]
    found: list[tuple[int, int]] = []
    at = new_at = 0
    for run in changes(*sides):
        found += zip(range(at, run.start), range(new_at, run.new_start), strict=True)
        at, new_at = run.end, run.new_end
    return found + list(zip(range(at, len(before)), range(new_at, len(after)), strict=True))


def _pieces(
    pairs: Sequence[tuple[int, int]],
    before: Sequence[tuple[int, str]],
    after: Sequence[tuple[int, str]],
    partners: Sequence[tuple[int, int]],
) -> Iterator[Pair]:
    sides = [
        {line: [place for place, _ in places] for line, places in groupby(enumerate(side), key=lambda item: item[1][0])}
        for side in (before, after)
    ]
    matched = dict(partners)
    for old, new in pairs:
        pieces: list[Piece] = []
        at, end = sides[1][new][0], sides[1][new][-1] + 1
        for place in sides[0][old]:
            other = matched.get(place, -1)
            if at <= other < end:
                pieces += [Piece("new", token) for _, token in after[at:other]]
                pieces.append(Piece("same", before[place][1]))
                at = other + 1
            else:
                pieces.append(Piece("gone", before[place][1]))
        pieces += [Piece("new", token) for _, token in after[at:end]]
        yield Pair(old, new, _tidied(pieces))


def _tidied(tokens: Sequence[Piece]) -> list[Piece]:
    """Neighbours of one kind as one piece; a crumb, a short unchanged text between changes, joins the changes."""
    runs: list[tuple[str, str, str]] = []  # unchanged, removed and added text
    for changed, group in groupby(tokens, key=lambda piece: piece.kind != "same"):
        run = list(group)
        if not changed:
            runs.append(("".join(piece.text for piece in run), "", ""))
            continue
        gone, new = ("".join(piece.text for piece in run if piece.kind == kind) for kind in ("gone", "new"))
        if len(runs) > 1 and (runs[-2][1] or runs[-2][2]) and _is_crumb(runs[-1][0], runs[-2], (gone, new)):
            crumb, last = runs.pop()[0], runs.pop()
            gone, new = last[1] + crumb + gone, last[2] + crumb + new
        runs.append(("", gone, new))
    pieces = (piece for run in runs for piece in map(Piece, _KINDS, run))
    return [piece for piece in pieces if piece.text]


def _is_crumb(kept: str, last: tuple[str, str, str], then: tuple[str, str]) -> bool:
    """True if an unchanged text is shorter than the changes on both sides of it, as diff-match-patch has it."""
    size = len(kept.strip())
    return size <= 12 and size < max(map(len, last[1:])) and size < max(map(len, then))
