"""Which objects could not be read: noted in a file that all processes share, until they read well again."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

_LINE = 41  # 40 hexadecimal digits and a line end
_MOST = 1_000  # objects; who has lost more knows it


class Unreadable:
    """The notes of one repository, in the file *path*, which is there only while something is damaged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, oid: str, reason: str) -> None:
        """Note that an object cannot be read, and log it the first time."""
        known = self.noted()
        if oid in known or len(known) >= _MOST:
            return
        log.error("The object %s cannot be read: %s. See 'promptgit check'.", oid, reason)
        with suppress(OSError):  # the log has it
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                os.write(file, f"{oid}\n".encode())
            finally:
                os.close(file)

    def noted(self) -> list[str]:
        """The ids of the objects that could not be read, in hexadecimal."""
        try:
            return [line for line in self._path.read_text(errors="replace").split("\n") if len(line) == _LINE - 1]
        except OSError:
            return []

    def forget(self, well: Collection[str]) -> None:
        """Drop the notes of objects that can be read again. What another process notes meanwhile it meets again."""
        left = [oid for oid in self.noted() if oid not in well]
        with suppress(OSError):
            if left:
                self._path.write_text("".join(f"{oid}\n" for oid in left))
            else:
                self._path.unlink(missing_ok=True)
