"""gunicorn, which keeps the processes, and uvicorn in each of them."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import resource
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.base import Worker
from uvicorn_worker import UvicornWorker

from promptgit.app import create_app, start_chores
from promptgit.http import metrics
from promptgit.serving import asgi, drain
from promptgit.serving.bridge import Bridge
from promptgit.serving.connections import Connection
from promptgit.settings import Settings

_REQUEST_SECONDS = 20  # what a request may take in addition to waiting for the write lock
_HUNG_SECONDS = 40  # libgit2 spins on a truncated object: such a worker is replaced within a minute
_FOLDER = "promptgit-metrics-"


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Serves one data folder until SIGTERM, which lets the requests under way finish.

    *announce* is called with the address, once the server listens.
    """

    def __init__(self, settings: Settings, announce: Callable[[str], object]) -> None:
        self._settings, self._announce = settings, announce
        self._metrics = _shared_folder()
        metrics.share(self._metrics)
        self._flask = create_app(settings, catch_up=False)  # a rebuild of the index keeps nobody from being answered
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn is to do."""
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options: dict[str, Any] = {
            "bind": f"unix:{settings.uds}" if settings.uds else f"{host}:{settings.port}",
            "worker_class": self._worker_class(),
            "workers": settings.processes,
            "keepalive": 5,
            "worker_tmp_dir": str(self._metrics),
            "timeout": _HUNG_SECONDS,
            "graceful_timeout": int(settings.write_timeout + drain.DRAIN_SECONDS) + _REQUEST_SECONDS,
            "forwarded_allow_ips": "",  # promptgit.proxies believes whom it was told to
            "certfile": settings.tls_certificate or None,
            "keyfile": settings.tls_key or None,
            "logger_class": _Log,
            "control_socket_disable": True,
            "when_ready": self._ready,
            "pre_fork": _number,
            "post_fork": lambda _, worker: metrics.count_as(worker.number),
            # uvicorn raises it once more at its end.
            "post_worker_init": lambda _: signal.signal(signal.SIGTERM, lambda *_: None),
        }
        for key, value in options.items():
            if key in self.cfg.settings:  # control_socket_disable is younger than gunicorn 23
                self.cfg.set(key, value)

    def run(self) -> None:
        """Serve; returns only by SystemExit, in the workers too."""
        master = os.getpid()
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a connection is a file, and so is a pack
        drain.hold_signals_at_forks()
        try:
            Arbiter(self).run()
        finally:
            if os.getpid() == master:
                shutil.rmtree(self._metrics, ignore_errors=True)

    def load(self) -> Bridge:
        """Called in each worker: event loops and threads do not go through a fork."""

        def started() -> None:
            drain.drain_first(bridge.end)
            self._watch = asyncio.ensure_future(Connection.watch())

        bridge = asgi.bridge(self._flask, self._settings, started)
        start_chores(self._settings, self._flask)
        logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, logging.getLogger().level))  # not each step
        return bridge

    def _worker_class(self) -> type[UvicornWorker]:
        """UvicornWorker with settings of uvicorn that gunicorn has not."""
        Connection.patience = self._settings.client_timeout

        class PromptgitWorker(UvicornWorker):  # type: ignore[misc]  # it has no types
            CONFIG_KWARGS = {
                "loop": "uvloop",
                "http": Connection,
                "ws": "none",
                "lifespan": "on",
                "log_config": None,
                "access_log": False,
                "server_header": False,
                "proxy_headers": False,
                "timeout_graceful_shutdown": int(self._settings.write_timeout) + _REQUEST_SECONDS - 2,
            }

        return PromptgitWorker

    def _ready(self, arbiter: Arbiter) -> None:
        """From now on a stop begins with the sockets; the first Ctrl-C is what SIGTERM is, one more ends it at once."""
        stopping = False

        def stop(number: int, frame: FrameType | None) -> None:
            nonlocal stopping
            if stopping and number == signal.SIGINT:
                arbiter.kill_workers(signal.SIGKILL)
            stopping = True
            drain.accept_no_more(listener.sock for listener in arbiter.LISTENERS)
            arbiter.signal(signal.SIGTERM, frame)

        for one in drain.STOP_SIGNALS:
            signal.signal(one, stop)
        if self._settings.uds:
            self._announce(f"unix:{self._settings.uds}")
            return
        host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
        scheme = "https" if self._settings.tls_certificate else "http"
        self._announce(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{self._settings.url_prefix}")


class _Log(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log, as part of ours; uvicorn's worker takes its handlers from here."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and levels to the root."""
        self.cfg = cfg
        root = logging.getLogger()
        self.error_log.handlers, self.error_log.propagate = root.handlers, False
        self.error_log.setLevel(root.level)


def _number(arbiter: Arbiter, worker: Worker) -> None:
    """Give a worker that is about to be forked the smallest number that no living one has."""
    taken = {other.number for other in arbiter.WORKERS.values()}
    worker.number = next(number for number in range(len(taken) + 1) if number not in taken)


def _shared_folder() -> Path:
    """A new folder for the counts of all workers; those that killed servers have left are removed.

    A lock in it, which the workers inherit, is held as long as one of them lives.
    """
    temporary = Path(tempfile.gettempdir())
    for left in temporary.glob(f"{_FOLDER}*/lock"):
        try:
            with open(left, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left.parent)
        except OSError:
            continue  # it is in use, or somebody else's
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
    fresh = folder / "new"
    lock = os.open(fresh, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # kept open until the process ends
    fresh.rename(folder / "lock")  # under this name nobody takes it before it is locked
    return folder
