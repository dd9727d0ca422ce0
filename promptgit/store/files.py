"""Files that stay through a power cut, and errors that mean a full disk."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from promptgit.errors import StorageFull

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_TEXTS = tuple(os.strerror(number) for number in _FULL)

TEMPORARY = "tmp_promptgit_"


class File(NamedTuple):
    """A file to write."""

    path: Path
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
    write_all_durably([File(path, data, mode)])


def write_all_durably(files: Iterable[File]) -> None:
    """Like `write_durably`, for files that appear one after the other, once all of them are on disk."""
    # git gc takes every *.idx without a pack for a leftover and removes it: the names end in something else.
    temporaries = {file: str(file.path.with_name(f"{TEMPORARY}{file.path.name}_")) for file in files}
    try:
        with ExitStack() as opened:
            numbers = [opened.enter_context(_written(temporary, file)) for file, temporary in temporaries.items()]
            # The disk gets them all now, so that what the first fsync waits for is what the others would wait for.
            for number in numbers[1:]:
                _begin_to_store(number)
            for number in numbers:
                os.fsync(number)
        for file, temporary in temporaries.items():
            os.rename(temporary, file.path)
    except BaseException:
        for temporary in temporaries.values():
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        raise


@contextmanager
def _written(path: str, file: File) -> Iterator[int]:
    """The descriptor of a new file at *path*, with what is to be in *file*."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, file.mode), "wb", buffering=0) as opened:
        rest = memoryview(file.data)
        while rest:
            rest = rest[opened.write(rest) :]
        yield opened.fileno()


def _begin_to_store(file: int) -> None:
    """Have the system begin to write a file to disk, and wait for nothing (Linux does so, see posix_fadvise(2))."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)


def fsync_folder(path: Path) -> None:
    """Make the names in a folder stay through a power cut."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
