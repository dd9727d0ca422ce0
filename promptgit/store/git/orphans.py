"""Whether a lock file of git still has an owner.

git keeps no process id in its lock files. A hook or a prepared transaction may hold a lock for as long as it likes,
with the file closed, so neither the lock's age nor its open handles tell. It is without an owner only if no process
that could have made it is alive; where that cannot be seen, it is taken to be held. Times of the lock and of processes
are not compared: somebody may have set the clock forward since.

Programs that are not git (libgit2, JGit) are recognized while they have the lock file open. Those that close it give it
its final name at once, as a rule.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_INITIAL_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO of the kernel's proc_ns.h: from elsewhere, processes are invisible
_SLACK_SECONDS = 2.0  # the boot's time is known to the second
# git's commands that never lock a branch of the repository in which they run, and may run for long: clones, reads,
# upkeep, the near side of a push.
_HARMLESS = frozenset(
    b"cat-file commit-graph daemon diff fsck log multi-pack-index pack-objects push rev-list upload-pack".split()
)
_WITH_VALUE = frozenset(
    [b"-C", b"-c", b"--git-dir", b"--work-tree", b"--namespace", b"--config-env", b"--super-prefix", b"--attr-source"]
)
_MOST_FOLDERS = 100  # above each other


def has_no_owner(lock: Path, repository: Path) -> bool:
    """True if the process that made *lock* in *repository* is certainly dead.

    No git works in this repository, and nobody has the lock open, as far as processes can be seen. And: all processes
    of the machine can be seen (Linux, outside of containers), or the lock is from before the last boot. The repository
    must be on a local file system. False where it cannot be told, or the lock is gone.
    """
    try:
        made = lock.stat().st_mtime
    except FileNotFoundError:
        return False
    boot = _boot()
    if boot is None or (made >= boot - _SLACK_SECONDS and not _sees_all()):
        return False
    return not any(_may_hold(process, lock, repository) for process in _processes())


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


def _may_hold(process: Path, lock: Path, repository: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        if _has_open(process, lock):
            return True
        if b"git" not in os.path.basename(words[0]) or _command(words) in _HARMLESS:
            return False
        common = _common_folder(process, words)
        return common is not None and common.samefile(repository)
    except (FileNotFoundError, ProcessLookupError):
        return process.exists() and _is_git(process)  # its folder has gone, or it has ended meanwhile
    except OSError:
        return _is_git(process)  # of another user, and not to be looked into


def _is_git(process: Path) -> bool:
    try:
        return b"git" in (process / "comm").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def _has_open(process: Path, lock: Path) -> bool:
    for handle in (process / "fd").iterdir():
        with suppress(FileNotFoundError):
            if os.path.basename(os.readlink(handle)) == lock.name and handle.samefile(lock):
                return True
    return False


def _command(words: Sequence[bytes]) -> bytes:
    """Which of git's commands it runs: `log` for `git -C here log`, and for `git-log`."""
    program = os.path.basename(words[0])
    if program.startswith(b"git-"):
        return program.removeprefix(b"git-")
    rest = iter(words[1:])
    for word in rest:
        if not word.startswith(b"-"):
            return word
        if word in _WITH_VALUE:
            next(rest, None)
    return b""


def _common_folder(process: Path, words: Sequence[bytes]) -> Path | None:
    """The repository in which a git process works, found as git finds it (gitrepository-layout(5)); None: in none.

    Paths lead through /proc, so that they are the process's own, in whatever container it is.

    Raises:
        OSError: it cannot be told.
    """
    here = process / "cwd"
    given = _git_dir(process, words)
    folder = _led_to(process, here, given) if given else _discovered(here)
    if folder is None:
        return None
    if folder.is_file():
        folder = _led_to(process, folder.parent, folder.read_text().removeprefix("gitdir:").strip())
    common = folder / "commondir"
    return _led_to(process, folder, common.read_text().strip()) if common.exists() else folder  # of a worktree


def _git_dir(process: Path, words: Sequence[bytes]) -> str:
    variables = (process / "environ").read_bytes().split(b"\0")
    found = [one.removeprefix(b"GIT_DIR=") for one in variables if one.startswith(b"GIT_DIR=")]
    for at, word in enumerate(words):
        if word.startswith(b"--git-dir="):
            found.append(word.removeprefix(b"--git-dir="))
        elif word == b"--git-dir":
            found += words[at + 1 : at + 2]
    return os.fsdecode(found[-1]) if found else ""


def _led_to(process: Path, here: Path, path: str) -> Path:
    """Where a path leads that a process finds in the folder *here*."""
    return process / "root" / path.lstrip("/") if os.path.isabs(path) else here / path


def _discovered(folder: Path) -> Path | None:
    for _ in range(_MOST_FOLDERS):
        if (folder / ".git").exists():
            return folder / ".git"
        if (folder / "HEAD").exists() and (folder / "objects").exists():
            return folder
        if folder.samefile(folder / ".."):
            break
        folder = folder / ".."
    return None
