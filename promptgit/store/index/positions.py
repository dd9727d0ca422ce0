"""The place in the first-parent history of `main` that the index reflects; where it is known, it costs one stat(2)."""

from __future__ import annotations

import threading

from promptgit.store.git.refs import MainFile, Mark
from promptgit.store.index.change_rows import newest
from promptgit.store.index.index import Index

Position = tuple[int, str]
"""The place of a commit in the first-parent history of `main`, counted from 1, and its id in hexadecimal."""


class Positions(threading.local):
    """The positions of one index; each thread remembers its last one."""

    def __init__(self, index: Index, main_file: MainFile) -> None:
        self._index = index
        self._main_file = main_file
        self._known: tuple[Mark, Position] | None = None

    def current(self) -> Position:
        """The position that a read of the index reflects now.

        Raises:
            IndexBusy: the index could not be brought up to `main` in time.
        """
        if (known := self.known()) is not None:
            return known
        before = self._main_file.mark()
        found = self._index.read(newest)
        # Between two equal marks `main` has not moved, and so the index was read at it.
        self._known = (before, found) if before is not None and before == self._main_file.mark() else None
        return found

    def known(self) -> Position | None:
        """What this thread's last `current` was, if `main` has not moved since."""
        return self._known[1] if self._known is not None and self._known[0] == self._main_file.mark() else None
