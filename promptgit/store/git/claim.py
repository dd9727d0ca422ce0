"""The claim of a repack under way: the packs that it counts on, which nobody may join meanwhile.

It is a file with their names, and it holds while the file is locked (flock(2)): also in the children
that have inherited the lock, should their parent be killed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path


class Claim:
    """The claim at *path*; make and read one under the write lock. The file is empty once a claim was fulfilled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def take(self, names: Iterable[str]) -> int | None:
        """Claim packs by the names of their indexes; a descriptor for `release`, None if others have a claim."""
        is_first = not self._path.exists()
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        fulfilled = 0 if is_first else os.fstat(file).st_mtime_ns
        try:
            os.ftruncate(file, 0)
            os.write(file, "\n".join(names).encode())
            os.utime(file, ns=(fulfilled, fulfilled))
        except OSError:
            os.close(file)
            raise
        return file

    def names(self) -> frozenset[str]:
        """The names that are claimed now."""
        try:
            with open(self._path, encoding="ascii") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    # A child that is being forked has the file open, too, and whoever wants a claim does not wait.
                    fcntl.flock(file, fcntl.LOCK_UN)
                    return frozenset()  # whoever made it is gone
                except BlockingIOError:
                    return frozenset(file.read().split("\n"))
        except FileNotFoundError:
            return frozenset()

    def is_broken(self) -> bool:
        """True if the last claim was not fulfilled, and nobody works on it any more: its process was killed, or failed.

        Call it before `take`.
        """
        try:
            return self._path.stat().st_size > 0 and not self.names()
        except FileNotFoundError:
            return False

    def release(self, file: int) -> None:
        """End the claim: close *file*, what `take` gave, once no child works on the packs any more.

        The lock goes first, explicitly. Closing alone would leave it to a child that another thread is forking at this
        moment, which has the descriptor until its exec; the next `take` would then find a claim that nobody has.
        """
        fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)

    def fulfil(self, file: int) -> None:
        """Write down that all was done; the claim itself ends with `release`."""
        os.ftruncate(file, 0)
        os.utime(file)

    def fulfilled_at(self) -> float | None:
        """When a claim was last fulfilled, in seconds since 1970; None: never."""
        try:
            return os.stat(self._path).st_mtime or None
        except FileNotFoundError:
            return None
