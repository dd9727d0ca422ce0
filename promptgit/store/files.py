"""Files that stay through a power cut, and errors that mean a full disk."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from promptgit.errors import StorageFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = tuple(os.strerror(number) for number in _FULL)

TEMPORARY = "tmp_promptgit_"


class File(NamedTuple):
    """A file to write."""

    path: str
    data: bytes
    mode: int = 0o644


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
    write_all_durably([File(str(path), data, mode)])


def write_all_durably(files: Sequence[File]) -> None:
    """Like `write_durably`, for files that appear one after the other, once all of them are on disk."""
    temporaries = [_temporary(file.path) for file in files]
    try:
        _write_to_disk(files, temporaries)
        for file, temporary in zip(files, temporaries, strict=True):
            os.rename(temporary, file.path)
    except BaseException:
        for temporary in temporaries:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        raise


def _temporary(path: str) -> str:
    folder, name = os.path.split(path)
    # git gc takes every *.idx without a pack for a leftover and removes it: the name ends in something else.
    return os.path.join(folder, f"{TEMPORARY}{name}_")


def _write_to_disk(files: Sequence[File], paths: Sequence[str]) -> None:
    opened: list[int] = []
    try:
        for file, path in zip(files, paths, strict=True):
            opened.append(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, file.mode))
            rest = memoryview(file.data)
            while rest:
                rest = rest[os.write(opened[-1], rest) :]
        if hasattr(os, "posix_fadvise"):
            # All are on their way to disk before the first is waited for (Linux takes it so, see posix_fadvise(2)).
            for number in opened[1:]:
                os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
        for number in opened:
            os.fsync(number)
    finally:
        for number in opened:
            os.close(number)


def fsync_folder(path: Path) -> None:
    """Make the names in a folder stay through a power cut."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
