"""A server does not tire: after an hour it takes what it took at the beginning, and answers as fast.

All the while it is read, written, searched and cloned, pushes to a mirror, delivers to a hook, counts reads, is
repacked, and loses workers. At the end the history is compared with what the clients know.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from promptgit.jobs.hooks import Hooks
from tests.faults import attempts
from tests.faults.checker import check
from tests.faults.footprint import Footprint, footprint_of, median_of, python_processes
from tests.faults.mixed_load import MixedLoad, plain_server
from tests.faults.writers import gate
from tests.support import Server, command, git_text, wait_for
from tests.test_hooks import SECRET, Receiver, receiving
from tests.upstreams import bare

SECONDS = attempts(short=0, long=60, full=3_600)
LOOKS = attempts(short=6, long=60, full=360)
"""So many times a run is looked at; a sixth of an hour is ten minutes."""
KILLED = [LOOKS * tenth // 10 for tenth in (2, 4, 6, 8)]
"""The looks before which a worker is killed."""
READERS, WRITERS = 8, 3

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SECONDS, reason="of the long form, a minute: make faults; an hour: make campaigns"),
]


def test_a_server_does_not_tire(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Memory, descriptors, files and times of answers: the medians of the last sixth beside those of the first.

    Times are compared with those of a plain server at the same time.
    """
    mirror = bare(tmp_path / "mirror")
    settings = {"PROMPTGIT_MIRROR": str(mirror), "PROMPTGIT_PUSH_INTERVAL": "1"}
    with receiving() as receiver, plain_server() as plain, Server(tmp_path / "data", **settings) as server:
        repository = server.folder / "prompts.git"
        gate(repository)
        first = git_text(repository, "rev-parse", "main")
        Hooks(server.folder).add(receiver.url, ["version"], "", SECRET, first, allow_private=True)
        looks, times = [], [time.monotonic()]
        with MixedLoad(server.url, plain, tmp_path, writers=WRITERS, readers=READERS, pause=0.4) as load:
            for at in range(1, LOOKS + 1):
                due = times[0] + at * SECONDS / LOOKS
                wait_for(lambda due=due: load.wrong or time.monotonic() >= due, SECONDS)  # type: ignore[misc]
                assert not load.wrong, load.wrong[:5]
                happen(server, at)
                looks.append(footprint_of(server))
                times.append(time.monotonic())
        sixth = LOOKS // 6
        ends = median_of(looks[:sixth]), median_of(looks[-sixth:])
        levels = load.milliseconds(times[0], times[sixth]), load.milliseconds(times[-sixth], times[-1])
        tell(record_property, load, ends, levels)
        assert_nothing_lost(server, load, receiver, mirror)
        assert server.stop() == 0
    assert_not_tired(load, *ends, *levels)
    done = command("check", "--data", str(server.folder))
    assert done.returncode == 0, done.stdout


def happen(server: Server, at: int) -> None:
    """What happens to a server in the course of an hour; *at* is the number of the look."""
    if at in KILLED:
        os.kill(int(python_processes(server)[-1].name), signal.SIGKILL)  # the youngest worker: the other one grows old
    elif at == LOOKS // 2:
        os.kill(server.process.pid, signal.SIGHUP)  # new workers, and no answer is lost
    elif at % (LOOKS // 3) == 1:
        done = command("upkeep", "--data", str(server.folder))
        assert done.returncode == 0, done.stderr


def assert_nothing_lost(server: Server, load: MixedLoad, receiver: Receiver, mirror: Path) -> None:
    """What was acknowledged is there; mirror, hook and feed have been told of all of it."""
    repository = server.folder / "prompts.git"
    check(repository, load.known())
    line = git_text(repository, "rev-list", "--first-parent", "--reverse", "main").split()
    assert load.followed == line[1 : len(load.followed) + 1]
    assert len(load.followed) > len(line) // 2  # it is a moment behind
    wait_for(lambda: git_text(mirror, "rev-parse", "main") == line[-1], 600)
    saved = {version.commit for version in load.known().versions}
    wait_for(lambda: saved <= {change["commit"] for change in list(receiver.got)}, 600)


def assert_not_tired(
    load: MixedLoad, first: Footprint, last: Footprint, before: dict[str, float], after: dict[str, float]
) -> None:
    """The bounds leave room for a history that has grown, and for other work on the machine."""
    assert last.memory <= 1.5 * first.memory + 32, (first, last)
    assert last.descriptors <= 1.5 * first.descriptors + 32, (first, last)
    assert last.removed <= 2 * first.removed + 200, (first, last)
    assert last.files <= 2 * first.files + 200, (first, last)
    assert last.log <= 2 * first.log + 16, (first, last)
    busier = max(1, after["plain server"] / before["plain server"])  # by other work on the machine
    assert all(after[group] <= 3 * busier * before[group] + 50 for group in before), (before, after)
    assert load.broken <= len(KILLED) * (READERS + WRITERS + 2)  # each client once for each worker that was killed


def tell(
    record_property: Callable[[str, object], None],
    load: MixedLoad,
    ends: tuple[Footprint, Footprint],
    levels: tuple[dict[str, float], dict[str, float]],
) -> None:
    """The figures of docs/trust.md."""
    record_property("requests", load.count())
    record_property("writes", load.count("write"))
    record_property("clones", load.count("clone"))
    record_property("connections broken by killed workers", load.broken)
    for name, value in asdict(ends[0]).items():
        record_property(_SAID[name], f"{value:.1f} and {getattr(ends[1], name):.1f}")
    for group in levels[0]:
        record_property(f"ms, {group}", f"{levels[0][group]:.1f} and {levels[1][group]:.1f}")


_SAID = {
    "memory": "MiB of memory",
    "anonymous": "MiB of it that is no file's",
    "descriptors": "descriptors",
    "removed": "removed files in use",
    "files": "files in the folder",
    "log": "MiB of SQLite's logs",
}
"""The figures as they are printed, each for the first and for the last sixth."""
