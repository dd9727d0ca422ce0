"""Keep-alive connections: a bare one for load, and http.client for single requests."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Mapping

Address = tuple[str, int]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SECONDS = 120.0


class Failed(Exception):
    """Something did not do what it should; there is no figure from such a run."""


class Connection:
    """Sends requests that are built already, and reads answers of a known length.

    http.client takes longer to parse an answer's headers than some servers take to make it.
    """

    def __init__(self, address: Address) -> None:
        self._socket = socket.create_connection(address, timeout=_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, request: bytes, expected: int) -> None:
        """Send a request and read the whole answer.

        Raises:
            Failed: its status is not the *expected* one, or it is no answer.
        """
        self._socket.sendall(request)
        data = self._more(b"")
        while (end := data.find(b"\r\n\r\n")) < 0:
            data = self._more(data)
        status = int(data[9:12])
        found = _LENGTH.search(data, 0, end)
        if status != expected or (found is None and status != 304):
            raise Failed(f"{request[:100]!r} got {data[:600]!r}")
        rest = end + 4 + (int(found[1]) if found and status != 304 else 0) - len(data)
        while rest > 0:
            rest -= len(self._more(b""))

    def _more(self, data: bytes) -> bytes:
        received = self._socket.recv(1 << 16)
        if not received:
            raise Failed("the server closed a connection")
        return data + received

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def build(method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> bytes:
    """A request as it goes over the wire, with *body* as JSON."""
    data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    fields = {"Host": "localhost", **(headers or {})}
    if data:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + data


def fetch(
    address: Address,
    path: str,
    *,
    method: str = "GET",
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[http.client.HTTPMessage, bytes]:
    """The headers and the body of one answer, over a connection of its own.

    Raises:
        Failed: the status is not 2xx.
    """
    client = http.client.HTTPConnection(*address, timeout=_SECONDS)
    try:
        kind = {} if body is None else {"Content-Type": "application/json"}
        client.request(method, path, None if body is None else json.dumps(body), {**kind, **(headers or {})})
        answer = client.getresponse()
        data = answer.read()
    finally:
        client.close()
    if not 200 <= answer.status < 300:
        raise Failed(f"{method} {path} got {answer.status}: {data[:500]!r}")
    return answer.headers, data
