"""The lock of all who write into one folder, in whatever process: a file that is locked (flock(2))."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from promptgit.errors import LockTimeout
from promptgit.store.files import storage_errors

_POLL_SECONDS = 0.001  # short, or else processes that race starve one of them


class WriteLock:
    """The lock at *path*, for which one waits *timeout* seconds. It keeps threads apart, too."""

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self.timeout = timeout

    @contextmanager
    def held(self, deadline: float | None = None) -> Iterator[None]:
        """Acquire the lock, by *deadline* on the monotonic clock; without it the whole timeout is left.

        Raises:
            LockTimeout: others kept it.
            StorageFull, StorageFailed: the file cannot be opened or locked.
        """
        seconds = self.timeout if deadline is None else max(deadline - time.monotonic(), 0)
        lock = FileLock(self._path, poll_interval=_POLL_SECONDS)  # made for each use: it must not go through a fork
        try:
            with storage_errors():
                lock.acquire(timeout=seconds)
        except Timeout:
            raise LockTimeout(self.timeout) from None
        try:
            yield
        finally:
            lock.release()
