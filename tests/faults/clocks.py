"""Wall clocks that lie: of a process and its children, by a library that is put before the system's (ld.so(8))."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support import environment

DAY = 86_400.0
"""In seconds."""


class WrongClock:
    """A clock that is wrong by *seconds*: start processes with *settings*, and `set` it while they run.

    It skips where no library can be made, or where this Python is not deceived by it.
    """

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None or not sys.platform.startswith("linux"):
            pytest.skip("needs Linux, and a C compiler")
        folder.mkdir(exist_ok=True)
        library, self._file = folder / "clock.so", folder / "clock"
        source = Path(__file__).with_name("clock.c")
        command = [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        subprocess.run(command, check=True)
        self.settings = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(self._file)}
        self.set(DAY)
        if not DAY - 600 < self._told_to_others() - time.time() < DAY + 600:
            pytest.skip("this Python asks the kernel for the time without the C library")
        self.set(0)

    def set(self, seconds: float) -> None:
        """Be wrong by so much from now on, in all processes."""
        self.seconds = seconds
        file = os.open(self._file, os.O_WRONLY | os.O_CREAT)
        try:
            os.pwrite(file, struct.pack("=q", int(seconds * 1e9)), 0)
        finally:
            os.close(file)

    def set_to(self, year: int) -> None:
        """Be at noon (UTC) of the first of May of a year."""
        self.set(datetime(year, 5, 1, 12, tzinfo=UTC).timestamp() - time.time())

    def _told_to_others(self) -> float:
        ask = "import json, time, datetime; print(json.dumps([time.time(), datetime.datetime.now().timestamp()]))"
        told = subprocess.run([sys.executable, "-c", ask], env=environment(**self.settings), stdout=subprocess.PIPE)
        return min(json.loads(told.stdout))
