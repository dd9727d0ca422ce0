"""gunicorn's worker of several threads, which cuts nobody off, waits for nobody long and tells nobody's secrets.

gunicorn's own gives a new connection a thread before its first byte has come, lets that thread wait for the
client without end, sends each connection through its one main loop after each request, and takes leave of
clients there, for up to two seconds each.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from socket import socket
from time import monotonic, perf_counter, sleep
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from promptgit import logs, observed
from promptgit.client_socket import ClientSocket
from promptgit.response import Answer, refuse, status_of

_LEAST_SHARE = 0.1
_PRECEDENCE_SECONDS = 0.0005  # a worker that waits for something to do takes a connection in a tenth of it
_FULL_SECONDS = 0.1  # until another look whether a file can be opened
_NICE = 4  # see nice(2): two fifths of the main loop's share, where both want more than there is
_NONE = 255  # connections, of a worker that is not there
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

log = logging.getLogger(__name__)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves until SIGTERM or SIGINT; then answers whoever is connected, and ends.

    The main loop's thread answers the quick reads itself: threads that take Python's lock from each other at
    every system call need twice the time for them. Any other request gets a thread once there is something
    to read, for as long as its client keeps up; the thread stays with the connection until that pauses, or
    another waits for a thread. The application that is served (gunicorn's, not WSGI's) says `client_timeout`,
    in seconds, and has `connections`, a byte for each worker's number, which all of them share.
    """

    _notified = 0.0

    def init_signals(self) -> None:
        """Leave Ctrl-C, which the terminal sends to all processes, to the master, which closes its socket first."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """Threads that let the main loop, and so the quick reads, have the processor first."""
        return ThreadPoolExecutor(self.cfg.threads, initializer=_step_back)

    def run(self) -> None:
        """Serve until the end; then nobody leaves a connection to this worker any more."""
        try:
            super().run()
        finally:
            self.app.connections[self.number] = _NONE

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

    def accept(self, listener: socket) -> None:
        """Take a new connection; or leave it to a worker that has fewer, whom the kernel has told of it too."""
        others = bytearray(self.app.connections)
        others[self.number] = _NONE
        if min(others) < self.nr_conns:
            sleep(_PRECEDENCE_SECONDS)
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            log.warning("A new connection waits: no more files can be opened")
            sleep(_FULL_SECONDS)

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection a thread; a new one when its first bytes are there, or never."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock = ClientSocket(conn.sock)
        conn.set_timeout()
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def on_pending_socket_readable(self, conn: TConn, client: ClientSocket) -> None:
        """Answer the first request of a connection if it is quick; or give the connection a thread."""
        if self._is_quick(conn):
            self.pending_conns.remove(conn)
            conn.data_ready = True
            self.poller.modify(client, EVENT_READ, partial(self.on_client_socket_readable, conn))
            self._answer_here(conn)
        else:
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: TConn, client: ClientSocket) -> None:
        """Answer the next request of a connection if it is quick; or give the connection a thread."""
        if self._is_quick(conn):
            self.keepalived_conns.remove(conn)
            self._answer_here(conn)
        else:
            super().on_client_socket_readable(conn, client)

    def handle(self, conn: TConn) -> object:
        """Answer, or refuse, what comes on a connection, in a thread, until its client pauses or another waits."""
        while True:
            # The more connections wait for a thread, the less time each gets.
            conn.sock.grant(self.app.client_timeout * max(_LEAST_SHARE, min(1.0, self._threads_a_connection())))
            quick = self._is_quick(conn)
            again = self._answer(conn)
            if not again:
                conn.sock.grant(0)  # the main loop closes it, and does not wait for the client
            if not again or quick or not self._goes_on(conn):
                return again

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Answer a request; whether the connection can take another."""
        response, environ = wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg, Answer)
        environ["wsgi.multithread"] = True
        if not self.alive or len(self.keepalived_conns) >= self.max_keepalived:
            response.force_close()
        try:
            chunks = self.wsgi(environ, response.start_response)
            try:
                for chunk in chunks:
                    response.write(chunk)
                response.close()
            finally:
                if hasattr(chunks, "close"):
                    chunks.close()
        except OSError:
            raise
        except (Exception, SystemExit):
            if not response.headers_sent:
                raise
            # A second answer behind the begun one would be taken for its rest.
            log.exception("A request failed while it was answered")
            util.close_graceful(conn.sock)
            raise StopIteration from None
        return not response.should_close()

    def handle_error(self, req: Any, client: ClientSocket, addr: Any, exc: Exception) -> None:
        """Refuse with a problem document; what the client sent, perhaps a token, is not logged."""
        start = perf_counter()
        status = status_of(exc)
        seen = logs.request_id.get()  # by the application, which has logged and counted it
        request_id = seen or observed.new_request_id()
        logs.request_id.set(request_id)
        if status == 500:
            log.error("A request failed", exc_info=exc)
        size = refuse(client, status, exc, request_id)
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

    def notify(self) -> None:
        """Tell the other workers how many connections this one has; once a second the master that it lives."""
        self.app.connections[self.number] = min(self.nr_conns, _NONE - 1)
        now = monotonic()
        if now - self._notified >= 1:
            self._notified = now
            super().notify()

    def _is_quick(self, conn: TConn) -> bool:
        if conn.parser is not None and conn.parser.unreader.buf.getvalue():
            return False  # another request is before the one that is looked at
        return bool(self.wsgi.extensions["promptgit.direct"].is_quick(conn.sock.peek()))

    def _answer_here(self, conn: TConn) -> None:
        """Answer in the main loop's thread, which waits for nobody: the rest, if one is left, is sent by another."""
        conn.sock.grant(0)
        again = self._answer(conn)
        if again and not conn.sock.has_rest() and not conn.parser.unreader.buf.getvalue():
            conn.set_timeout()
            self.keepalived_conns.append(conn)
            return
        self.poller.unregister(conn.sock)
        done = self.tpool.submit(self._send_rest, conn, again)
        done.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))

    def _send_rest(self, conn: TConn, again: object) -> object:
        conn.sock.grant(self.app.client_timeout)
        try:
            conn.sock.send_rest()
        except OSError:
            again = False
        if not again:
            conn.sock.grant(0)
        return again

    def _answer(self, conn: TConn) -> object:
        logs.request_id.set(None)
        return super().handle(conn)

    def _goes_on(self, conn: TConn) -> bool:
        """Whether the client's next request is here, or comes while another thread is free.

        The way through the main loop costs more than a request does: both threads wake each other, and that twice.
        """
        if not self.alive or self._threads_a_connection() <= 1:
            return False
        # What was read with the request before, or what comes now.
        return bool(conn.parser.unreader.buf.getvalue() or conn.sock.goes_on())

    def _threads_a_connection(self) -> float:
        """How many threads there are for each connection that has one or waits for one."""
        busy = self.nr_conns - len(self.keepalived_conns) - len(self.pending_conns)
        return float(self.cfg.threads / max(busy, 1))


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere it is the process that has a priority
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


class Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log, as part of ours."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and levels to the root."""
        self.cfg = cfg
        self.error_log.propagate = True
