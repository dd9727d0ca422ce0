"""The floor of writes through an upstream: `git commit; git push` in a loop, without a service."""

from __future__ import annotations

import statistics
import subprocess
import time
from pathlib import Path

from tests.bench.connection import Failed
from tests.bench.report import Figures, figures
from tests.bench.samples import text
from tests.bench.server import environment

_IDENTITY = ("-c", "user.name=Bench", "-c", "user.email=bench@localhost")
_FILE = "prompts/bench/write.md"


class BarePushes:
    """A clone with a working tree, in which one loop commits and pushes; each commit is on disk before its push."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._made = 0
        folder.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("remote", "add", "origin", url)
        (folder / _FILE).parent.mkdir(parents=True)
        (folder / _FILE).write_text("")
        self._git("add", _FILE)
        self._git("commit", "--quiet", "-m", "Begin")
        self._git("push", "--quiet", "origin", "main")

    def run(self, count: int) -> tuple[Figures, float]:
        """Commit and push one version after the other; and how many seconds the median `git push` takes."""
        seconds: list[float] = []
        pushes: list[float] = []
        for _ in range(count):
            self._made += 1
            content = text(self._made)
            start = time.perf_counter()
            (self._folder / _FILE).write_text(content)
            self._git("commit", "--quiet", "--all", "-m", "Update bench/write")
            committed = time.perf_counter()
            self._git("push", "--quiet", "origin", "main")
            end = time.perf_counter()
            seconds.append(end - start)
            pushes.append(end - committed)
        return figures(seconds, sum(seconds)), statistics.median(pushes)

    def _git(self, *arguments: str) -> None:
        command = ["git", *_IDENTITY, "-c", "core.fsync=all", "-c", "gc.auto=0", *arguments]
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"git {' '.join(arguments)} failed: {done.stderr[-2000:]}")
