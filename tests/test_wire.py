"""What goes over the wire, on real sockets."""

from __future__ import annotations

import gzip
import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.support import Http, Server, command


def exchange(server: Server, *parts: bytes) -> tuple[int, bytes, bytes]:
    """Send bytes as they are; status, head and body of the answer."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b""
        while chunk := connection.recv(1 << 16):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


POST = b"POST /api/prompts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("path", ["/api/prompts", "/nowhere"])
def test_a_body_that_is_far_too_large_gets_its_answer(server: Server, path: str) -> None:
    """The client reads it although it was still sending."""
    answer = Http(server.url)("POST", path, raw=b'{"content": "' + b"x" * (20 << 20) + b'"}')
    assert (answer.status, answer.json["status"]) == ((413, 413) if "api" in path else (404, 404))


def test_a_body_in_chunks_is_taken(server: Server) -> None:
    status, _, body = exchange(server, CHUNKED, chunked(b'{"content": "a', b'b"}'))
    assert (status, json.loads(body)["content"]) == (201, "ab")


def test_a_body_in_chunks_is_never_cut_off(server: Server) -> None:
    """JSON, blanks up to the limit, and then something else: all of it counts."""
    start = b'{"content": "x"}'
    for rest in ((7 << 20) - len(start), 20 << 20):
        status, _, body = exchange(server, CHUNKED, chunked(start, b" " * rest, b"garbage"))
        assert (status, json.loads(body)["status"]) == (413, 413)
    assert Http(server.url)("GET", "/api/prompts").json == []


def test_a_packed_body_is_refused(server: Server) -> None:
    """A few bytes could unpack to very many."""
    packed = gzip.compress(b'{"content": "x"}')
    for coding, status in (("gzip", 415), ("br", 415), ("identity", 400)):
        answer = Http(server.url)("POST", "/api/prompts", raw=packed, headers={"Content-Encoding": coding})
        assert answer.status == status


def test_a_body_whose_chunks_are_none_is_refused(server: Server) -> None:
    status, _, _ = exchange(server, CHUNKED, b"ZZ\r\n{}\r\n0\r\n\r\n")
    assert status == 400


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n" % (b"x" * 1_000_000), 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % (b"X: xxxx\r\n" * 100_000), 431),
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ],
)
def test_what_is_no_http_is_refused(server: Server, request_: bytes, status: int) -> None:
    """By the server, in plain text; and the connection is closed."""
    told, head, _ = exchange(server, request_)
    assert told == status
    assert b"connection: close" in head.lower()


def test_a_port_that_is_taken_is_told_at_once(server: Server) -> None:
    port = str(urlsplit(server.url).port)
    done = command("serve", "--data", str(server.folder / "other"), "--port", port)
    assert done.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use." in done.stderr
    assert not (server.folder / "other").exists()
