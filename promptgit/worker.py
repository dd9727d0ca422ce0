"""gunicorn's worker with threads, which waits for slow clients only so long.

gunicorn's own gives a new connection a thread before its first byte has come, lets that thread wait for the
client without end, and takes leave of clients in its one main loop, for up to two seconds each.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any, TypeVar

from gunicorn.workers.gthread import TConn, ThreadWorker

T = TypeVar("T")

_BYTES_A_SECOND = 16 << 10  # a client that keeps to it is never given up
_SLICE = 64 << 10
_LEAVE_SECONDS = 2.0
_LEAST_SHARE = 0.1


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
        data = self._wait(super().recv, size, flags)
        self._give_back(len(data))
        return data

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Like `socket.socket.sendall`."""
        view = memoryview(data)
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


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves each connection in a thread once there is something to read, for as long as its client keeps up.

    The application that is served (gunicorn's, not WSGI's) says `client_timeout`, in seconds.
    """

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection a thread; a new one when its first bytes are there, or never."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        accepted = conn.sock
        conn.sock = ClientSocket(accepted.family, accepted.type, accepted.proto, accepted.detach())
        conn.sock.setblocking(False)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> object:
        """Handle a request, in a thread; the more connections wait for a thread, the less time each gets."""
        busy = self.nr_conns - len(self.keepalived_conns) - len(self.pending_conns)
        share = min(1.0, max(_LEAST_SHARE, self.cfg.threads / max(busy, 1)))
        conn.sock.grant(self.app.client_timeout * share)
        again = super().handle(conn)
        if not again:
            conn.sock.grant(0)  # the main loop closes it, and does not wait for the client
        return again

    def handle_error(self, req: object, client: ClientSocket, addr: object, exc: Exception) -> None:
        """Answer what is no HTTP."""
        super().handle_error(req, client, addr, exc)
        client.leave()
