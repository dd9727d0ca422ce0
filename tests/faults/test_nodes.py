"""Many clients at three nodes of one Git host, while hosts, nodes and what is between them fail.

From the records of the clients and from the histories alone it is told whether each promise was kept.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults import LONG, attempts
from tests.faults.disks import FileSystem, disk_of
from tests.faults.node_checker import check_campaign, check_nodes
from tests.faults.node_clients import Load
from tests.faults.node_cluster import FAULTS, Cluster
from tests.upstreams import host, wire

pytestmark = [pytest.mark.server, pytest.mark.slow]

MAKES = ("nginx", "daemon")
CLIENTS, MORE = (24, 30) if LONG else (8, 4)
ALONE, TOGETHER = attempts(1, 100, 450), attempts(1, 1_000, 5_100)
"""How many operations there are at least with each fault alone, and with several at a time."""
DISK = FileSystem("ext4", ("mkfs.ext4", "-q"), "", 128)


@pytest.fixture(params=MAKES)
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A host of one make and its nodes; the last node has a disk of its own, where one can be mounted."""
    folders = [tmp_path / name for name in ("one", "other", "third")]
    with ExitStack() as stack:
        upstream = stack.enter_context(host(tmp_path / "host", request.param))
        wires = [stack.enter_context(wire(upstream.port)) for _ in folders]
        try:
            folders[-1] = stack.enter_context(disk_of(DISK, tmp_path / "disk")).root / "data"
            has_disk = True
        except pytest.skip.Exception:
            has_disk = False
        made = Cluster(upstream, wires, folders, has_disk)
        stack.callback(made.close)
        yield made


def test_promises_hold_whatever_fails(cluster: Cluster, subtests: pytest.Subtests) -> None:
    """What was acknowledged is there once, what was refused is not, and reads have seen what their clients wrote.

    Each fault alone, and one within another; in the short form with one of the makes.
    """
    makes = ["http" if make == "nginx" else "git" for make in MAKES]
    for at, fault in enumerate(FAULTS):
        if LONG or cluster.host.url.startswith(makes[at % 2]):
            with subtests.test(fault):
                alone(cluster, fault)
    if LONG or cluster.host.url.startswith("git:"):
        with subtests.test("together"):
            together(cluster)
    check_nodes(cluster)


def alone(cluster: Cluster, fault: str) -> None:
    chance = random.Random(fault)
    with Load(cluster.urls, CLIENTS, fault) as load:
        load.until_done(MORE)
        while True:
            with FAULTS[fault][1](cluster, chance):
                load.until_answered(MORE)
            load.until_done(MORE)
            if load.operations >= ALONE:
                break
    finish(cluster, load, fault)


def together(cluster: Cluster) -> None:
    """Each fault meets another one."""
    chance = random.Random("together")
    with Load(cluster.urls, CLIENTS, "together") as load:
        load.until_done(MORE)
        while True:
            for one, other in pairs(chance, cluster)[: None if LONG else 1]:
                with FAULTS[one][1](cluster, chance):
                    load.until_answered(MORE)
                    with FAULTS[other][1](cluster, chance):
                        load.until_answered(MORE)
                load.until_done(MORE)
            if load.operations >= TOGETHER:
                break
    finish(cluster, load, "together")


def pairs(chance: random.Random, cluster: Cluster) -> list[tuple[str, str]]:
    """Each fault once or more, with another one of another kind, in a random order."""
    names = [name for name in FAULTS if cluster.has_disk or name != "full disk"]
    chance.shuffle(names)
    return [(one, chance.choice([other for other in names if FAULTS[other][0] != FAULTS[one][0]])) for one in names]


def finish(cluster: Cluster, load: Load, name: str) -> Counter[str]:
    """Check all that was recorded so far."""
    records = load.records()
    cluster.records.writes += records.writes
    cluster.records.reads += records.reads
    outcomes = check_campaign(cluster)
    print(f"{name}: {records.operations} operations; all so far: {dict(sorted(outcomes.items()))}")
    return outcomes
