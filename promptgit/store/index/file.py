"""The file of the index as a whole: who may open it, and how another one, built anew, takes its place."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock

from promptgit.store.files import fsync_folder, storage_errors
from promptgit.store.git.repository import Repository
from promptgit.store.index.connections import Unusable, head_of, uri_of
from promptgit.store.index.intake import Progress, build

log = logging.getLogger(__name__)


class IndexFile:
    """The index file of one repository. *clock* gives seconds since 1970."""

    def __init__(self, path: Path, repository: Repository, clock: Callable[[], float]) -> None:
        self._path = path
        self._repository = repository
        self._clock = clock

    def inode(self) -> int | None:
        """The inode of the file, by which another one is noticed; None: there is no file."""
        try:
            return os.stat(self._path).st_ino
        except FileNotFoundError:
            return None

    @contextmanager
    def alone(self, seconds: float | None) -> Iterator[None]:
        """Nobody else opens or replaces the file meanwhile: SQLite would take the log of one file for another's.

        Raises:
            filelock.Timeout: somebody else did so for *seconds*; None waits without end.
        """
        lock = self._path.with_name("index.lock")
        with FileLock(lock, timeout=-1 if seconds is None else seconds, poll_interval=0.002):
            yield

    def replace(self, progress: Progress | None) -> None:
        """Build a new index from git, and put it in the place of the old one; call it within `alone`.

        Raises:
            StorageFull, StorageFailed, UnusableRepository: the old one stays.
        """
        new = self._path.with_name(self._path.name + ".new")
        new.unlink(missing_ok=True)
        with storage_errors():
            self._keep_lost_tip()
            build(new, self._repository, self._repository.main(), progress, now=self._clock())
            # Whoever has the old file open keeps it, with its log, until the next look at the inode.
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            os.rename(new, self._path)
            fsync_folder(self._path.parent)

    def _keep_lost_tip(self) -> None:
        """Where the old index reflects a commit that `main` has lost since, keep that commit under a ref of its own.

        It is the only moment at which this is seen, and the versions that are lost were acknowledged.
        """
        try:
            with closing(sqlite3.connect(uri_of(self._path, "ro"), uri=True)) as connection:
                head = head_of(connection)
        except (Unusable, sqlite3.Error, UnicodeDecodeError):
            return  # damaged
        if head not in self._repository:
            log.error("main was rewritten: the index reflects %s, which the repository does not have any more", head)
        elif not self._repository.git.leads_to(head, self._repository.main()):
            self._repository.own_refs.keep_lost(head)
            log.error("main was rewritten: %s is no longer in its first-parent history; see 'promptgit check'", head)
