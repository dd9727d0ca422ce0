"""Starting: from the command to the first answer."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from functools import partial

from tests.bench.connection import fetch
from tests.bench.floors import timed
from tests.bench.histories import HISTORY_URL
from tests.bench.lab import Lab, Operation
from tests.bench.report import Figures, Row, compare, figures
from tests.bench.server import promptgit

_STARTS = 3


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    length = lab.some(100_000)
    return [Operation(f"start with {length:,} versions, to the first answer", partial(_start, length=length))]


def _start(lab: Lab, name: str, *, length: int) -> Iterator[Row]:
    folder = lab.history(length)

    def own() -> Figures:
        return figures([_to_first_answer() for _ in range(_STARTS)])

    def _to_first_answer() -> float:
        start = time.perf_counter()
        server = promptgit(folder)
        try:
            fetch(server.address, HISTORY_URL)
            return time.perf_counter() - start
        finally:
            server.stop()

    def bare() -> Figures:
        return figures([timed([sys.executable, "-c", "import flask, pygit2"]) for _ in range(_STARTS)])

    yield compare(name, 'python -c "import flask, pygit2"', "p50", own, bare)
