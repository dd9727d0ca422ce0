"""The socket of an accepted connection, which waits for a slow client only so long."""

from __future__ import annotations

import errno
import select
import socket
import time
from contextlib import suppress
from typing import Any

_BYTES_A_SECOND = 16 << 10  # a client that keeps to it is never given up
_PART = 64 << 10
_LEAVE_SECONDS = 2.0


class ClientSocket(socket.socket):
    """An accepted connection, on which a thread may wait so many seconds in all.

    What was transferred gives time back, up to what was granted. When no time is left, reading and
    writing raise TimeoutError.

    To the system it never blocks, whatever `setblocking` and `settimeout` say: what can be had at once
    takes one system call, and changes of mode, of which gunicorn makes four a request, take none.
    """

    _granted = _left = 0.0
    _limit: float | None = None  # of one wait, in seconds, as settimeout() takes it

    def __init__(self, accepted: socket.socket) -> None:
        """Take over a socket."""
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        super().setblocking(False)

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

    def is_readable(self, seconds: float) -> bool:
        """Whether something comes, or the client goes, in this time, which is not taken from what was granted."""
        return self._is_ready(select.POLLIN, seconds)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Like `socket.socket.recv`."""
        while True:
            try:
                data = super().recv(size, flags)
            except BlockingIOError:
                self._wait(select.POLLIN)
            else:
                self._give_back(len(data))
                return data

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Like `socket.socket.send`."""
        while True:
            try:
                sent = super().send(data, flags)
            except BlockingIOError:
                self._wait(select.POLLOUT)
            else:
                self._give_back(sent)
                return sent

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Like `socket.socket.sendall`."""
        sent, size = self.send(data, flags), len(data)
        if sent < size:
            rest = memoryview(data)[sent:]
            while rest:
                rest = rest[self.send(rest, flags) :]

    def leave(self) -> None:
        """Send nothing more, and read what still comes, so that the client sees its answer (RFC 9112, 9.6)."""
        deadline = time.monotonic() + min(self._left, _LEAVE_SECONDS)
        with suppress(OSError):  # it has gone
            self.shutdown(socket.SHUT_WR)
            while self.is_readable(deadline - time.monotonic()) and super().recv(_PART):
                pass

    def _wait(self, event: int) -> None:
        if self._limit == 0:
            raise BlockingIOError(errno.EAGAIN, "The client is not ready")
        start = time.monotonic()
        in_time = self._is_ready(event, self._left if self._limit is None else min(self._limit, self._left))
        self._left -= time.monotonic() - start
        if not in_time:
            # gunicorn takes this number for a client that has gone, and is silent about it.
            raise TimeoutError(errno.ECONNRESET, "The client was too slow")

    def _is_ready(self, event: int, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self, event)
        return bool(poll.poll(max(seconds, 0) * 1000))

    def _give_back(self, count: int) -> None:
        self._left = min(self._left + count / _BYTES_A_SECOND, self._granted)
