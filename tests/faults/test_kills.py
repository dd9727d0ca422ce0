"""All processes of a server are killed while clients write: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from tests.faults import attempts
from tests.faults.checker import check
from tests.faults.known import Known
from tests.faults.load import Load
from tests.faults.writers import Client, gate
from tests.support import Server, command

pytestmark = pytest.mark.slow

SERVERS, KILLS = attempts(1, 2, 4), attempts(2, 15, 250)
"""How many servers there are at the same time, and how many kills each takes."""
FOLDER_KILLS = 50
"""How many of them on one data folder: a check takes the longer the more commits there are."""


def test_a_server_killed_in_the_middle_of_writes_loses_nothing_acknowledged(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Four clients make writes of every kind; kill -9 at a random moment, a look at what is left, a start, and so on.

    Nobody repairs anything. What was not answered is sent again with its key after the start, and is made once.
    """
    with ThreadPoolExecutor(SERVERS) as pool:
        runs = list(pool.map(_run, [tmp_path / str(at) for at in range(SERVERS)]))
    record_property("kills", sum(len(run.seconds) for run in runs))
    record_property("writes acknowledged, 0 lost", sum(run.acknowledged for run in runs))
    record_property("of them sent again after a kill, 0 doubled", sum(run.settled for run in runs))
    starts, writes = zip(*(one for run in runs for one in run.seconds), strict=True)
    for name, found in (("from the start to the first write", starts), ("from listening to the first write", writes)):
        record_property(f"s {name} (median)", f"{median(found):.3f}")
        record_property(f"s {name} (maximum)", f"{max(found):.3f}")


@dataclass
class _Run:
    """What happened to one data folder: *seconds* has, of each start, what `_killed` tells."""

    seconds: list[tuple[float, float]] = field(default_factory=list)
    acknowledged: int = 0
    settled: int = 0


def _run(folder: Path) -> _Run:
    run, chance = _Run(), random.Random(folder.name)
    for at in range(0, KILLS, FOLDER_KILLS):
        data = folder / str(at)
        with Server(data) as server:
            gate(data / "prompts.git")
            assert server.stop() == 0
        first, load = Client(server.url, "first"), Load([server.url], gated=True)
        for _ in range(min(FOLDER_KILLS, KILLS - at)):
            run.seconds.append(_killed(data, first, load, chance))
            known = Known.joined([first.known, load.known()])
            assert not known.refused
            check(data / "prompts.git", known)
        with Server(data) as server:
            load.move(server.url)
            load.settle()
            assert server.stop() == 0
        check(data / "prompts.git", load.known())
        checked = command("check", "--data", str(data))
        assert checked.returncode == 0, checked.stdout
        run.acknowledged += load.acknowledged + first.acknowledged
        run.settled += load.settled
    return run


def _killed(folder: Path, first: Client, load: Load, chance: random.Random) -> tuple[float, float]:
    """Start a server, kill it under the load; the seconds to the first write from the start, and from listening."""
    start = time.monotonic()
    with Server(folder) as server:
        listens = time.monotonic()
        first.move(server.url)
        answer = first.create()
        end = time.monotonic()
        assert answer is not None and answer.status == 201, answer
        load.move(server.url)
        with load:
            load.until(load.versions + chance.randrange(4, 16))
            threading.Event().wait(chance.uniform(0, 0.03))  # so that the kill comes at any moment of a write
            server.kill()
    return end - start, end - listens
