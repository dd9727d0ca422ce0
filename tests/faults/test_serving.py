"""The server's promises that take long to try: many stops, a worker that hangs."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.faults import LONG
from tests.support import Http, Server, processes_of, wait_for
from tests.test_stop import assert_nothing_lost, end_of, load

STOPS = 50 if LONG else 2


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("_run", range(STOPS // 2))
def test_a_stop_under_load_answers_whoever_is_connected(tmp_path: Path, keep_alive: bool, _run: int) -> None:
    with Server(tmp_path / "data") as server, load(server, keep_alive=keep_alive) as run:
        server.process.send_signal(signal.SIGTERM)
        assert end_of(server) == 0
    assert_nothing_lost(tmp_path / "data", run)


@pytest.mark.skipif(not LONG, reason="of the long form: make faults")
def test_a_worker_that_hangs_is_replaced_within_a_minute(tmp_path: Path) -> None:
    """Stopped, it is to the master what one is that spins with Python's lock; `/metrics` goes on counting."""
    with Server(tmp_path / "data", "--workers", "1") as server:
        http = Http(server.url)
        assert http("GET", "/healthz").status == 200
        (worker,) = (one for one in processes_of(server.process.pid) if int(one.name) != server.process.pid)
        start = time.monotonic()
        os.kill(int(worker.name), signal.SIGSTOP)
        wait_for(lambda: not worker.exists() or (worker / "stat").read_text().split()[2] == "Z")
        assert time.monotonic() - start < 60
        again = Http(server.url)
        assert again("GET", "/healthz").status == 200
        wait_for(lambda: b'route="/healthz",status="200"} 2.0' in again("GET", "/metrics").body)
