"""Chores: what one worker does for all of them, in threads of its own, while requests are answered.

Each worker has a thread for each chore, and of these threads the one that has the chore's file lock
does it; when its process ends, another takes over. Nothing waits for a chore.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_TURN_SECONDS = 1.0  # how soon another worker notices that the chore is free
_AFTER_ERROR_SECONDS = 60.0


def start(name: str, folder: Path, chore: Callable[[], float]) -> None:
    """Do *chore* again and again in a thread of this process, or of another one with the same *folder*.

    A chore returns after how many seconds it is to be done again. Call it after the fork.
    """
    lock = folder / f"{name}.lock"
    threading.Thread(target=_do, args=(name, lock, chore), name=name, daemon=True).start()


def _do(name: str, lock: Path, chore: Callable[[], float]) -> None:
    with FileLock(lock, poll_interval=_TURN_SECONDS):
        while True:
            try:
                pause = chore()
            except Exception:
                log.exception("The chore %r failed; it is tried again in %d seconds", name, _AFTER_ERROR_SECONDS)
                pause = _AFTER_ERROR_SECONDS
            time.sleep(pause)


class AtFirstRequest:
    """WSGI middleware that calls *start* once in each process, before the first request that the process answers."""

    def __init__(self, app: WSGIApplication, start: Callable[[], object]) -> None:
        self._app, self._start = app, start
        self._lock = threading.Lock()
        self._started: int | None = None
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        if self._started != os.getpid():
            with self._lock:
                if self._started != os.getpid():
                    self._start()
                    self._started = os.getpid()
        return self._app(environ, start_response)

    def _forget(self) -> None:
        self._lock = threading.Lock()
