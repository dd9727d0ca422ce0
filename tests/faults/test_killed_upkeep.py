"""Upkeep is killed with all its children: the next one works at once."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from promptgit.service.service import Service
from promptgit.store.store import Store
from tests.faults.tracing import expect_strace
from tests.support import PROMPTGIT, assert_sound, command, environment, wait_for


def test_an_upkeep_after_one_that_was_killed_works_at_once(store: Store, service: Service, repository: Path) -> None:
    """It was killed while git held its lock of the multi-pack index."""
    expect_strace()
    service.create("1", name="a")
    lock = repository / "objects" / "pack" / "multi-pack-index.lock"
    held = ["strace", "-f", "-o", "/dev/null", f"--trace-path={lock}", "-e", "inject=rename:delay_enter=60s"]
    upkeep = [PROMPTGIT, "upkeep", "--data", str(store.folder)]
    with subprocess.Popen([*held, *upkeep], env=environment(), start_new_session=True) as child:
        wait_for(lambda: lock.exists() or child.poll() is not None)
        os.killpg(child.pid, signal.SIGKILL)
    assert lock.exists()
    done = command("upkeep", "--data", str(store.folder))
    assert done.returncode == 0, done.stderr
    assert_sound(repository)
