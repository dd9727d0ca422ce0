"""A folder that can only be read, as a snapshot of a disk is."""

from __future__ import annotations

from pathlib import Path

from promptgit.service.service import Service
from promptgit.store.store import Store
from tests.faults.disks import read_only
from tests.support import command


def test_check_needs_to_write_nothing(store: Store, service: Service, tmp_path: Path) -> None:
    service.create("x", name="a")
    store.close()
    with read_only(store.folder, tmp_path / "snapshot") as folder:
        done = command("check", "--data", str(folder))
    assert (done.returncode, done.stderr) == (0, "")


def test_check_asks_for_a_copy_where_it_would_have_to_write(store: Store, service: Service, tmp_path: Path) -> None:
    """A server was killed, and part of the index is in SQLite's log."""
    service.create("x", name="a")
    log = store.index.path.with_name("index.sqlite3-wal")
    assert log.stat().st_size
    with read_only(store.folder, tmp_path / "snapshot") as folder:
        done = command("check", "--data", str(folder))
        assert done.returncode == 1
        assert done.stderr == (
            f"promptgit: {folder / log.name}: A part of the index is here, and the folder can only be read; "
            "check a copy\n"
        )
