"""The production server: gunicorn, several processes of several threads."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import mmap
import os
import resource
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from promptgit import metrics
from promptgit.app import create_app, start_chores
from promptgit.errors import UnusableTokens
from promptgit.settings import MOST_WORKERS, Settings
from promptgit.tokens import Tokens
from promptgit.worker import STOP_SIGNALS, Log, Worker

# Of malloc.h, see mallopt(3): it would give each thread an arena of its own, of which each keeps what it once had,
# and take ever larger pieces for such as it keeps.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MALLOC = {_M_ARENA_MAX: 1, _M_MMAP_THRESHOLD: 64 << 10, _M_TRIM_THRESHOLD: 128 << 10}
_SLOTS = 2 * MOST_WORKERS  # for a reload, which starts new workers before it ends the old ones
_REQUEST_SECONDS = 20  # what a request may take beside waiting for the write lock


def share_memory() -> None:
    """Have the workers, once they are forked, share what is imported, and keep little memory for themselves."""
    gc.collect()
    gc.freeze()  # collections in the workers do not touch what is shared
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        for parameter, value in _MALLOC.items():
            ctypes.CDLL(None).mallopt(parameter, value)


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's master, for which the first Ctrl-C is what SIGTERM is; one more ends it at once."""

    handle_int = Arbiter.handle_term

    def spawn_worker(self) -> int:
        """Fork a worker; a signal that comes before it has its own handlers waits for them instead of being lost."""
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            pid: int = super().spawn_worker()  # the worker itself does not return from here
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Serves one data folder until SIGTERM, which lets the requests under way finish."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.client_timeout = settings.client_timeout
        self.connections = mmap.mmap(-1, _SLOTS)
        self.connections.write(b"\xff" * _SLOTS)
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn is to do."""
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options: dict[str, Any] = {
            "bind": f"{host}:{settings.port}",
            "worker_class": Worker,
            "workers": settings.workers,
            "threads": settings.threads,
            "keepalive": 5,  # a stop waits for idle connections two seconds of it
            # A worker that hangs (libgit2 spins on a truncated object) is replaced: never 0.
            "timeout": 60,
            "graceful_timeout": int(settings.lock_timeout) + _REQUEST_SECONDS,
            "limit_request_line": 8190,
            "forwarded_allow_ips": "",  # anybody can send what a proxy adds
            "sendfile": False,  # it would wait for slow clients by rules of its own
            "logger_class": Log,
            "control_socket_disable": True,
            "when_ready": self._announce,
            "pre_fork": _number,
            "post_fork": self._share_metrics,
        }
        for key, value in options.items():
            self.cfg.set(key, value)

    def run(self) -> None:
        """Serve; returns only by SystemExit, in the workers too."""
        master = os.getpid()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a file, and so is a pack
        self._metrics = Path(tempfile.mkdtemp(prefix="promptgit-metrics-"))
        try:
            _Arbiter(self).run()
        finally:
            if os.getpid() == master:
                shutil.rmtree(self._metrics, ignore_errors=True)

    def load(self) -> Flask:
        """Called in each worker: SQLite and libgit2 handles do not go through a fork."""
        app = create_app(self._settings, catch_up=False)  # the index may be built by somebody just now
        start_chores(self._settings)
        return app

    def _share_metrics(self, _: Arbiter, worker: Worker) -> None:
        metrics.share(self._metrics, worker.number)

    def _announce(self, arbiter: Arbiter) -> None:
        host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"promptgit serves http://{shown}:{port} from {self._settings.data} {self._audience()}", nl=True)

    def _audience(self) -> str:
        if self._settings.auth == "off":
            return "to everybody: PROMPTGIT_AUTH is off"
        tokens = Tokens(self._settings.data, required=self._settings.auth == "required")
        try:
            tokens.expect_usable()
        except UnusableTokens as error:
            return f"to nobody: {error}"
        if tokens.are_made():
            return "to those who have a token"
        return "to this machine alone: no token was made yet"


def _number(arbiter: Arbiter, worker: Worker) -> None:
    """Give a worker that is about to be forked the smallest number that no living one has."""
    taken = {other.number for other in arbiter.WORKERS.values()}
    worker.number = next(number for number in range(len(taken) + 1) if number not in taken)
