"""Whether a lock file of git still has an owner.

git keeps no process id in its lock files. A hook or a prepared transaction may hold a lock for as long as it likes,
with the file closed, so neither the lock's age nor its open handles tell. It is without an owner only if no process
that could have made it is alive; where that cannot be seen, it is taken to be held.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_INITIAL_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO of the kernel's proc_ns.h: from elsewhere, processes are invisible
_SLACK_SECONDS = 2.0  # the boot's time is known to the second
# git's commands that never lock a ref, and may run for long: clones, reads.
_READERS = frozenset([b"upload-pack", b"pack-objects", b"cat-file", b"log", b"rev-list", b"diff", b"daemon", b"fsck"])


def has_no_owner(lock: Path, repository: Path) -> bool:
    """True if the process that made *lock* in *repository* is certainly dead.

    True for a lock from before the last boot; and, where all processes of the machine can be seen (Linux, outside of
    containers), if none of git's processes in this repository is as old as the lock and nobody has the lock open.
    The repository must be on a local file system. False where it cannot be told, or the lock is gone.
    """
    try:
        made = lock.stat().st_mtime
    except FileNotFoundError:
        return False
    boot = _boot()
    if boot is None:
        return False
    if made < boot - _SLACK_SECONDS:
        return True
    if not _sees_all():
        return False
    real = os.path.realpath(repository)
    return not any(_may_hold(process, os.path.realpath(lock), real, made, boot) for process in _processes())


@cache
def _boot() -> float | None:
    """When the machine was started, in seconds since 1970."""
    with suppress(OSError):
        for line in (_PROC / "stat").read_text().splitlines():
            if line.startswith("btime "):
                return float(line.split()[1])
    return None


def _sees_all() -> bool:
    try:
        return os.stat(_PROC / "self" / "ns" / "pid").st_ino == _INITIAL_NAMESPACE and (_PROC / "1" / "stat").exists()
    except OSError:
        return False


def _processes() -> Iterator[Path]:
    return (entry for entry in _PROC.iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid())


def _may_hold(process: Path, lock: str, repository: str, made: float, boot: float) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        if _has_open(process, lock):
            return True
        program = os.path.basename(words[0])
        if not program.startswith(b"git") or not _READERS.isdisjoint(words):
            return False
        return _started(process, boot) <= made + _SLACK_SECONDS and _works_in(process, repository, words)
    except (FileNotFoundError, ProcessLookupError):
        return False  # it has ended meanwhile
    except OSError:
        return b"git" in (process / "comm").read_bytes()  # of another user, and not to be looked into


def _has_open(process: Path, lock: str) -> bool:
    for handle in (process / "fd").iterdir():
        with suppress(FileNotFoundError):
            if os.readlink(handle) == lock:
                return True
    return False


def _started(process: Path, boot: float) -> float:
    # The 22nd field, in clock ticks after the boot; the 2nd is a name in brackets that may hold spaces (proc(5)).
    ticks = (process / "stat").read_bytes().rpartition(b")")[2].split()[19]
    return boot + int(ticks) / os.sysconf("SC_CLK_TCK")


def _works_in(process: Path, repository: str, words: list[bytes]) -> bool:
    """True if it stands in the repository, or is told of it by an argument or a variable."""
    if os.readlink(process / "cwd").startswith(repository):
        return True
    name = os.fsencode(os.path.basename(repository))
    told = [*words, *(process / "environ").read_bytes().split(b"\0")]
    return any(name in word for word in told)
