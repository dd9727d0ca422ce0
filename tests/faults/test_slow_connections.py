"""Hundreds of connections that do nothing, or send and read byte by byte, keep nobody else waiting."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from urllib.parse import urlsplit

import pytest

from tests.faults import attempts
from tests.faults.writers import Client
from tests.support import Answer, Http, Server

CONNECTIONS = attempts(50, 500, 500)
ROUNDS = attempts(2, 20, 100)
LARGE = "x" * 900_000

_POST = b"POST /api/prompts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
_BODY = _POST + b'Content-Length: 100000\r\n\r\n{"content": "'
KINDS = {
    "idle": (b"", b"", 0),
    "header byte by byte": (b"GET /api/prompts HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"x", 0),
    "body byte by byte": (_BODY, b"x", 0),
    "answer byte by byte": (b"GET %s/versions/1/content HTTP/1.1\r\nHost: localhost\r\n\r\n", b"", 1),
    "kept alive": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"", 1 << 16),
}
"""Of each kind: what is sent at first, what is sent again and again, and how many bytes are read each time."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of one process, with eight threads that read and 16 that write."""
    with Server(tmp_path_factory.mktemp("slow") / "data", "--workers", "1") as server:
        yield server


@pytest.mark.parametrize("kind", KINDS)
def test_slow_connections_keep_nobody_waiting(
    kind: str, server: Server, record_property: Callable[[str, object], None]
) -> None:
    """Reads and writes of others are answered, though the server has far fewer threads than there are connections."""
    first, again, size = KINDS[kind]
    with ExitStack() as stack:
        http, client, address = Http(server.url), Client(server.url, f"beside {kind}"), urlsplit(server.url)
        where = http("POST", "/api/prompts", {"name": f"large {kind}", "content": LARGE}).headers["Location"]
        client.create()
        slow = []
        for _ in range(CONNECTIONS):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect((address.hostname, address.port))
            one.sendall(first.replace(b"%s", where.encode()))
            one.setblocking(False)
            slow.append(one)
        cut, slowest = set[socket.socket](), 0.0
        for _ in range(ROUNDS):
            for one in slow:
                try:
                    one.sendall(again)
                    if size and not one.recv(size):
                        cut.add(one)  # it was given up: its patience is 10 s
                except BlockingIOError:
                    pass
                except OSError:
                    cut.add(one)
            client.connect()
            calls: list[Callable[[], Answer | None]] = [
                partial(http, "GET", where),
                partial(http, "GET", "/api/prompts?limit=1"),
                client.save,
                partial(Http(server.url), "GET", "/healthz"),
            ]
            for call in calls:
                start = time.monotonic()
                answer = call()
                assert answer is not None and answer.status == 200, answer
                slowest = max(slowest, time.monotonic() - start)
    record_property("connections", CONNECTIONS)
    record_property("of them cut off meanwhile", len(cut))
    record_property("calls of others, all answered", 4 * ROUNDS)
    record_property("ms for the slowest of these", round(slowest * 1000))
