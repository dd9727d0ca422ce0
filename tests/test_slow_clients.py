"""Clients that send or read slowly do not keep the others waiting for ever."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import Http, Server, wait_for

HEAD = b"POST /api/prompts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CLIENTS = 8


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Server]:
    """A server of two threads, and little patience."""
    options = ("--workers", "1", "--threads", "2")
    limits = {"PROMPTGIT_CLIENT_TIMEOUT": "0.5", "PROMPTGIT_MAX_CONTENT_BYTES": str(32 << 20)}
    with Server(tmp_path / "data", *options, **limits) as server:
        yield server


@contextmanager
def slow_clients(server: Server, sent: bytes) -> Iterator[list[socket.socket]]:
    """Many connections on which this was sent, and no more; they hardly have room for an answer."""
    address = urlsplit(server.url)
    with ExitStack() as stack:
        clients = []
        for _ in range(CLIENTS):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(60)
            client.connect((address.hostname, address.port))
            client.sendall(sent)
            clients.append(client)
        yield clients


def rest(client: socket.socket) -> bytes:
    """All that still comes until the server closes."""
    answer = b""
    try:
        while chunk := client.recv(1 << 20):
            answer += chunk
    except ConnectionResetError:
        pass
    return answer


def test_a_connection_without_a_request_takes_no_thread(small: Server) -> None:
    with slow_clients(small, b"") as clients:
        assert Http(small.url)("GET", "/api/prompts").status == 200
        clients[0].sendall(b"GET /api/prompts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert rest(clients[0]).startswith(b"HTTP/1.1 200 ")


def test_a_request_that_never_ends_keeps_nobody_waiting(small: Server) -> None:
    with slow_clients(small, HEAD + b"Content-Len") as clients:
        assert Http(small.url)("GET", "/api/prompts").status == 200
        assert {rest(client) for client in clients} == {b""}


def test_a_body_that_never_comes_is_given_up(small: Server) -> None:
    with slow_clients(small, HEAD + b'Content-Length: 100\r\n\r\n{"content": "') as clients:
        assert Http(small.url)("GET", "/api/prompts").json == []
        for client in clients:
            answer = rest(client)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b'"code":"http_request_timeout"' in answer


def test_an_answer_that_nobody_reads_is_given_up(small: Server) -> None:
    size = 16 << 20
    where = Http(small.url)("POST", "/api/prompts", {"content": "x" * size}).headers["Location"]
    request = f"GET {where}/versions/1/content HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with slow_clients(small, request.encode()) as clients:
        assert Http(small.url)("GET", "/api/prompts").status == 200
        wait_for(lambda: sum("aborted" in line for line in small.log) == CLIENTS)
        assert len(rest(clients[0])) < size


def test_a_client_that_does_not_close_keeps_nobody_waiting(small: Server) -> None:
    """The server has answered and said that it closes; what it has not to do is to wait for the client."""
    request = b"GET /api/prompts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with slow_clients(small, request) as clients:
        # Its main loop would wait for two seconds for each of them.
        assert Http(small.url, timeout=CLIENTS)("GET", "/api/prompts").status == 200
        assert all(rest(client).startswith(b"HTTP/1.1 200 ") for client in clients)


def test_a_steady_client_is_never_given_up(small: Server) -> None:
    """Whatever comes gives time back, however long the whole takes."""
    address = urlsplit(small.url)
    content = b'{"content": "' + b"x" * (8 << 20) + b'"}'
    with socket.create_connection((address.hostname, address.port), timeout=60) as client:
        client.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(content))
        for start in range(0, len(content), 1 << 16):
            client.sendall(content[start : start + (1 << 16)])
        assert rest(client).startswith(b"HTTP/1.1 201 ")


def test_a_client_that_asks_quickly_on_one_connection_is_never_given_up(small: Server) -> None:
    """Whenever the server looks, its last answer is sent and the next question is still on its way."""
    id_ = Http(small.url)("POST", "/api/prompts", {"name": "a", "content": "x"}).json["id"]
    address = urlsplit(small.url)
    client = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    until = time.monotonic() + 3  # six times the server's patience
    with closing(client):
        while time.monotonic() < until:
            client.request("GET", f"/api/prompts/{id_}")
            answer = client.getresponse()
            assert (answer.status, len(answer.read()) > 100) == (200, True)
