"""A file of JSON records with secrets, which processes that share a folder read and change: tokens, hooks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from promptgit.errors import LockTimeout, ManagedElsewhere
from promptgit.store.files import make_folder_durably, storage_errors, write_durably

Record = dict[str, Any]


class BrokenSeal(ValueError):
    """The records of a file are not those that its seal was made of."""


_LOCK_SECONDS = 10.0
_SEAL = "seal"


class RecordsFile:
    """The file *path*, which holds `{NAME: [record, ...], "seal": ...}`; its lock lies next to it.

    The seal is a checksum of the records: one flipped bit could make another right, address or date of them. Older
    files have none, and whoever edits a file by hand removes it.
    A *distributed* one comes from an administrator, and is only read.
    """

    def __init__(self, path: Path, name: str, *, distributed: bool = False) -> None:
        self.path = path
        self._name = name
        self.distributed = distributed

    def read(self) -> list[Record] | None:
        """The records; None: there is no file.

        Raises:
            OSError: it cannot be read.
            ValueError, KeyError, TypeError, RecursionError: it holds something else, or its seal does not fit.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        whole = json.loads(data)
        records: list[Record] = whole[self._name]
        if not isinstance(records, list):
            raise TypeError(f"{self._name} must be a list")
        if _SEAL in whole and whole[_SEAL] != _seal(records):
            raise BrokenSeal(f"its {_SEAL} does not fit; whoever has edited it by hand removes the member {_SEAL!r}")
        return records

    def write(self, records: Sequence[Record]) -> None:
        """Put records in the place of all that were there; they stay through a power cut. Call it within `locked`.

        Raises:
            OSError: nothing was written.
            OutcomeUnknown: they were written, but a power cut may undo that.
        """
        text = json.dumps({self._name: records, _SEAL: _seal(records)}, indent=2, ensure_ascii=False)
        write_durably(self.path, text.encode() + b"\n", 0o600)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Within, nobody else changes the file.

        Raises:
            ManagedElsewhere: the file is distributed.
            LockTimeout: somebody else did for ten seconds.
            StorageFull, StorageFailed: of the lock, or of what is written within.
        """
        if self.distributed:
            raise ManagedElsewhere(self._name)
        try:
            with storage_errors():
                make_folder_durably(self.path.parent)
                # Made for each use: a lock must not go through a fork.
                held = FileLock(self.path.with_suffix(".lock"), timeout=_LOCK_SECONDS, poll_interval=0.01).acquire()
            with held, storage_errors():
                yield
        except Timeout:
            raise LockTimeout(_LOCK_SECONDS) from None


def _seal(records: Sequence[Record]) -> str:
    """The SHA-256 of the records, however their file is indented."""
    return hashlib.sha256(json.dumps(records, sort_keys=True).encode()).hexdigest()
