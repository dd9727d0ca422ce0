"""The lock of all who write into one folder, in whatever process: a file that is locked (flock(2))."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from promptgit.errors import LockTimeout
from promptgit.store.files import storage_errors

_POLL_SECONDS = 0.001  # short, or else processes that race starve one of them


class WriteLock:
    """The lock at *path*, for which one waits *timeout* seconds. It keeps threads apart, too.

    The library that the rarer locks come from takes as long to have one as the index takes to follow a save.
    """

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self.timeout = timeout

    @contextmanager
    def held(self, deadline: float | None = None) -> Iterator[None]:
        """Have the lock; *deadline* is on the monotonic clock, and without it the whole timeout is left.

        Raises:
            LockTimeout: others kept it.
            StorageFull, StorageFailed: the file cannot be opened or locked.
        """
        with storage_errors():
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with storage_errors():
                self._wait(file, time.monotonic() + self.timeout if deadline is None else deadline)
            try:
                yield
            finally:
                # By name, because a child that is being forked still has the file open.
                with suppress(OSError):  # closing releases the lock, too, and what was written is written
                    fcntl.flock(file, fcntl.LOCK_UN)
        finally:
            with suppress(OSError):  # the kernel has closed it nevertheless, see close(2)
                os.close(file)

    def _wait(self, file: int, deadline: float) -> None:
        while True:
            try:
                return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise LockTimeout(self.timeout) from None
            time.sleep(_POLL_SECONDS)
