"""Chores: what one worker does for all of them, beside the requests.

Each worker has a thread for each chore, and of these threads the one that has the chore's file lock
does it; when its process ends, another takes over. Nothing waits for a chore.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

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
