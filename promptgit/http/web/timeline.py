"""When a prompt changed, as strokes along a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

WIDTH = 1000
MOST = 240  # strokes; more would run into one another


@dataclass(frozen=True, slots=True)
class Timeline:
    """Paths in an SVG image, WIDTH x 24: a stroke for each version, and that of the newest one by itself."""

    strokes: str
    newest: str
    first: datetime
    last: datetime


def draw(written: Sequence[tuple[int, int]]) -> Timeline:
    """A timeline of (number, seconds since 1970), at least one, by number. Times may go back, as in git's histories."""
    times = [seconds for _, seconds in written]
    start, span = min(times), max(max(times) - min(times), 1)
    places = [round(2 + (seconds - start) * (WIDTH - 4) / span) for seconds in times]
    strokes = "".join(f"M{place} 5v14" for place in sorted(set(places[:-1])))
    return Timeline(strokes, f"M{places[-1]} 1v22", _time(start), _time(max(times)))


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
