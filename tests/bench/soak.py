"""Minutes of mixed load, and whether the server's memory grows in them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from promptgit.domain.names import id_of
from tests.bench import histories
from tests.bench.connection import build
from tests.bench.lab import Lab
from tests.bench.samples import COMMON, text
from tests.bench.server import promptgit

FEWEST = 2  # minutes: the first one, and another

_READERS, _WRITERS = 8, 2
_SECONDS = 10  # between two looks at the memory
_A_MINUTE = 60 // _SECONDS
_MOST = 1.1  # times the first minute's memory
_PROMPTS, _VERSIONS, _WRITTEN = 100, 10, 10
_TEXTS = 1_000  # each save's differs from the ones before it


@dataclass(slots=True)
class Memory:
    """What the server used, in MB, and what it answered a second; a figure for each slice of the load."""

    pss: list[float] = field(default_factory=list)
    anonymous: list[float] = field(default_factory=list)  # of that, what is no page of a file
    reads: list[float] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)

    @property
    def grew(self) -> bool:
        """Whether it grew by more than a tenth."""
        first, last = _ends(self.pss)
        return last > first * _MOST

    @property
    def sentence(self) -> str:
        """What came of it."""
        (first, last), (old, new) = _ends(self.pss), _ends(self.anonymous)
        return (
            f"The server's memory (PSS) was {first:.1f} MB in the first minute and {last:.1f} MB in the last one: "
            f"{last - first:+.1f} MB, {100 * (last / first - 1):+.1f} %; without pages of files {new - old:+.1f} MB. "
            f"It answered {statistics.median(self.reads):,.0f} reads and {statistics.median(self.saves):,.0f} saves "
            "a second."
        )

    def json(self) -> dict[str, object]:
        """Every slice, and the ends."""
        first, last = _ends(self.pss)
        return asdict(self) | {"first": first, "last": last, "difference": last - first, "grew": self.grew}


def run(lab: Lab, minutes: int) -> Memory:
    """Load a server for so long, and see what memory it uses meanwhile."""
    folder, memory = lab.fresh(), Memory()
    histories.make(folder, histories.many_prompts(_PROMPTS, _VERSIONS))
    names = list(dict.fromkeys(save.name for save in histories.many_prompts(_PROMPTS)))
    urls = [f"/api/prompts/{id_of(name)}" for name in names]
    kinds = [(_reads(urls), _READERS), (_saves(urls[:_WRITTEN]), _WRITERS)]
    with promptgit(folder) as server:
        for number in range(1, minutes * _A_MINUTE + 1):
            reads, saves = lab.load.mix(server.address, kinds, _SECONDS)
            assert reads.rate is not None and saves.rate is not None
            memory.reads.append(reads.rate)
            memory.saves.append(saves.rate)
            memory.pss.append(server.memory_mb())
            memory.anonymous.append(server.memory_mb("Pss_Anon"))
            if number % _A_MINUTE == 0:
                print(f"minute {number // _A_MINUTE}: {memory.pss[-1]:.1f} MB", file=sys.stderr, flush=True)
    return memory


def _reads(urls: Sequence[str]) -> list[bytes]:
    """Some of everything that can be read, of each prompt."""
    of_prompts = ("", "", "/versions/5", "/versions/7/content", "/versions?limit=50&order=desc", "/diff?from=1&to=2")
    of_all = (f"?limit=20&q={COMMON}", "?limit=50", "?limit=20&include=content")
    paths = [url + path for url in urls for path in of_prompts]
    return [build("GET", path) for path in [*paths, *(f"/api/prompts{query}" for query in of_all)]]


def _saves(urls: Sequence[str]) -> list[bytes]:
    return [build("PUT", urls[n % len(urls)], {"content": text(n)}) for n in range(_TEXTS)]


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """The medians of the first and of the last minute."""
    return statistics.median(values[:_A_MINUTE]), statistics.median(values[-_A_MINUTE:])
