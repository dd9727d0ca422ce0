"""The file of the ref `main`: how promptgit notices that it moved, and how promptgit moves it.

A move happens as git does it, under git's own lock of the ref, the file `main.lock` in the same folder. The new content
is on disk before, in the file `promptgit-main`; a hard link (link(2)) makes that file the lock, and rename(2) makes it
`main`. So the lock is held for a few microseconds, and a move costs one fsync, of the folder. A lock that is not the
same inode as `promptgit-main` is another program's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from promptgit.domain.models import Author
from promptgit.errors import MainLocked, OutcomeUnknown
from promptgit.store.files import File, fsync_folder, storage_errors
from promptgit.store.git.orphans import has_no_owner

MAIN = "refs/heads/main"
_TICK_NS = 50_000_000
_LOOK_SECONDS, _LOOK_FOR_OWNER_SECONDS = 0.005, 0.25
_INSTANT_SECONDS = 0.1  # as long as git waits for a ref's lock (core.filesRefLockTimeout)

Mark = tuple[int, int, int, bytes]
"""The inode and times (in nanoseconds) of the file, and its content where it is so young that the times may mislead."""


class MainMoved(Exception):
    """Somebody else moved `main` first; nothing was moved."""


class MainFile:
    """The file in the folder of a repository.

    *read* gives the commit of `main`, *is_logged* is true if git would begin a log of its moves. Another program's lock
    is waited for *patience* seconds.
    """

    def __init__(
        self, repository: Path, read: Callable[[], str], is_logged: Callable[[], bool], patience: float
    ) -> None:
        self._repository = repository
        self._read = read
        self._is_logged = is_logged
        self._patience = patience
        self._durable = ""  # a commit of `main` that is known to stay through a power cut
        self._path = str(repository / MAIN)
        self._lock = f"{self._path}.lock"
        self._head_lock = str(repository / "HEAD.lock")  # git takes it too, when it moves `main`
        self._next = str(repository / "promptgit-main")

    def mark(self) -> Mark | None:
        """A value that stays the same only while `main` does; None where that cannot be told."""
        try:
            stat = os.stat(self._path)
            # What changed a moment ago may change again within the file system's clock tick. Any tool may set st_mtime.
            young = time.time_ns() - stat.st_ctime_ns < _TICK_NS
            return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, self._content() if young else b""
        except OSError:
            return None  # packed with others

    def moved_at(self) -> float:
        """When `main` was moved last (where git has packed its refs: or that was done), in seconds since 1970."""
        try:
            return os.stat(self._path).st_mtime
        except FileNotFoundError:
            return os.stat(self._repository / "packed-refs").st_mtime

    def _content(self) -> bytes:
        file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(file, 100)
        finally:
            os.close(file)

    def next(self, commit: str) -> File:
        """The file that `move` makes `main`; write it before, and call both under the write lock."""
        self.sweep()
        return File(self._next, f"{commit}\n".encode())

    def is_left_locked(self) -> bool:
        """True if promptgit's own lock is there: of a process that moves `main` now, or that was killed."""
        try:
            return os.path.samefile(self._lock, self._next)
        except FileNotFoundError:
            return False

    def sweep(self) -> None:
        """Remove the lock that a killed process of ours left; call it under the write lock."""
        if self.is_left_locked():
            os.unlink(self._lock)

    def is_head_locked(self) -> bool:
        """True if `HEAD.lock` is there, which a git that works now holds, or one that was killed has left."""
        return os.path.lexists(self._head_lock)

    def free_head(self) -> None:
        """Remove git's lock of HEAD if its process is dead: every push would fail; call it under the write lock."""
        if self.is_head_locked():
            self._is_removed(self._head_lock)

    def expect_unlocked(self) -> None:
        """Wait until no other program holds git's lock, and remove one whose process is dead.

        `move` itself waits for an instant only: its caller has begun what keeps others waiting. Call it under the write
        lock.

        Raises:
            MainLocked: another program kept its lock.
        """
        start, looked = time.monotonic(), 0.0
        while os.path.lexists(self._lock):
            now = time.monotonic()
            is_late = now - start >= self._patience
            if is_late or now - looked > _LOOK_FOR_OWNER_SECONDS:
                looked = now
                if self._is_removed(self._lock):
                    self.free_head()  # a git that was killed has left both
                    return
                if is_late:
                    raise MainLocked(self._lock)
            time.sleep(_LOOK_SECONDS)

    def move(self, old: str, new: str, who: Author, now: int) -> None:
        """Put the next file, which names *new*, in the place of the one that names *old*.

        *who* and *now*, in seconds since 1970, are for the ref's log (git-reflog(1)).

        Raises:
            MainMoved: `main` is not at *old*, or another program is about to move it.
            StorageFull, StorageFailed: `main` is where it was.
            OutcomeUnknown: it is at *new*, but a power cut may undo that.
        """
        # Opened first: a want of file handles must not come between the move and its fsync.
        with storage_errors():
            folder = os.open(os.path.dirname(self._path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with storage_errors():
                self._take_lock()
                self._replace(old, new, who, now)
            try:
                os.fsync(folder)
            except OSError as error:
                raise OutcomeUnknown from error
            self._durable = new
        finally:
            os.close(folder)

    def _replace(self, old: str, new: str, who: Author, now: int) -> None:
        """Give the lock that was taken the name of `main`, or remove it."""
        try:
            if self._read() != old:
                raise MainMoved
            self._log(f"{old} {new} {who.name} <{who.email}> {now} +0000\tpromptgit: write\n".encode())
            os.rename(self._lock, self._path)
        except BaseException as error:
            with suppress(OSError):  # what is left is seen to be ours, and removed by the next write
                os.unlink(self._lock)
            if isinstance(error, OSError) and not self._is_at(old):  # rename(2) failed, and may have been made
                raise OutcomeUnknown from error
            raise

    def _is_at(self, commit: str) -> bool:
        """True if `main` is certainly at a commit."""
        try:
            return self._read() == commit
        except Exception:  # of libgit2, of the system: the disk fails
            return False

    def expect_durable(self, commit: str) -> None:
        """Make `main`, which is at *commit*, stay through a power cut; call it under the write lock.

        Whoever moved it may have been killed before that, or may have met a failing disk.

        Raises:
            OutcomeUnknown: it may be undone by one.
        """
        if self._durable != commit:
            try:
                self.settle()
            except OSError as error:
                raise OutcomeUnknown from error
            self._durable = commit

    def settle(self) -> None:
        """Make the last move stay through a power cut, whoever made it.

        Raises:
            OSError: the disk fails; it may be undone by one.
        """
        fsync_folder(Path(self._path).parent)

    def _log(self, line: bytes) -> None:
        """Note a move where git would: in logs that exist; where moves are logged, in new ones, too."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT if self._is_logged() else 0)
        for ref in (MAIN, "HEAD"):
            path = self._repository / "logs" / ref
            if flags & os.O_CREAT:
                path.parent.mkdir(parents=True, exist_ok=True)
            elif not path.exists():
                continue
            if ref == MAIN or (self._repository / "HEAD").read_bytes().split() == [b"ref:", MAIN.encode()]:
                with os.fdopen(os.open(path, flags, 0o644), "ab") as file:
                    file.write(line)

    def _take_lock(self) -> None:
        until = time.monotonic() + _INSTANT_SECONDS
        while True:
            try:
                return os.link(self._next, self._lock)
            except FileExistsError:
                if time.monotonic() > until:
                    raise MainMoved from None
            time.sleep(_LOOK_SECONDS)

    def _is_removed(self, lock: str) -> bool:
        """Remove a lock of git's if its process is dead; true if that was done, or it has gone meanwhile."""
        with suppress(FileNotFoundError):
            seen = _identity(lock)
            if not has_no_owner(Path(lock), self._repository):
                return False
            aside = str(self._repository / "promptgit-orphan")
            os.rename(lock, aside)
            if _identity(aside) != seen:  # it went meanwhile, and this one is somebody else's
                os.link(aside, lock)
            os.unlink(aside)
        return True


def _identity(path: str) -> tuple[int, int]:
    """Of a file, whatever its name: inodes are given again at once, times are not."""
    stat = os.stat(path)
    return stat.st_ino, stat.st_mtime_ns
