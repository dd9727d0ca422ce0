"""The power fails: whatever was acknowledged is there afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import ROUNDS
from tests.faults.checker import Lost, check
from tests.faults.disks import LAZY_EXT4, TRIED, FileSystem, disk_of, standing_still
from tests.faults.load import Load
from tests.faults.tracing import FSYNCS, from_start
from tests.support import Server


@pytest.mark.parametrize("kind", TRIED, ids=str)
def test_what_was_acknowledged_survives_power_cuts(kind: FileSystem, tmp_path: Path) -> None:
    """Writes of every kind, through two servers on one folder."""
    with disk_of(kind, tmp_path / "disk") as disk:
        folder = disk.root / "data"
        with Server(folder) as one, Server(folder) as other, Load([one.url, other.url]) as load:
            disk.sync()
            for at in range(1, 2 * ROUNDS + 1):
                load.until(at * 20)
                with standing_still(one.process.pid), standing_still(other.process.pid):
                    known = load.known()
                    with disk.after_power_cut() as left:
                        assert check(left / "data" / "prompts.git", known) > at * 20
            assert not load.known().refused


def test_without_fsync_a_power_cut_loses_something(tmp_path: Path) -> None:
    """The control: where fsync does nothing, the same check fails."""
    with (
        disk_of(LAZY_EXT4, tmp_path / "disk") as disk,
        Server(disk.root / "data", under=from_start(FSYNCS, "retval=0")) as server,
        Load([server.url]) as load,
    ):
        disk.sync()
        load.until(20)
        server.kill()
        with disk.after_power_cut() as left, pytest.raises(Lost):
            check(left / "data" / "prompts.git", load.known())
