"""Figures of rounds, rows of two sides, and how they are shown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

ROUNDS = 3
_FEWEST_FOR_P99 = 100  # of fewer, the 99th percentile is the slowest one

Key = Literal["rate", "p50", "p99", "cpu", "memory"]

HEAD = """\
| operation | rate | p50 ms | p99 ms | floor | floor's | ratio |
| --- | ---: | ---: | ---: | --- | ---: | ---: |"""
FOOT = (
    f"Each figure is the median of {ROUNDS} rounds, those of promptgit and of its floor in turn. The ratio says how "
    "many times the floor's time (or memory) promptgit takes: 1 is the floor, less is better than it."
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one round gave: a rate per second, times in ms, CPU in ms per request, memory in MB."""

    rate: float | None = None
    p50: float | None = None
    p99: float | None = None
    cpu: float | None = None
    memory: float | None = None


def figures(seconds: Sequence[float], elapsed: float | None = None, cpu: float | None = None) -> Figures:
    """The figures of a round of single times; with *elapsed*, of the whole round, the rate too. All in seconds."""
    times = sorted(seconds)
    return Figures(
        rate=len(times) / elapsed if elapsed else None,
        p50=statistics.median(times) * 1000,
        p99=times[len(times) * 99 // 100] * 1000 if len(times) >= _FEWEST_FOR_P99 else None,
        cpu=cpu * 1000 / len(times) if cpu is not None else None,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; *by* is the figure that is compared."""

    operation: str
    floor: str
    by: Key
    own: list[Figures]
    bare: list[Figures]

    @property
    def ratio(self) -> float:
        """How many times the floor's cost."""
        own, bare = median(self.own, self.by), median(self.bare, self.by)
        assert own is not None
        assert bare is not None
        return bare / own if self.by == "rate" else own / bare

    def markdown(self) -> str:
        """The line of the table."""
        by_time = self.by in ("rate", "p50")
        rate = _shown(self.own, "rate" if by_time else self.by)
        p50, p99 = (_shown(self.own, key) if by_time else "" for key in ("p50", "p99"))
        floor = _shown(self.bare, self.by) + (" ms" if self.by == "p50" else "")
        return f"| {self.operation} | {rate} | {p50} | {p99} | {self.floor} | {floor} | {_three_digits(self.ratio)} |"

    def json(self) -> dict[str, object]:
        """The row with its medians, and every round as it was."""
        sides = {"own": self.own, "bare": self.bare}
        medians = {
            side: {key: median(rounds, key) for key in ("rate", "p50", "p99", "cpu", "memory")}
            for side, rounds in sides.items()
        }
        return asdict(self) | {"median": medians, "ratio": self.ratio}


def compare(operation: str, floor: str, by: Key, own: Callable[[], Figures], bare: Callable[[], Figures]) -> Row:
    """Measure both sides in turn, so that noise hits both."""
    row = Row(operation, floor, by, [], [])
    for _ in range(ROUNDS):
        row.own.append(own())
        row.bare.append(bare())
    return row


def median(rounds: Sequence[Figures], key: Key) -> float | None:
    """The median of a figure over the rounds; None where it means nothing."""
    values: list[float] = [value for one in rounds if (value := getattr(one, key)) is not None]
    return statistics.median(values) if values else None


_UNITS: dict[Key, str] = {"rate": "/s", "p50": "", "p99": "", "cpu": " ms CPU", "memory": " MB"}


def _shown(rounds: Sequence[Figures], key: Key) -> str:
    value = median(rounds, key)
    return "" if value is None else _three_digits(value) + _UNITS[key]


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
