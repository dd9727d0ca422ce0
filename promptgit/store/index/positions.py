"""The place in the first-parent history of `main` that the index reflects; where it is known, it costs one stat(2)."""

from __future__ import annotations

from promptgit.store.git.refs import MainFile, Mark
from promptgit.store.index.change_rows import newest
from promptgit.store.index.index import Index

Position = tuple[int, str]
"""The place of a commit in the first-parent history of `main`, counted from 1, and its id in hexadecimal."""


class Positions:
    """The positions of one index; the last one that a thread has read is remembered for all."""

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
        if before is not None and before == self._main_file.mark():
            self._known = before, found
        return found

    def known(self) -> Position | None:
        """What the last `current` of any thread was, if `main` has not moved since."""
        known = self._known
        return known[1] if known is not None and known[0] == self._main_file.mark() else None
