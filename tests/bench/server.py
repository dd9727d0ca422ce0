"""Servers as processes: promptgit, and the bare one that is its floor; what they use of the machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench.connection import Address, Failed

PROMPTGIT = str(Path(sys.executable).with_name("promptgit"))
_TICKS = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 60.0


class Server:
    """A server that prints its URL on a line of its standard output once it listens."""

    def __init__(self, command: list[str], log: Path, **settings: str) -> None:
        self._log = log
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                command,
                env={**environment(), **settings},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(r"http://([\d.]+):(\d+)", line)
        if found is None:
            self.stop()
            raise Failed(f"{' '.join(command)} does not serve: {log.read_text()[-2000:]}")
        self.address: Address = (found[1], int(found[2]))

    def __enter__(self) -> Self:
        self.settle()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
        if error is not None:
            print(self._log.read_text(errors="replace")[-2000:], file=sys.stderr)

    def settle(self) -> None:
        """Wait until all its processes have done their imports: one that comes late skews the first round."""
        before = -1.0
        while (now := self.cpu_seconds()) != before:
            before = now
            time.sleep(0.3)

    def stop(self) -> None:
        """Stop it as an operator would; by force if it does not."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def cpu_seconds(self) -> float:
        """What all its processes have used of the processor, in user and system mode."""
        return sum(sum(map(int, _stat(process)[11:13])) for process in self._processes()) / _TICKS

    def memory_mb(self, of: str = "Pss") -> float:
        """The memory of all its processes, a page that several share split between them (PSS).

        That counts pages of files which it has mapped; *of* Pss_Anon it is without them.
        """
        rollups = [Path(f"/proc/{process}/smaps_rollup").read_text() for process in self._processes()]
        return sum(int(found[1]) for text in rollups if (found := re.search(rf"^{of}: +(\d+) kB", text, re.M))) / 1024

    def _processes(self) -> list[int]:
        parent = self._process.pid
        children = [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and _parent(entry) == parent]
        return [parent, *children]


def promptgit(folder: Path, **settings: str) -> Server:
    """`promptgit serve` on a free port, as it comes but for *settings*, which are variables of its environment."""
    command = [PROMPTGIT, "serve", "--data", str(folder), "--port", "0"]
    return Server(command, folder.with_suffix(".log"), **settings)


def bare_flask(log: Path) -> Server:
    """One bare Flask route, on gunicorn with the same workers and threads."""
    module = "tests.bench.floor_app"
    return Server([sys.executable, "-m", "gunicorn", "-c", f"python:{module}", f"{module}:app"], log)


def environment() -> Mapping[str, str]:
    """The environment of every child: nobody's settings of git or promptgit; no upkeep beside a figure."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "PROMPTGIT_"))}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "LC_ALL": "C.UTF-8",
        "PROMPTGIT_UPKEEP_INTERVAL": "0",
    }


def _stat(process: int | str) -> list[str]:
    """The fields of /proc/PID/stat after the command's name, which may hold spaces (proc(5))."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def _parent(process: str) -> int | None:
    try:
        return int(_stat(process)[1])
    except (FileNotFoundError, ProcessLookupError):
        return None  # it has just ended
