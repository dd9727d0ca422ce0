"""The production server: gunicorn, several processes of several threads."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import socket
from typing import Any

import click
from flask import Flask
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from promptgit.api import problems
from promptgit.api.headers import PROTECTION
from promptgit.app import create_app
from promptgit.settings import Settings
from promptgit.tokens import Tokens
from promptgit.worker import Worker

_M_ARENA_MAX = -8  # of malloc.h, see mallopt(3)
_REQUEST_SECONDS = 20  # what a request may take beside waiting for the write lock


def _write_problem(client: socket.socket, status: int, reason: str, message: str) -> None:
    """What gunicorn refuses before the application sees it is a problem document, too."""
    detail = f"The request is refused: {message or reason}".rstrip(".") + "."
    body = problems.document(status, detail)
    fields = (("Content-Type", problems.MEDIA_TYPE), ("Content-Length", len(body)), *PROTECTION)
    lines = [f"HTTP/1.1 {status} {reason}", "Connection: close", *(f"{name}: {value}" for name, value in fields)]
    util.write_nonblock(client, "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body)


util.write_error = _write_problem


def share_memory() -> None:
    """Have the workers, once they are forked, share what is imported, and keep little memory for themselves."""
    gc.collect()
    gc.freeze()  # collections in the workers do not touch what is shared
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        # It gives each thread an arena of its own, and each keeps what it once had.
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Serves one data folder until SIGTERM, which lets the requests under way finish."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.client_timeout = settings.client_timeout
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
            "keepalive": 5,  # a stop waits for idle connections that long
            # A worker that hangs (libgit2 spins on a truncated object) is replaced: never 0.
            "timeout": 60,
            "graceful_timeout": int(settings.lock_timeout) + _REQUEST_SECONDS,
            "limit_request_line": 8190,
            "forwarded_allow_ips": "",  # anybody can send what a proxy adds
            "sendfile": False,  # it would wait for slow clients by rules of its own
            "loglevel": "warning",
            "control_socket_disable": True,
            "when_ready": self._announce,
        }
        for key, value in options.items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        """Called in each worker: SQLite and libgit2 handles do not go through a fork."""
        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
        return create_app(self._settings)

    def _announce(self, arbiter: Arbiter) -> None:
        host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"promptgit serves http://{shown}:{port} from {self._settings.data} {self._audience()}", nl=True)

    def _audience(self) -> str:
        if self._settings.auth == "off":
            return "to everybody: PROMPTGIT_AUTH is off"
        if Tokens(self._settings.data).are_made():
            return "to those who have a token"
        return "to this machine alone: no token was made yet"
