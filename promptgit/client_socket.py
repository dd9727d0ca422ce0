"""The socket of an accepted connection, which waits for a slow client only so long."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

_BYTES_A_SECOND = 16 << 10  # a client that keeps to it is never given up
_SLICE = 64 << 10
_LEAVE_SECONDS = 2.0
_AT_ONCE = int(socket.MSG_DONTWAIT)


class ClientSocket(socket.socket):
    """An accepted connection, on which a thread may wait so many seconds in all.

    What was transferred gives time back, up to what was granted. When no time is left, reading and
    writing raise TimeoutError.
    """

    _granted = _left = 0.0

    def grant(self, seconds: float) -> None:
        """Allow this time from now on."""
        self._granted = self._left = seconds

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Like `socket.socket.recv`."""
        data = self._at_once(super().recv, size, flags)
        if data is None:
            data = self._wait(super().recv, size, flags)
        self._give_back(len(data))
        return data

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Like `socket.socket.sendall`."""
        view = memoryview(data)
        view = view[self._at_once(super().send, view, flags) or 0 :]
        for start in range(0, len(view), _SLICE):
            part = view[start : start + _SLICE]
            self._wait(super().sendall, part, flags)
            self._give_back(len(part))

    def leave(self) -> None:
        """Send nothing more, and read what still comes, so that the client sees its answer (RFC 9112, 9.6)."""
        self.grant(min(self._left, _LEAVE_SECONDS))
        with suppress(OSError):  # it has gone, or is too slow
            self.shutdown(socket.SHUT_WR)
            while self._wait(super().recv, _SLICE):
                pass

    def _at_once(self, call: Callable[[Any, int], T], argument: object, flags: int) -> T | None:
        """The answer if it can be had without waiting: a time limit costs three system calls.

        Not where a limit is set: with one, Python itself waits before it calls the system.
        """
        if self.gettimeout() is None:
            with suppress(BlockingIOError):
                return call(argument, flags | _AT_ONCE)
        return None

    def _wait(self, call: Callable[..., T], *arguments: Any) -> T:
        limit = self.gettimeout()
        if limit is None or limit > self._left:
            self.settimeout(max(self._left, 0.001))  # 0 would mean another thing
        start = time.monotonic()
        try:
            return call(*arguments)
        except TimeoutError:
            # gunicorn takes this number for a client that has gone, and is silent about it.
            raise TimeoutError(errno.ECONNRESET, "The client was too slow") from None
        finally:
            self._left -= time.monotonic() - start

    def _give_back(self, count: int) -> None:
        self._left = min(self._left + count / _BYTES_A_SECOND, self._granted)
