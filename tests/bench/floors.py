"""The floors without a server: bare libgit2, and git itself."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

from tests.bench.connection import Failed
from tests.bench.report import Figures, figures
from tests.bench.samples import text
from tests.bench.server import environment

_MAIN = "refs/heads/main"
_CHUNK = 1 << 16


class BareCommits:
    """A repository in which one loop commits: no server, no index, no other writer; durable all the same."""

    def __init__(self, folder: Path) -> None:
        pygit2.settings.enable_fsync_gitdir(True)
        self._git = pygit2.init_repository(folder, bare=True, initial_head="main")
        for first in range(256):
            (folder / "objects" / f"{first:02x}").mkdir(exist_ok=True)
        self._signature = pygit2.Signature("bench", "bench@localhost")
        self._made = 0
        self._git.create_reference(_MAIN, self._commit([]))

    def run(self, count: int) -> Figures:
        """Make commits, each a version of one prompt."""
        seconds: list[float] = []
        for _ in range(count):
            content = text(self._made).encode()
            start = time.perf_counter()
            ref = self._git.lookup_reference(_MAIN)
            ref.set_target(self._commit([ref.target], content))  # refused if the ref has moved meanwhile
            seconds.append(time.perf_counter() - start)
        return figures(seconds, sum(seconds))

    def _commit(self, parents: list[str | pygit2.Oid], content: bytes = b"") -> pygit2.Oid:
        git = self._git
        entry, mode = git.create_blob(content), FileMode.BLOB
        for name in ("write.md", "bench", "prompts"):
            builder = git.TreeBuilder()
            builder.insert(name, entry, mode)
            entry, mode = builder.write(), FileMode.TREE
        self._made += 1
        return git.create_commit(None, self._signature, self._signature, "Update bench/write", entry, parents)


def git(repository: Path, *arguments: str) -> str:
    """What a git command prints, without the newline at its end."""
    command = ["git", f"--git-dir={repository}", *arguments]
    return subprocess.run(command, env=environment(), check=True, capture_output=True, text=True).stdout.rstrip("\n")


def timed(command: Sequence[str | Path], *, stdin: Path | None = None) -> float:
    """The seconds that a whole process takes; what it prints is not wanted."""
    with open(stdin or "/dev/null", "rb") as source:
        start = time.perf_counter()
        done = subprocess.run(
            command, env=environment(), stdin=source, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        seconds = time.perf_counter() - start
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))} failed: {done.stderr[-2000:]}")
    return seconds


def timed_output(command: Sequence[str | Path]) -> tuple[float, float]:
    """The seconds until the first byte that a process prints, and until its end."""
    start = time.perf_counter()
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read(1)
        first = time.perf_counter() - start
        while child.stdout.read(_CHUNK):
            pass
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, list(command))
    return first, time.perf_counter() - start


class BareReads:
    """Reads some prompts' contents with libgit2 and makes JSON of them."""

    def __init__(self, repository: Path, count: int) -> None:
        self._git = pygit2.Repository(repository)
        self._blobs = git(repository, "ls-tree", "-r", "--format=%(objectname)", _MAIN, "prompts").split("\n")[:count]

    def seconds(self) -> float:
        """How long that takes once."""
        start = time.perf_counter()
        json.dumps([{"content": self._git.read(blob)[1].decode()} for blob in self._blobs])
        return time.perf_counter() - start
