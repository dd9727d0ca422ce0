"""Figures of rounds, rows of two sides, and how they are shown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

ROUNDS = 3
_FEWEST_FOR_P99 = 100  # of fewer, the 99th percentile is the slowest one

Key = Literal["rate", "p50", "p99", "cpu", "memory"]

HEAD = """\
| operation | rate | p50 ms | p99 ms | floor | floor's | ratio | peer | ratio |
| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |"""
FLASK = "a bare Flask route"
_FOOT = (
    f"Each figure is the median of {ROUNDS} rounds, those of promptgit, of its floor and of its peers in turn. The "
    "ratio says how many times the floor's time (or memory) promptgit takes: 1 is the floor, less is better than it."
)
_FOOT_PEERS = (
    "The last ratio says the same of the peer's time. A peer's histories are made through its own API, and are the "
    "shortest ones of this table."
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one round gave: a rate per second, times in ms, CPU in ms per request, memory in MB."""

    rate: float | None = None
    p50: float | None = None
    p99: float | None = None
    cpu: float | None = None
    memory: float | None = None


def figures(seconds: Sequence[float], elapsed: float | None = None) -> Figures:
    """The figures of a round of single times; with *elapsed*, of the whole round, the rate too. All in seconds."""
    times = sorted(seconds)
    return Figures(
        rate=len(times) / elapsed if elapsed else None,
        p50=statistics.median(times) * 1000,
        p99=times[len(times) * 99 // 100] * 1000 if len(times) >= _FEWEST_FOR_P99 else None,
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; *by* is the figure that is compared."""

    operation: str
    floor: str
    by: Key
    own: list[Figures]
    bare: list[Figures]
    peer: dict[str, list[Figures]] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times the floor's cost."""
        ratio = self.ratio_to(self.bare)
        assert ratio is not None
        return ratio

    def ratio_to(self, other: Sequence[Figures]) -> float | None:
        """How many times another side's cost; None if that side has failed."""
        own, cost = median(self.own, self.by), median(other, self.by)
        if own is None or cost is None:
            return None
        return cost / own if self.by == "rate" else own / cost

    def markdown(self) -> str:
        """The line of the table."""
        by_time = self.by in ("rate", "p50")
        rate = _shown(self.own, "rate" if by_time else self.by)
        p50, p99 = (_shown(self.own, key) if by_time else "" for key in ("p50", "p99"))
        peers = ", ".join(f"{name} {self._side(rounds) or 'failed'}" for name, rounds in self.peer.items())
        ratios = [_three_digits(ratio) if (ratio := self.ratio_to(rounds)) else "" for rounds in self.peer.values()]
        cells = [self.operation, rate, p50, p99, self.floor, self._side(self.bare), _three_digits(self.ratio)]
        return f"| {' | '.join([*cells, peers, ', '.join(ratios)])} |"

    def _side(self, rounds: Sequence[Figures]) -> str:
        shown = _shown(rounds, self.by)
        return shown + " ms" if shown and self.by == "p50" else shown

    def json(self) -> dict[str, object]:
        """The row with its medians, and every round as it was."""
        rounds = asdict(self)
        peers = {
            name: {"rounds": rounds["peer"][name], "median": _medians(peer), "ratio": self.ratio_to(peer)}
            for name, peer in self.peer.items()
        }
        medians = {"own": _medians(self.own), "bare": _medians(self.bare)}
        return rounds | {"median": medians, "ratio": self.ratio, "peer": peers}


def compare(
    operation: str,
    floor: str,
    by: Key,
    own: Callable[[], Figures],
    bare: Callable[[], Figures],
    peers: Mapping[str, Callable[[], Figures]] | None = None,
    *,
    rounds: int = ROUNDS,
) -> Row:
    """Measure all sides in turn, so that noise hits all."""
    peers = peers or {}
    row = Row(operation, floor, by, [], [], {name: [] for name in peers})
    for _ in range(rounds):
        row.own.append(own())
        row.bare.append(bare())
        for name, peer in peers.items():
            row.peer[name].append(peer())
    return row


def foot(rows: Sequence[Row]) -> str:
    """What the table's figures mean."""
    shares = [
        f"{100 / row.ratio:.0f} % ({row.operation})" for row in rows if row.floor == FLASK and row.by in ("rate", "p50")
    ]
    flask = f"Of the rate of {FLASK} promptgit reaches {'; '.join(shares)}." if shares else ""
    return " ".join(filter(None, [_FOOT, _FOOT_PEERS if any(row.peer for row in rows) else "", flask]))


def median(rounds: Sequence[Figures], key: Key) -> float | None:
    """The median of a figure over the rounds; None where one of them does not have it."""
    values: list[float | None] = [getattr(one, key) for one in rounds]
    known = [value for value in values if value is not None]
    return statistics.median(known) if known and len(known) == len(values) else None


def _medians(rounds: Sequence[Figures]) -> dict[str, float | None]:
    keys: tuple[Key, ...] = ("rate", "p50", "p99", "cpu", "memory")
    return {key: median(rounds, key) for key in keys}


_UNITS: dict[Key, str] = {"rate": "/s", "p50": "", "p99": "", "cpu": " ms CPU", "memory": " MB"}


def _shown(rounds: Sequence[Figures], key: Key) -> str:
    value = median(rounds, key)
    return "" if value is None else _three_digits(value) + _UNITS[key]


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
