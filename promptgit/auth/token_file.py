"""`tokens.json` of a data folder, and the repository's memory that a token was ever made.

The memory is a file in `prompts.git`, so that a folder in which `tokens.json` was lost, or to which the repository
alone was restored, stays closed. A clone made by git does not have it. A backup also has a copy of `tokens.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from promptgit.errors import Invalid, UnusableTokens
from promptgit.store.files import Mark, fsync_folder, mark_of, storage_errors, write_durably
from promptgit.store.records import BrokenSeal, Record, RecordsFile

NAME = "tokens.json"

_MEMORY = "promptgit-tokens"
_MEMORY_TEXT = b"A token was made here: without tokens.json nobody is let in (docs/access.md).\n"


class TokenFile:
    """The file, and what the repository in the same folder remembers; several processes may use them at the same time.

    *parse* raises for a record that is no token. A file at *path* is distributed by an administrator: it takes the
    place of the one in the folder, is only read, and keeps the folder closed where it is missing.
    """

    def __init__(self, folder: Path, parse: Callable[[Record], object], path: Path | None = None) -> None:
        self._file = RecordsFile(path or folder / NAME, "tokens", distributed=path is not None)
        self.path = self._file.path
        self._name = str(self.path)
        self._parse = parse
        self._repository = folder / "prompts.git"
        self._memory = str(self._repository / _MEMORY)
        self._copy = self._repository / NAME  # of a backup that was restored

    @property
    def is_distributed(self) -> bool:
        """True if it comes from an administrator, and is only read."""
        return self._file.distributed

    def exists(self) -> bool:
        """True if the file is there."""
        return self.path.exists()

    def remembers(self) -> bool:
        """True if the repository remembers that a token was made, or the file is distributed; costs one system call."""
        if self._file.distributed:
            return True
        try:
            os.stat(self._memory)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # it cannot be told: as if a token had been made, so that nobody is let in without one
        return True

    def was_made(self) -> bool:
        """True if a token was ever made, whether or not the file is still there."""
        return self.exists() or self.remembers()

    def mark(self) -> Mark | None:
        """The `files.mark_of` the file.

        Raises:
            UnusableTokens: it cannot be looked at.
        """
        try:
            return mark_of(self._name)
        except OSError as error:
            raise UnusableTokens(self._name, str(error.strerror)) from error

    def load(self) -> list[Record] | None:
        """The records, as another version of promptgit may have written them; None if no token was ever made.

        Raises:
            UnusableTokens: the file cannot be read, or it was lost. Nobody is let in.
        """
        try:
            records = self._file.read()
            for record in records or ():
                self._parse(record)
            has_copy = records is None and not self._file.distributed and self._copy.exists()
        except OSError as error:
            raise UnusableTokens(self._name, str(error.strerror)) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, Invalid) as error:
            said = str(error) if isinstance(error, BrokenSeal) else f"{type(error).__name__}: {error}"
            raise UnusableTokens(self._name, said) from error
        if has_copy:
            self.settle()
            return self.load()
        if records is None and self.was_made():
            raise UnusableTokens(
                self._name,
                "the file is missing" if self._file.distributed else "the file is missing, though a token was made",
                "Put it back"
                if self._file.distributed
                else "Put it back, or make a token with 'promptgit token create'",
            )
        return records

    @contextmanager
    def changing(self) -> Iterator[list[Record]]:
        """The records, under the lock; they are on disk at the end if they were changed. A lost file begins anew.

        Raises:
            ManagedElsewhere, LockTimeout, StorageFull, UnusableTokens
        """
        with self._file.locked():
            self._take_over()
            records = (self.load() or []) if self.exists() else []
            before = json.dumps(records)
            yield records
            if json.dumps(records) != before:
                self._remember()
                self._file.write(records)

    def settle(self) -> None:
        """Take over the copy that came with a restored backup, and have the repository remember. Call it at the start.

        Raises:
            LockTimeout, StorageFull
        """
        if self._file.distributed:
            return
        if self._copy.exists() or (self.exists() and not self.remembers()):
            with self._file.locked():
                self._take_over()
                self._remember()

    def copy_into(self, backup: Path) -> int | None:
        """Put the memory and a copy of the file into a backup of the repository; how many tokens the copy has.

        None: it has no copy, because no token was ever made.

        Raises:
            UnusableTokens: the file cannot be read, or was lost. The backup keeps the copy that it has, and remembers.
        """
        if not self.was_made():
            return None
        _write_memory(backup)
        records = self.load() or []
        with storage_errors():
            RecordsFile(backup / NAME, "tokens").write(records)
        return len(records)

    def _take_over(self) -> None:
        """A copy is used once: later it would bring back tokens that were revoked since."""
        if self.exists():
            self._copy.unlink(missing_ok=True)
        elif self._copy.exists():
            os.rename(self._copy, self.path)
            fsync_folder(self.path.parent)

    def _remember(self) -> None:
        if self._repository.exists() and not self.remembers():
            _write_memory(self._repository)


def _write_memory(repository: Path) -> None:
    with storage_errors():
        write_durably(repository / _MEMORY, _MEMORY_TEXT)
