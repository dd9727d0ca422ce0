"""What all operations share: folders, the load, and how much work is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.bench import histories
from tests.bench.load import Load
from tests.bench.peer import Peer
from tests.bench.report import Row


@dataclass
class Lab:
    """Where the benchmark runs; *quick* does a tenth of the work, *big* adds histories of a million versions."""

    folder: Path
    load: Load
    quick: bool
    big: bool
    peers: Sequence[Peer] = ()
    _made: dict[int, Path] = field(default_factory=dict)
    _count: int = 0

    def some(self, count: int) -> int:
        """*count*, or a tenth of it."""
        return max(1, count // 10) if self.quick else count

    @property
    def longest(self) -> int:
        """The versions of the longest history."""
        return self.some(1_000_000 if self.big else 100_000)

    @property
    def shortest(self) -> int:
        """The versions of the shortest history that is read as a whole, and of all that peers have."""
        return self.some(1_000)

    @cached_property
    def log(self) -> Path:
        """Where the floor's server writes its errors."""
        return self.folder / "floor.log"

    def fresh(self) -> Path:
        """A path at which nothing is yet."""
        self._count += 1
        return self.folder / f"fresh-{self._count}"

    def history(self, versions: int) -> Path:
        """A data folder with one prompt of so many versions, made once."""
        if versions not in self._made:
            folder = self.folder / f"history-{versions}"
            histories.make(folder, histories.one_long(versions))
            self._made[versions] = folder
        return self._made[versions]


@dataclass(frozen=True, slots=True)
class Operation:
    """Something to measure; it gives one row or more."""

    name: str
    run: Callable[[Lab, str], Iterator[Row]]
