"""Where the figures come from: they mean little without it."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
from importlib import metadata
from pathlib import Path

_FSYNCS = 50


def describe(folder: Path) -> dict[str, object]:
    """Versions, processors, and what an fsync costs in *folder*: on a disk in memory, nothing."""
    return {
        "python": platform.python_version(),
        "pygit2": metadata.version("pygit2"),
        "git": subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout.split()[2],
        "processors": os.cpu_count(),
        "fsync_ms": round(_fsync_ms(folder), 3),
    }


def _fsync_ms(folder: Path) -> float:
    times: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_FSYNCS):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000
