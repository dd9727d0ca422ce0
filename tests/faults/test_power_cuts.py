"""The power fails: whatever was acknowledged is there afterwards."""

from __future__ import annotations

import base64
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from promptgit.auth.tokens import Scope, Tokens
from promptgit.jobs.hooks import Hooks
from promptgit.store.store import Store
from tests.faults import LONG, attempts
from tests.faults.checker import Lost, check
from tests.faults.disks import EXT4, LAZY_EXT4, TRIED, XFS, FileSystem, disk_of, standing_still
from tests.faults.known import Known
from tests.faults.load import Load
from tests.faults.tracing import FSYNCS, from_start
from tests.faults.writers import Client, gate
from tests.support import Http, Server, command, foreign_commit, git_text

CUTS, CONTROLS = attempts(2, 5, 100), attempts(1, 1, 10)
DISK_CUTS = 25
"""How many cuts one disk takes: a copy and a check take the longer the more there is on it."""
PATIENT = {"PROMPTGIT_LOCK_TIMEOUT": "3600", "PROMPTGIT_CLIENT_TIMEOUT": "3600"}
"""A server that stands still for long must not take that for a writer that keeps the lock, or for a slow client."""
HOOK = "http://127.0.0.1:9/"  # nobody listens there


@pytest.mark.parametrize("kind", TRIED, ids=str)
def test_what_was_acknowledged_survives_power_cuts(
    kind: FileSystem, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Writes of every kind, through two servers on one folder, cut at random moments."""
    chance, acknowledged = random.Random(str(kind)), 0
    for at in range(0, CUTS, DISK_CUTS):
        with disk_of(kind, tmp_path / f"disk {at}") as disk:
            folder = disk.root / "data"
            with Server(folder, **PATIENT) as one, Server(folder, **PATIENT) as other:
                gate(folder / "prompts.git")
                disk.sync()
                with Load([one.url, other.url], gated=True) as load:
                    for _ in range(min(DISK_CUTS, CUTS - at)):
                        load.until(load.versions + 20)
                        threading.Event().wait(chance.uniform(0, 0.03))  # any moment of a write
                        with standing_still(one.process.pid), standing_still(other.process.pid):
                            known = load.known()
                            with disk.after_power_cut() as left:
                                check(left / "data" / "prompts.git", known)
            refused = load.known().refused
            assert not refused, refused[0].body
            acknowledged += load.acknowledged
    record_property("cuts", CUTS)
    record_property("writes acknowledged, 0 lost", acknowledged)


@pytest.mark.parametrize(
    ("kind", "seconds"), [(LAZY_EXT4, 0), *([(EXT4, 20), (XFS, 0), (XFS, 20)] if LONG else [])], ids=str
)
def test_a_new_folder_survives_a_power_cut(kind: FileSystem, seconds: int, tmp_path: Path) -> None:
    """From the first answer on; some file systems lose files that were written up to 30 s ago.

    A server starts on what is left, without repair, and goes on.
    """
    secret = f"whsec_{base64.b64encode(bytes(32)).decode()}"
    with disk_of(kind, tmp_path / "disk") as disk:
        with Server(disk.root / "new" / "data") as server:
            client = Client(server.url, "first")
            assert client.create().status == 201
            Tokens(server.folder).create("ada", Scope.WRITE)
            commit = client.known.versions[0].commit
            hook = Hooks(server.folder).add(HOOK, ["version"], "", secret, commit, allow_private=True)
            key = (server.folder / "web.key").read_bytes()
            threading.Event().wait(seconds)
            server.kill()
        with disk.after_power_cut() as left:
            folder = left / "new" / "data"
            check(folder / "prompts.git", client.known)
            assert [token.name for token in Tokens(folder).all()] == ["ada"]
            assert [entry.what["token"] for entry in Tokens(folder).log.entries()] == ["ada"]
            assert Hooks(folder).all() == [hook]
            assert Hooks(folder).state(hook.id).cursor == commit
            assert (folder / "web.key").read_bytes() == key
            with Server(folder, PROMPTGIT_AUTH="off") as again:
                assert Http(again.url)("GET", "/readyz").status == 200
                assert Http(again.url)("GET", f"/api/prompts/{client.prompt}").json["version_number"] == 1
            assert not LONG or command("check", "--data", str(folder)).returncode == 0


@pytest.mark.parametrize("kind", TRIED, ids=str)
def test_a_backup_survives_a_power_cut(kind: FileSystem, store: Store, tmp_path: Path) -> None:
    """From the moment that the command ends well: a new one, and one that was brought up to date."""
    with disk_of(kind, tmp_path / "disk") as disk:
        dest = disk.root / "backups" / "b.git"
        for content in (b"1", b"2"):
            tip = foreign_commit(store.repository.path, {"prompts/a.md": content})
            assert command("backup", str(dest), "--data", str(store.folder)).returncode == 0
            with disk.after_power_cut() as left:
                there = left / "backups" / "b.git"
                check(there, Known())
                assert git_text(there, "-c", "safe.directory=*", "rev-parse", "main") == tip


@pytest.mark.parametrize("kind", TRIED, ids=str)
def test_a_restored_folder_survives_a_power_cut(kind: FileSystem, store: Store, tmp_path: Path) -> None:
    """What was copied there a moment before the server started is as safe as what the server writes."""
    foreign_commit(store.repository.path, {"prompts/a.md": b"1"})
    with disk_of(kind, tmp_path / "disk") as disk:
        shutil.copytree(store.repository.path, disk.root / "data" / "prompts.git")
        with Server(disk.root / "data") as server:
            client = Client(server.url, "first")
            assert client.create().status == 201
            server.kill()
        with disk.after_power_cut() as left:
            assert check(left / "data" / "prompts.git", client.known) == 3


def test_without_fsync_a_power_cut_loses_something(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """The control: where fsync does nothing, the same check fails each time."""
    with disk_of(LAZY_EXT4, tmp_path / "disk") as disk:
        for at in range(CONTROLS):
            folder = disk.root / str(at)
            with Server(folder, under=from_start(FSYNCS, "retval=0")) as server:
                gate(folder / "prompts.git")
                disk.sync()
                with Load([server.url], gated=True) as load:
                    load.until(20)
                    server.kill()
            with disk.after_power_cut() as left, pytest.raises(Lost):
                check(left / str(at) / "prompts.git", load.known())
    record_property("cuts without fsync, each of which lost something", CONTROLS)
