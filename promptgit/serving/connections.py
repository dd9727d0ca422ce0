"""Limits that uvicorn's HTTP/1.1 connections lack: for the head of a request, and for a client that does not read.

uvicorn takes any asyncio.Protocol as its `http` setting; this one passes every call on to uvicorn's own.
"""

from __future__ import annotations

import asyncio
import fcntl
import termios
from array import array
from collections.abc import Callable
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LOOK_SECONDS = 0.5  # at least so often all connections are looked at
_LARGEST_HEAD = 64 << 10  # bytes
_LINGER_SECONDS = 2.0  # a client that is refused gets so long to read why
_BYTES_A_SECOND = 16 << 10  # a client that reads so fast is never given up
_DRAINED = 48 << 10  # bytes that a client has read when asyncio resumes writing, by its default limits
_READ_SECONDS = 0.02
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class _Http(HttpToolsProtocol):
    """uvicorn's protocol, which leaves to *finish* what uvicorn's server asks of each connection when it stops."""

    def __init__(self, finish: Callable[[], object], **given: Any) -> None:
        super().__init__(**given)
        self._finish = finish

    def shutdown(self) -> None:
        """Called once no new connections are accepted."""
        self._finish()

    def close_after_answer(self) -> None:
        """Close the connection: behind its open answer, or at once where there is none."""
        super().shutdown()


class Connection(asyncio.Protocol):
    """One connection, aborted if its client takes too long to send a head, or to read an answer."""

    patience: ClassVar[float] = 10.0
    """Seconds that a client may keep the server waiting; what it reads of an answer gives time back."""

    most: ClassVar[int] = 10_000
    """Connections of a process; one more is closed."""

    _all: ClassVar[set[Connection]] = set()

    def __init__(self, **given: Any) -> None:
        """Take what uvicorn gives to its own protocol."""
        self._http = _Http(self._finish, **given)
        self._left = self.patience
        self._head = self._unsent = 0  # bytes
        self._is_refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a head."""
        self._transport = cast(asyncio.Transport, transport)
        self._all.add(self)
        self._http.connection_made(self._transport)
        if len(self._all) > self.most:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._all.discard(self)
        self._http.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what has come; a head that becomes too large is refused."""
        if self._is_refused:
            return  # closed at once, the connection would be reset before the client sees why
        self._http.data_received(data)
        if self._is_answered():
            self._head = 0
            if not self._transport.get_write_buffer_size():
                self._left = self.patience  # the look may come between the answers of a client that asks quickly
            return
        self._head += len(data)
        if self._head > _LARGEST_HEAD and not self._transport.is_closing():
            self._transport.write(_TOO_LARGE)
            self._is_refused, self._left = True, min(_LINGER_SECONDS, self._left)

    def eof_received(self) -> bool:
        """The client sends no more. Its open request is answered, then the connection is closed.

        A client that has closed only its sending side (shutdown(2), SHUT_WR) reads that answer; with TLS, asyncio
        closes the connection at once.
        """
        self._http.shutdown()
        return self._transport.get_extra_info("sslcontext") is None

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        self._http.pause_writing()

    def resume_writing(self) -> None:
        """The client has read most of what waited."""
        self._http.resume_writing()
        self._left = min(self._left + _DRAINED / _BYTES_A_SECOND, self.patience)

    @classmethod
    async def watch(cls) -> None:
        """Look at all connections until the task is cancelled, and abort those whose clients take too long."""
        seconds = min(_LOOK_SECONDS, cls.patience / 5)
        while True:
            await asyncio.sleep(seconds)
            for connection in tuple(cls._all):
                connection._look(seconds)

    def _finish(self) -> None:
        """Close the connection once all that has been sent on it is read and answered.

        uvicorn would close it with bytes that the kernel has acknowledged and nobody has read, which resets it.
        """
        asyncio.get_running_loop().call_later(_READ_SECONDS, self._close_if_read)  # all sockets are read before

    def _close_if_read(self) -> None:
        if self._transport.is_closing():
            return
        if self._is_answered() or not (self._head or self._unread()):
            self._http.close_after_answer()
        else:
            self._finish()

    def _unread(self) -> int:
        """How many bytes have arrived that the event loop has not read."""
        count = array("i", [0])
        fcntl.ioctl(self._transport.get_extra_info("socket").fileno(), termios.FIONREAD, count)
        return count[0]

    def _is_answered(self) -> bool:
        """True while the application answers a request of this connection."""
        cycle = self._http.cycle
        return cycle is not None and not cycle.response_complete

    def _look(self, passed: float) -> None:
        unsent = self._transport.get_write_buffer_size()
        taken, self._unsent = max(self._unsent - unsent, 0), unsent
        if not unsent and self._is_answered():
            self._left = self.patience
            return
        self._left = min(self._left - passed + taken / _BYTES_A_SECOND, self.patience)
        if self._left <= passed:  # the next look would come too late
            self._transport.abort()
