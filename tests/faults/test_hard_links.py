"""File systems without hard links: nothing starts on them, and that is told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.faults import LONG
from tests.faults.disks import EXFAT, VFAT, FileSystem, disk_of
from tests.faults.tracing import from_start
from tests.support import PROMPTGIT, environment


def assert_refused(folder: Path, under: list[str]) -> None:
    """`promptgit serve` ends with one line that says what is missing, and what to do."""
    command = [*under, PROMPTGIT, "serve", "--data", str(folder), "--port", "0"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "its file system has no hard links" in done.stderr
    assert "Put the folder on another" in done.stderr
    assert [path.name for path in folder.iterdir()] == []


@pytest.mark.parametrize("error", ["EPERM", "EOPNOTSUPP"] if LONG else ["EPERM"])
def test_a_server_says_that_it_needs_hard_links(tmp_path: Path, error: str) -> None:
    """Linux says EPERM where a file system has none (link(2)); network shares say EOPNOTSUPP."""
    assert_refused(tmp_path / "data", from_start("?link,linkat", f"error={error}"))


@pytest.mark.skipif(not LONG, reason="of the long form: make faults")
@pytest.mark.parametrize("kind", [VFAT, EXFAT], ids=str)
def test_a_server_says_that_fat_has_no_hard_links(kind: FileSystem, tmp_path: Path) -> None:
    with disk_of(kind, tmp_path / "disk") as disk:
        assert_refused(disk.root / "data", [])
