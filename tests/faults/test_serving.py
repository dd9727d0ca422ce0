"""The server's promises that take long to try: many stops, a worker that hangs, hundreds of slow clients."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults import LONG
from tests.support import Http, Server, processes_of, wait_for
from tests.test_stop import assert_nothing_lost, end_of, load

STOPS = 50 if LONG else 2
HEAD = b"POST /api/prompts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


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


@pytest.mark.parametrize("sent", [b"", HEAD + b"Content-Len", HEAD + b'Content-Length: 100\r\n\r\n{"content": "'])
def test_hundreds_of_slow_clients_keep_nobody_waiting(tmp_path: Path, sent: bytes) -> None:
    with Server(tmp_path / "data", "--workers", "1") as server, ExitStack() as stack:
        http, address = Http(server.url), urlsplit(server.url)
        where = http("POST", "/api/prompts", {"content": "x"}).headers["Location"]
        for _ in range(500):
            client = stack.enter_context(socket.create_connection((address.hostname, address.port)))
            client.sendall(sent)
        for path in (where, "/api/prompts", "/healthz") * 5:
            start = time.monotonic()
            assert http("GET", path).status == 200
            assert time.monotonic() - start < 5  # its patience with each of them is 10 s
