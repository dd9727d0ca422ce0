"""A proxy that cuts connections: before a server sees a request, in its middle, and before the answer is through."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.client import HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PLACES = ("before the request", "in the request", "after the request", "before the answer", "in the answer")
"""Where a connection is cut; the server has written what was asked for in the last two, and may have in the third."""


class Cutter(ThreadingHTTPServer):
    """Answers as the server at *target* does, but cuts the connections of a *share* of all writes; *cuts* counts them.

    Where the server is away, or goes, the connection ends as well.
    """

    daemon_threads = True

    def __init__(self, target: str, share: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = target
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.cuts: Counter[str] = Counter()
        self.share = share
        self._random = random.Random("cuts")
        self._lock = threading.Lock()

    def place(self, method: str) -> str | None:
        """Where to cut the connection of the next request, if at all."""
        with self._lock:
            if method == "GET" or self._random.random() >= self.share:
                return None
            place = PLACES[self.cuts.total() % len(PLACES)]
            self.cuts[place] += 1
            return place


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Cutter

    def _carry(self) -> None:
        self.close_connection = True
        with suppress(OSError, HTTPException):
            self._carry_or_cut()

    def _carry_or_cut(self) -> None:
        """Carry a request to the server, and its answer back; to return early cuts the connection."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = _message(self.requestline, self.headers, body)
        place, target = self.server.place(self.command), urlsplit(self.server.target)
        if place == "before the request":
            return
        with socket.create_connection((target.hostname, target.port)) as connection:
            connection.sendall(request[: -len(body) // 2] if place == "in the request" else request)
            if place in ("in the request", "after the request"):
                return
            answer = HTTPResponse(connection, method=self.command)
            answer.begin()
            content = answer.read()
        if place == "before the answer":
            return
        message = _message(f"HTTP/1.1 {answer.status} {answer.reason}", answer.headers, content)
        self.wfile.write(message[: len(message) // 2] if place == "in the answer" else message)
        self.close_connection = place is not None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _carry  # noqa: N815  # as BaseHTTPRequestHandler names them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _message(line: str, headers: Message, body: bytes) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{line}\r\n{fields}\r\n".encode("latin-1") + body


@contextmanager
def cutting(target: str, share: float = 0.4) -> Iterator[Cutter]:
    """A proxy in front of a server, for a while."""
    with Cutter(target, share) as cutter:
        thread = threading.Thread(target=cutter.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield cutter
        finally:
            cutter.shutdown()
            thread.join()
