"""Files that stay through a power cut, and errors that mean that the disk is full or has failed."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISREG
from tempfile import NamedTemporaryFile
from typing import NamedTuple

from promptgit.errors import OutcomeUnknown, PromptgitError, StorageFailed, StorageFull, UnusableRepository

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FAILED = (errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS, errno.EACCES, errno.EPERM, errno.ESTALE)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
_FAILED_SQLITE = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM)

Mark = tuple[int, int, int, int]
"""What tells a changed file: see `mark_of`."""

_TICK_NS = 50_000_000  # of a file system's clock, generously
_RESERVE_BYTES = 1 << 20
TEMPORARY = "tmp_promptgit_"


class File(NamedTuple):
    """A file to write."""

    path: str
    data: bytes
    mode: int = 0o644


def mark_of(path: str) -> Mark | None:
    """A value that changes with a file: its times in nanoseconds, its size, its inode; None: it is missing.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)


def is_settled(mark: Mark) -> bool:
    """False of a file that changed a moment ago: it may change again within the clock's tick, and look the same."""
    return time.time_ns() - max(mark[:2]) > _TICK_NS


def is_full(error: Exception) -> bool:
    """Whether *error* means that there is no room."""
    if isinstance(error, sqlite3.Error):
        return error.sqlite_errorcode == sqlite3.SQLITE_FULL
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    return _words(error, _FULL) is not None


def failure(error: Exception) -> StorageFull | StorageFailed | None:
    """What an error of the system, of SQLite or of libgit2 means for a write that is not made yet; None: another."""
    if isinstance(error, PromptgitError) and not isinstance(error, UnusableRepository):  # it has git's words
        return None
    if is_full(error):
        return StorageFull()
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return StorageFailed(str(error)) if code in _FAILED_SQLITE else None
    if isinstance(error, OSError) and error.errno is not None:
        return StorageFailed(os.strerror(error.errno))
    words = _words(error, _FAILED)
    return None if words is None else StorageFailed(words)


def _words(error: Exception, numbers: Sequence[int]) -> str | None:
    """The system's words for one of *numbers* in an error of libgit2 or git, which pass nothing else on."""
    return next((words for words in map(os.strerror, numbers) if words in str(error)), None)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise StorageFull or StorageFailed for what means that the disk is full or has failed.

    Both promise that nothing was written: nothing that can fail after a write was made belongs in here.
    """
    try:
        yield
    except Exception as error:
        if (meant := failure(error)) is not None:
            raise meant from error
        raise


@storage_errors()
def expect_room(folder: Path) -> None:
    """Refuse to begin a write where there is so little room that the index could not follow git.

    Raises:
        StorageFull: less than a mebibyte is free.
        StorageFailed: that cannot be known.
    """
    stat = os.statvfs(folder)
    if stat.f_blocks and stat.f_bavail * stat.f_frsize < _RESERVE_BYTES:
        raise StorageFull


def write_durably(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a whole file in the place of the one that is there, or leave that; it then stays through a power cut.

    Raises:
        OSError: nothing was written.
        OutcomeUnknown: it was written, but a power cut may undo that.
    """
    write_all_durably([File(str(path), data, mode)])
    try:
        fsync_folder(path.parent)
    except OSError as error:
        raise OutcomeUnknown from error


def write_state(path: Path, data: bytes) -> None:
    """Write a whole small file in the place of the one that is there; a power cut may undo it, or leave it empty.

    One process does so at a time.
    """
    temporary = _temporary(str(path))
    with open(temporary, "wb") as file:
        file.write(data)
    os.rename(temporary, path)


def write_all_durably(files: Sequence[File]) -> None:
    """Write files that appear one after the other, once the contents of all of them are on disk.

    Their names stay through a power cut once their folders are fsynced, which is left to the caller.
    """
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


def make_folder_durably(path: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it, if they are missing; it stays through a power cut, also if it was there."""
    missing = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=mode, exist_ok=True)
    for folder in (path, *missing):
        with suppress(PermissionError):  # who may not list the folder above has not made this one
            fsync_folder(folder.parent)


def has_hard_links(folder: Path) -> bool:
    """True if files of a folder can have second names (link(2)); FAT, exFAT and some network shares have none."""
    with NamedTemporaryFile(prefix=TEMPORARY, dir=folder) as file:
        try:
            os.link(file.name, f"{file.name}_")
        except OSError as error:
            if error.errno in _NO_LINKS:
                return False
            raise
        os.unlink(f"{file.name}_")
    return True


def fsync_folder(path: Path) -> None:
    """Make the names in a folder stay through a power cut."""
    _fsync(path, os.O_DIRECTORY)


def fsync_tree(path: Path, since: float = 0) -> None:
    """Make all files and folders below a folder stay through a power cut, whoever wrote them.

    With *since*, in seconds since 1970, those that have not changed after it are taken to be on disk: an fsync of
    a file takes some 0.6 ms even if there is nothing to write (ext4, NVMe in a virtual machine, 2026-11).
    """
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError, PermissionError):  # others' temporary files; what is not the service's
                file = Path(folder, name)
                stat = file.lstat()
                if S_ISREG(stat.st_mode) and stat.st_ctime >= since:
                    _fsync(file)
        with suppress(FileNotFoundError):
            fsync_folder(Path(folder))


def _fsync(path: Path, flags: int = 0) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
    try:
        os.fsync(file)
    finally:
        os.close(file)
