"""The index: SQLite, derived from git, brought up to `main` before anybody looks."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from filelock import Timeout

from promptgit import deferral
from promptgit.deferral import INDEX_SECONDS, Deferred
from promptgit.errors import IndexBusy
from promptgit.store.files import is_full, storage_errors
from promptgit.store.git.repository import Repository
from promptgit.store.handles import Handles
from promptgit.store.index.connections import (
    Unusable,
    head_of,
    is_busy,
    is_for_reading_alone,
    one_moment,
    open_index,
    rolled_back,
    try_begin,
)
from promptgit.store.index.damage import is_damage, is_sound, may_be_damage
from promptgit.store.index.file import IndexFile
from promptgit.store.index.intake import Progress, take_in
from promptgit.store.index.ledger import Ledger

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)

_REPAIRS = 2


class Index:
    """The index of one repository; safe to share between threads and processes.

    Each thread has a connection of its own, opened after the fork. A file that a rebuild has
    replaced is noticed by its inode. *clock* gives seconds since 1970.
    """

    def __init__(self, path: Path, repository: Repository, clock: Callable[[], float]) -> None:
        self.path = path
        self._clock = clock
        self._repository = repository
        self._file = IndexFile(path, repository, clock)
        self._local = Handles({})
        self.led = self._local.of_leader

    def read(self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What *query* finds in an index that is up to `main`.

        Raises:
            IndexBusy: it could not be brought up to `main` in time.
        """

        def look() -> T:
            connection = self._fresh()
            try:
                return query(connection, *args, **kwargs)
            except Exception as error:
                if not (is_damage(error) or may_be_damage(error)):
                    raise
            # Perhaps others wrote between two statements, which do not fit together then: look at one moment.
            with one_moment(connection):
                return query(connection, *args, **kwargs)

        return self._repairing(look)

    def peek(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What *query* finds in the index as it is, behind `main` or not.

        Raises:
            Unusable, sqlite3.Error: it is missing or damaged; the next `read` repairs it.
        """
        return query(self._connection())

    @contextmanager
    def without_waiting(self) -> Iterator[None]:
        """Within, a read in this thread that would have to wait, or to take in commits, raises Deferred instead."""
        self._local.hurried = True
        try:
            yield
        finally:
            self._local.hurried = False

    def _is_hurried(self) -> bool:
        return getattr(self._local, "hurried", False)

    def refresh(self, step: Callable[[sqlite3.Connection], T]) -> T:
        """What *step* answers, which writes to tables that are derived later than the others; what it wrote is kept.

        Raises:
            IndexBusy: another process kept the index.
            StorageFull, StorageFailed: the disk is full, or has failed.
        """

        def do() -> T:
            connection = self._begin()
            with self._rolled_back(connection), storage_errors():
                answer = step(connection)
                connection.execute("COMMIT")
            return answer

        return self._repairing(do)

    @contextmanager
    def writing(self) -> Iterator[tuple[sqlite3.Connection, Ledger, str]]:
        """A transaction on an index that is up to `main`: the connection, a ledger, and that commit.

        Nothing stays unless the caller calls `record`. Others see nothing until then. An error that a damaged index
        leads to is the caller's to `repair`.

        Raises:
            IndexBusy: another process kept the index.
            StorageFull, StorageFailed: the disk is full, or has failed.
        """
        with storage_errors():
            connection = self._repairing(self._begin)
        with self._rolled_back(connection):
            yield connection, Ledger(connection), head_of(connection)

    def record(self, connection: sqlite3.Connection, head: str) -> None:
        """Keep what was applied in `writing`; the index then reflects *head*."""
        with storage_errors():
            connection.execute("UPDATE head SET commit_id = ?", (bytes.fromhex(head),))
            connection.execute("COMMIT")

    def catch_up(self, progress: Progress | None = None) -> None:
        """Bring the index up to `main`, or build it anew where that cannot be."""
        self._repairing(self._fresh, progress)

    def rebuild(self, progress: Progress | None = None) -> None:
        """Build a new index from git in a second file, and give it the place of the old one."""
        with self._exclusive(patient=True):
            self._file.replace(progress)

    def close(self) -> None:
        """Close this thread's connection; the next use opens another."""
        opened = getattr(self._local, "opened", None)
        if opened is not None:
            opened[1].close()
            self._local.opened = self._local.mark = None

    def _repairing(self, action: Callable[[], T], progress: Progress | None = None) -> T:
        """Do it; where the file turns out to be of no use, build a new one and do it again.

        Raises:
            StorageFull, StorageFailed: a file cannot be read or written now, which a new one would not mend.
            (and those of *action*)
        """
        with storage_errors():
            return self._repaired(action, progress)

    def _repaired(self, action: Callable[[], T], progress: Progress | None) -> T:
        for _ in range(_REPAIRS):
            try:
                return action()
            except Exception as error:
                is_its_own = isinstance(error, sqlite3.Error) or is_damage(error) or may_be_damage(error)
                if is_its_own and self._is_hurried():
                    raise Deferred from error
                if isinstance(error, sqlite3.Error) and is_busy(error):
                    raise IndexBusy from error
                if is_for_reading_alone(error):
                    self.close()  # look once more, through another connection
                elif not self.repair(error, progress):
                    raise
        return action()

    def repair(self, error: Exception, progress: Progress | None = None) -> bool:
        """Build a new index if damage of this one led to *error*, whatever was asked for; else say that it did not.

        Call it on the thread that met the error, outside of `writing`.
        """
        failed: int | None = getattr(self._local, "inode", None)
        if not is_damage(error) and not (may_be_damage(error) and self._is_damaged()):
            return False
        self.close()  # a connection that is open would go on reading the damage
        with self._exclusive(patient=progress is not None):
            if self._file.inode() == failed:  # else another thread or process was quicker
                if failed is not None:
                    log.warning("The index is built anew from git: %s", str(error) or "it does not fit main")
                self._file.replace(progress)
        return True

    def _is_damaged(self) -> bool:
        """Read all of the file: what would be a bug in a sound one may be its damage."""
        try:
            return not is_sound(self._connection())
        except (Unusable, sqlite3.Error):
            return True

    @contextmanager
    def _exclusive(self, *, patient: bool = False) -> Iterator[None]:
        """Nobody else opens or replaces the file meanwhile; with *patient*, for however long somebody else does."""
        try:
            with self._file.alone(0.0 if self._is_hurried() else None if patient else INDEX_SECONDS):
                yield
        except Timeout:
            raise (Deferred if self._is_hurried() else IndexBusy) from None

    def _connection(self) -> sqlite3.Connection:
        opened: tuple[int, sqlite3.Connection] | None = getattr(self._local, "opened", None)
        self._local.inode = self._file.inode()
        if opened is not None and opened[0] == self._local.inode:
            return opened[1]
        self.close()
        with self._exclusive():
            self._local.inode = self._file.inode()
            if self._local.inode is None:
                raise Unusable
            connection = open_index(self.path)
        self._local.opened = (self._local.inode, connection)
        return connection

    def _fresh(self) -> sqlite3.Connection:
        """A connection to an index that reflects `main` as it is now, or later."""
        latest = time.monotonic() + INDEX_SECONDS
        deadline = min(latest, deferral.deadline.get() or latest)
        while (current := self._current()) is None:
            if self._is_hurried():
                raise Deferred
            connection = self._connection()
            if try_begin(connection):
                try:
                    with self._rolled_back(connection):
                        take_in(connection, self._repository, self._clock())
                        connection.execute("COMMIT")
                except sqlite3.Error as error:
                    if is_full(error):
                        return connection  # reads go on
                    raise
            else:
                _pause(deadline)  # whoever writes to the index takes the same commits in
        return current

    def _current(self) -> sqlite3.Connection | None:
        """A connection to an index that reflects `main` as it is now, if there is one."""
        mark = self._repository.main_file.mark()
        if mark is not None and mark == getattr(self._local, "mark", None):
            opened: tuple[int, sqlite3.Connection] = self._local.opened
            return opened[1]  # even if the file was replaced: it is of this very history
        connection = self._connection()
        if head_of(connection) != self._repository.main():
            return None
        self._local.mark = mark
        return connection

    def _begin(self) -> sqlite3.Connection:
        """Begin a transaction that writes, and take in what `main` has gained."""
        connection = self._connection()
        deadline = time.monotonic() + INDEX_SECONDS
        while not try_begin(connection):
            _pause(deadline)
        try:
            with storage_errors():
                take_in(connection, self._repository, self._clock())
        except BaseException:
            with self._rolled_back(connection):
                raise
        return connection

    @contextmanager
    def _rolled_back(self, connection: sqlite3.Connection) -> Iterator[None]:
        """Roll back what is not committed within; where even that fails, close the connection, which does it, too."""
        try:
            with rolled_back(connection):
                yield
        finally:
            if connection.in_transaction:
                self.close()


def _pause(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise IndexBusy
    time.sleep(0.001)
