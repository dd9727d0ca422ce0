"""Reads and saves at once: how much of their rate readers keep while others save."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench import histories
from tests.bench.connection import build
from tests.bench.histories import HISTORY_URL
from tests.bench.lab import Lab, Operation
from tests.bench.report import Figures, Row, compare
from tests.bench.samples import text
from tests.bench.server import promptgit

_CLIENTS = 8  # that read, and as many that save
_VERSIONS = 1_000
_SECONDS = 10
_TEXTS = 1_000  # each save's differs from the ones before it
_WARM_UP = 0.5  # seconds


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    return [Operation(f"newest, while {_CLIENTS} clients save", _newest)]


def _newest(lab: Lab, name: str) -> Iterator[Row]:
    folder, seconds = lab.fresh(), max(1, lab.some(_SECONDS))
    histories.make(folder, histories.one_long(lab.some(_VERSIONS)))
    reads = [build("GET", HISTORY_URL)] * _CLIENTS, _CLIENTS
    saves = [build("PUT", HISTORY_URL, {"content": text(number)}) for number in range(_TEXTS)], _CLIENTS
    saving: list[Figures] = []
    undisturbed: list[Figures] = []
    with promptgit(folder) as server:

        def beside() -> Figures:
            reading, other = lab.load.mix(server.address, [reads, saves], seconds)
            saving.append(other)
            return reading

        def alone() -> Figures:
            undisturbed.extend(lab.load.mix(server.address, [saves], seconds))
            return lab.load.mix(server.address, [reads], seconds)[0]

        lab.load.mix(server.address, [reads, saves], _WARM_UP)
        yield compare(name, "the same, alone", "rate", beside, alone)
    yield Row(f"save, while {_CLIENTS} clients read the newest", "the same, alone", "rate", saving, undisturbed)
