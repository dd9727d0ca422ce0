"""The file of `main`: how one sees that it moved, and how another takes its place.

That is done as git does it, under git's own lock of the ref, which is a file beside it. The new one lies
ready on disk before, and becomes the lock as a second name for it: so the lock is held for an instant,
and a move costs one fsync, of the folder.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from promptgit.errors import WriteContended
from promptgit.store.files import File, fsync_folder

MAIN = "refs/heads/main"
_TICK_NS = 50_000_000
_STALE_LOCK_SECONDS = 2.0  # git holds a ref's lock for milliseconds
_LOCK_SECONDS = 8.0

Mark = tuple[int, int, int, bytes]
"""Of the file: its inode, its times, and what is in it where they do not tell."""


class MainMoved(Exception):
    """Somebody else moved `main` first; nothing was moved."""


class MainFile:
    """The file in the folder of a repository."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._path = str(repository / MAIN)
        self._lock = f"{self._path}.lock"
        self._next = str(repository / "promptgit-main")

    def mark(self) -> Mark | None:
        """A value that stays the same only while `main` does; None where that cannot be told."""
        try:
            stat = os.stat(self._path)
            # What changed a moment ago may change again within the file system's clock tick.
            young = time.time_ns() - stat.st_mtime_ns < _TICK_NS
            return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, self._content() if young else b""
        except OSError:
            return None  # packed with others

    def is_as_left(self) -> bool:
        """Whether `move` was the last to move it, in whatever process: then it still has its other name."""
        with suppress(OSError):
            return os.path.samefile(self._path, self._next)
        return False

    def moved(self) -> float:
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
        """What `move` puts in its place, to be written before it is called; call both under the write lock."""
        with suppress(FileNotFoundError):
            if os.path.samefile(self._lock, self._next):
                os.unlink(self._lock)  # ours, and whoever made it was killed: we have the write lock
        return File(self._next, f"{commit}\n".encode())

    def move(self, expect_old: Callable[[], None]) -> None:
        """Put the next file in its place; *expect_old* raises what is to be raised where `main` is not as thought."""
        self._take_lock()
        try:
            expect_old()
            os.rename(self._lock, self._path)
        except BaseException:
            os.unlink(self._lock)
            raise
        fsync_folder(Path(self._path).parent)

    def _take_lock(self) -> None:
        """Wait for git's lock; sweep one that a killed process left."""
        seen: tuple[int, int] | None = None
        since = start = time.monotonic()
        while time.monotonic() - start < _LOCK_SECONDS:
            try:
                return os.link(self._next, self._lock)
            except FileExistsError:
                time.sleep(0.005)
            try:
                stat = os.stat(self._lock)
            except FileNotFoundError:
                continue
            if seen != (stat.st_ino, stat.st_mtime_ns):
                seen, since = (stat.st_ino, stat.st_mtime_ns), time.monotonic()
            elif time.monotonic() - since > _STALE_LOCK_SECONDS:
                Path(self._lock).unlink(missing_ok=True)
        raise WriteContended
