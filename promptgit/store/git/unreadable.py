"""Which objects could not be read: noted in a file that all processes share, until they read well again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from promptgit.errors import PromptgitError

log = logging.getLogger(__name__)

_ID = 40  # hexadecimal digits
_NOWHERE = "0" * _ID
_MOST = 1_000  # objects; beyond so many, no more are noted


class Unreadable:
    """The notes of one repository, in the file *path*, which is there only while something is damaged.

    *main* gives the commit at which `main` is. A note has that commit, too: it counts as long as the first-parent
    history of `main` has the commit.
    """

    def __init__(self, path: Path, main: Callable[[], str]) -> None:
        self._path = path
        self._main = main

    def note(self, oid: str, reason: str) -> None:
        """Note that an object cannot be read, and log it the first time."""
        known = self.noted()
        if oid in known or len(known) >= _MOST:
            return
        log.error("The object %s cannot be read: %s. See 'promptgit check'.", oid, reason)
        try:
            seen_at = self._main()
        except PromptgitError:
            seen_at = _NOWHERE
        with suppress(OSError):  # the log has it
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                os.write(file, f"{oid} {seen_at}\n".encode())
            finally:
                os.close(file)

    def noted(self) -> dict[str, str]:
        """The id of each object that could not be read, and the id of the commit at which `main` was at that time."""
        try:
            lines = [line.split(" ") for line in self._path.read_text(errors="replace").split("\n")]
        except OSError:
            return {}
        return {line[0]: line[1] for line in lines if [len(word) for word in line] == [_ID, _ID]}

    def forget(self, oids: Collection[str]) -> None:
        """Drop the notes of some objects. What another process notes meanwhile it meets again."""
        left = {oid: seen_at for oid, seen_at in self.noted().items() if oid not in oids}
        with suppress(OSError):
            if left:
                self._path.write_text("".join(f"{oid} {seen_at}\n" for oid, seen_at in left.items()))
            else:
                self._path.unlink(missing_ok=True)
