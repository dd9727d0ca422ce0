"""Files that stay through a power cut, and errors that mean a full disk."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from promptgit.errors import StorageFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = tuple(os.strerror(number) for number in _FULL)


TEMPORARY = "tmp_promptgit_"


def is_full(error: Exception) -> bool:
    """Whether *error* means that there is no room."""
    if isinstance(error, sqlite3.Error):
        return error.sqlite_errorcode == sqlite3.SQLITE_FULL
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    return any(text in str(error) for text in _FULL_TEXTS)  # libgit2 passes on the system's words alone


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise StorageFull for whatever means that there is no room."""
    try:
        yield
    except Exception as error:
        if is_full(error):
            raise StorageFull from error
        raise


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a whole file, or none; its name stays through a power cut once its folder is fsynced."""
    # git gc takes every *.idx without a pack for a leftover and removes it: the name ends in something else.
    temporary = path.with_name(f"{TEMPORARY}{path.name}_")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def fsync_folder(path: Path) -> None:
    """Make the names in a folder stay through a power cut."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
