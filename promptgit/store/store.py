"""One folder on disk: the repository, its index and its writer, put together."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from promptgit.errors import LockTimeout
from promptgit.models import Author
from promptgit.store.index import Index
from promptgit.store.intake import Progress
from promptgit.store.repository import Repository
from promptgit.store.writer import Writer

COMMITTER = Author("promptgit", "promptgit@localhost")


class Store:
    """What lies in one folder. Cheap to make; nothing is opened before it is used.

    *lock_timeout* is in seconds; *clock* gives seconds since 1970.
    """

    def __init__(self, folder: Path, *, lock_timeout: float, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.committer = COMMITTER
        self.repository = Repository(folder / "prompts.git", COMMITTER)
        self.index = Index(folder / "index.sqlite3", self.repository)
        self.writer = Writer(self.repository, self.index, folder / "write.lock", lock_timeout, clock)
        self._lock_timeout = lock_timeout
        self._clock = clock

    def open(self, progress: Progress | None = None, *, catch_up: bool = True) -> None:
        """Make what is missing: the folder, the repository with its first commit; and with *catch_up* the index.

        Raises:
            LockTimeout: another writer kept the write lock.
            UnusableRepository: the folder holds something else.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.repository.is_complete():
            try:
                with FileLock(self.folder / "write.lock", timeout=self._lock_timeout, poll_interval=0.01):
                    self.repository.create(int(self._clock()))
            except Timeout:
                raise LockTimeout(self._lock_timeout) from None
        if catch_up:
            self.index.catch_up(progress)

    def close(self) -> None:
        """Close what this thread has open: before a fork, for neither SQLite nor libgit2 may go through one."""
        self.index.close()
        self.repository.close()
