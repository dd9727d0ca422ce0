"""gunicorn's worker of several threads, which cuts nobody off, waits for nobody long and tells nobody's secrets.

gunicorn's own gives a new connection a thread before its first byte has come, lets that thread wait for the
client without end, sends each connection through its one main loop after each request, and takes leave of
clients there, for up to two seconds each.
"""

from __future__ import annotations

import contextlib
import logging
import signal
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from time import perf_counter
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from promptgit import logs, observed
from promptgit.api import problems
from promptgit.api.headers import PROTECTION
from promptgit.client_socket import ClientSocket

_LEAST_SHARE = 0.1
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

log = logging.getLogger(__name__)

# What gunicorn refuses before the application sees it; the first that fits.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.InvalidResponseHeader, 500),  # ours, though a kind of InvalidHeader
    (errors.InvalidResponseHeaderName, 500),
    (errors.LimitRequestLine, 414),
    (errors.LimitRequestHeaders, 431),
    (errors.ExpectationFailed, 417),
    (errors.UnsupportedTransferCoding, 501),
    (errors.ForbiddenProxyRequest, 403),
    (errors.ConfigurationProblem, 500),
    (errors.ParseException, 400),
)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves until SIGTERM or SIGINT; then answers whoever is connected, and ends.

    A connection has a thread once there is something to read, for as long as its client keeps up: for one
    request where others wait for a thread, else until it pauses. The application that is served (gunicorn's,
    not WSGI's) says `client_timeout`, in seconds.
    """

    def init_signals(self) -> None:
        """Leave Ctrl-C, which the terminal sends to all processes, to the master, which closes its socket first."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Begin or end to accept; at the end of the worker it takes those who wait in the kernel's queue.

        They are connected already, and may have sent their request: closing the socket would reset them.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        self.wsgi.extensions["promptgit.feed"].end()
        for listener in self.sockets:
            listener.setblocking(False)
            before = -1
            with contextlib.suppress(OSError):  # no more files can be opened: answer those that are here
                while before < self.nr_conns:  # it stays as it is where nobody waits
                    before = self.nr_conns
                    self.accept(listener)
            listener.close()

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection a thread; a new one when its first bytes are there, or never."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock = ClientSocket(conn.sock)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: TConn) -> object:
        """Answer, or refuse, what comes on a connection, in a thread, until its client pauses or another waits."""
        while True:
            logs.request_id.set(None)
            # The more connections wait for a thread, the less time each gets.
            conn.sock.grant(self.app.client_timeout * max(_LEAST_SHARE, min(1.0, self._threads_a_connection())))
            again = super().handle(conn)
            if not again:
                conn.sock.grant(0)  # the main loop closes it, and does not wait for the client
                return again
            if not self._goes_on(conn):
                return again

    def _goes_on(self, conn: TConn) -> bool:
        """Whether the client's next request is here, or comes while another thread is free.

        The way through the main loop costs more than a request does: both threads wake each other, and that twice.
        """
        if not self.alive or self._threads_a_connection() <= 1:
            return False
        if conn.parser.unreader.buf.getvalue():
            return True  # it was read with the request before
        return bool(conn.sock.goes_on())

    def _threads_a_connection(self) -> float:
        """How many threads there are for each connection that has one or waits for one."""
        busy = self.nr_conns - len(self.keepalived_conns) - len(self.pending_conns)
        return float(self.cfg.threads / max(busy, 1))

    def handle_error(self, req: Any, client: ClientSocket, addr: Any, exc: Exception) -> None:
        """Refuse with a problem document; what the client sent, perhaps a token, is not logged."""
        start = perf_counter()
        status = next((status for kind, status in _STATUS if isinstance(exc, kind)), 500)
        seen = logs.request_id.get()  # by the application, which has logged and counted it
        request_id = seen or observed.new_request_id()
        logs.request_id.set(request_id)
        if status == 500:
            log.error("A request failed", exc_info=exc)
        size = _send_problem(client, status, problems.FAULT if status == 500 else _refusal(exc), request_id)
        if seen is None:
            observed.finished(
                self.wsgi.wsgi_app.count,
                perf_counter() - start,
                method=getattr(req, "method", None) or "",
                path=getattr(req, "path", None) or "",
                route=None,
                status=status,
                bytes=size,
                remote=addr[0] if isinstance(addr, tuple) else None,
                who=None,
            )
        client.leave()


def _refusal(error: Exception) -> str:
    return f"The request is refused: {error}".rstrip(".") + "."


def _send_problem(client: ClientSocket, status: int, detail: str, request_id: str) -> int:
    body = problems.document(status, detail)
    fields = (
        ("Connection", "close"),
        ("X-Request-ID", request_id),
        ("Content-Type", problems.MEDIA_TYPE),
        ("Content-Length", len(body)),
        *PROTECTION,
    )
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in fields)]
    head = "\r\n".join([*lines, "", ""])
    try:
        util.write_nonblock(client, head.encode() + body)
    except OSError as error:
        log.debug("A refused client has gone: %r", error)
    return len(body)


class Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log, as part of ours."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and levels to the root."""
        self.cfg = cfg
        self.error_log.propagate = True
