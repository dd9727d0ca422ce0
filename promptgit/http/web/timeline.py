"""When a prompt changed, as strokes along a line, and how long its text was, as a graph above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from promptgit.service.catalogue import Point

WIDTH = 1000
HEIGHT = 44  # of the graph
MOST = 240  # strokes; more would run into one another
_FEWEST = 3  # points of a graph
_LEAST = 0.05  # of the largest size: where sizes differ by less, the graph would be a level line
_EDGE = 2


@dataclass(frozen=True, slots=True)
class Sizes:
    """A path in an SVG image, WIDTH x HEIGHT, whose base is 0 bytes; and sizes in bytes."""

    path: str
    least: int
    most: int
    newest: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """Paths in an SVG image, WIDTH x 24: a stroke for each version, and that of the newest one by itself.

    *sizes* is None where a graph would show nothing.
    """

    strokes: str
    newest: str
    first: datetime
    last: datetime
    sizes: Sizes | None


def draw(points: Sequence[Point]) -> Timeline:
    """A timeline of versions, at least one, by number. Times may go back, as in git's histories."""
    times = [point.seconds for point in points]
    start, span = min(times), max(max(times) - min(times), 1)
    places = [round(_EDGE + (seconds - start) * (WIDTH - 2 * _EDGE) / span) for seconds in times]
    strokes = "".join(f"M{place} 5v14" for place in sorted(set(places[:-1])))
    sizes = _sizes(places, [point.size for point in points])
    return Timeline(strokes, f"M{places[-1]} 1v22", _time(start), _time(max(times)), sizes)


def _sizes(places: Sequence[int], sizes: Sequence[int | None]) -> Sizes | None:
    """Steps: a text stays as long as it is until the next version. The line never goes back, where times do."""
    known = [(place, size) for place, size in zip(accumulate(places, max), sizes, strict=True) if size is not None]
    values = [size for _, size in known]
    if len(known) < _FEWEST or max(values) - min(values) < max(values) * _LEAST:
        return None
    most = max(values)
    steps = "".join(f"H{place}V{HEIGHT - _EDGE - round((HEIGHT - 2 * _EDGE) * size / most)}" for place, size in known)
    return Sizes(f"M{known[0][0]} {HEIGHT}{steps}H{WIDTH - _EDGE}V{HEIGHT}", min(values), most, values[-1])


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
