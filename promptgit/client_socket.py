"""The socket of an accepted connection, which waits for a slow client only so long."""

from __future__ import annotations

import errno
import select
import socket
import struct
import time
from contextlib import suppress
from typing import Any

_BYTES_A_SECOND = 16 << 10  # a client that keeps to it is never given up
_PART = 64 << 10
_REQUEST = 8 << 10  # what gunicorn reads at once
_PAUSE = struct.pack("@ll", 0, 10_000)  # struct timeval: 10 ms; a client that goes on sends its next request sooner
_LEAVE_SECONDS = 2.0


class ClientSocket(socket.socket):
    """An accepted connection, on which a thread may wait so many seconds in all.

    What was transferred gives time back, up to what was granted. When no time is left, reading and
    writing raise TimeoutError. Where none was granted, nobody waits: what cannot be sent at once is kept
    for `send_rest`.

    What can be had at once takes one system call. `setblocking` and `settimeout`, of which gunicorn calls
    four a request, take none.
    """

    _granted = _left = 0.0
    _limit: float | None = None  # of one wait, in seconds, as settimeout() takes it
    _ahead: bytes | None = None
    _rest = b""

    def __init__(self, accepted: socket.socket) -> None:
        """Take over a socket."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        super().settimeout(None)  # to Python it blocks, and so nothing is done around a call
        self.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PAUSE)

    def setblocking(self, flag: bool, /) -> None:
        """Like `socket.socket.setblocking`."""
        self._limit = None if flag else 0.0

    def settimeout(self, value: float | None, /) -> None:
        """Like `socket.socket.settimeout`."""
        self._limit = value

    def gettimeout(self) -> float | None:
        """Like `socket.socket.gettimeout`."""
        return self._limit

    def grant(self, seconds: float) -> None:
        """Allow this time from now on."""
        self._granted = self._left = seconds

    def peek(self) -> bytes:
        """What is here to be received, up to 8 KiB; empty if nothing is, or the client has gone."""
        if not self._ahead:
            self._ahead = None
            with suppress(OSError):
                self._ahead = super().recv(_REQUEST, socket.MSG_DONTWAIT)
        return self._ahead or b""

    def goes_on(self) -> bool:
        """Whether more comes, or the client goes, before it has paused."""
        try:
            self._ahead = super().recv(_REQUEST)
        except BlockingIOError:
            return False
        return True

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Like `socket.socket.recv`; what was read ahead comes first, and whole."""
        if self._ahead is not None:
            data, self._ahead = self._ahead, None
            return data
        while True:
            try:
                data = super().recv(size, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._wait(select.POLLIN)
            else:
                self._give_back(len(data))
                return data

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Like `socket.socket.send`, but of all of it."""
        self.sendall(data, flags)
        return len(data)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Like `socket.socket.sendall`."""
        rest = memoryview(self._rest + data if self._rest else data)
        self._rest = b""
        while rest:
            try:
                sent = super().send(rest, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                if not self._granted:
                    self._rest = bytes(rest)
                    return
                self._wait(select.POLLOUT)
            else:
                self._give_back(sent)
                rest = rest[sent:]

    def has_rest(self) -> bool:
        """Whether something was kept."""
        return bool(self._rest)

    def send_rest(self) -> None:
        """Send what was kept."""
        self.sendall(b"")

    def leave(self) -> None:
        """Send nothing more, and read what still comes, so that the client sees its answer (RFC 9112, 9.6)."""
        deadline = time.monotonic() + min(self._left, _LEAVE_SECONDS)
        with suppress(OSError):  # it has gone
            self.shutdown(socket.SHUT_WR)
            while _is_ready(self, select.POLLIN, deadline - time.monotonic()) and super().recv(_PART):
                if time.monotonic() > deadline:
                    break

    def _wait(self, event: int) -> None:
        if self._limit == 0:
            raise BlockingIOError(errno.EAGAIN, "The client is not ready")
        start = time.monotonic()
        in_time = _is_ready(self, event, self._left if self._limit is None else min(self._limit, self._left))
        self._left -= time.monotonic() - start
        if not in_time:
            # gunicorn takes this number for a client that has gone, and is silent about it.
            raise TimeoutError(errno.ECONNRESET, "The client was too slow")

    def _give_back(self, count: int) -> None:
        self._left = min(self._left + count / _BYTES_A_SECOND, self._granted)


def _is_ready(client: socket.socket, event: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(client, event)
    return bool(poll.poll(max(seconds, 0) * 1000))
