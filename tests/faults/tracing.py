"""Errors of chosen system calls, by strace(1): `-e inject=`, of processes that run already, or from their start."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support import Server, processes_of, stat_of

FSYNCS = "fsync,fdatasync,sync_file_range,msync,sync,syncfs"
_LINE = re.compile(r"(?:(\d+) +)?(\w+)\((.*)\) += (-?\w+)(.*)")
_END_SECONDS = 120
_PF_EXITING = 0x4  # proc_pid_stat(5): flags; from the start of the end


@dataclass(frozen=True)
class Call:
    """A system call that was seen: its thread, its name, its arguments as strace prints them, what it returned."""

    thread: int
    name: str
    arguments: str
    result: str
    was_injected: bool


@cache
def expect_strace() -> None:
    """Skip where strace is not there, or may not be used."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    done = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"strace cannot be used here: {done.stderr.strip()}")


def from_start(calls: str, what: str) -> list[str]:
    """What to put before a command, so that *calls* do *what* (as `retval=0`, which makes an fsync do nothing)."""
    expect_strace()
    # Only the calls that are tampered with stop the process (--seccomp-bpf).
    rules = ["-e", f"trace={calls}", "-e", f"inject={calls}:{what}"]
    return ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", *rules]


def worker_of(server: Server) -> int:
    """The process of a server's only worker, which has answered something before."""
    master = server.process.pid
    # Not the git processes that the worker has started.
    (worker,) = (int(one.name) for one in processes_of(master, parent=master))
    return worker


@contextmanager
def traced(
    process: int, calls: str, *inject: str, paths: Sequence[Path] = (), threads: Collection[int] = ()
) -> Iterator[list[Call]]:
    """Trace *calls* (as `openat,write`) of a process; what was seen is in the list after the block.

    Each of *inject* is a rule as `fsync:error=EIO:when=2`: each thread counts its own calls. With *paths* only calls
    on these very files and folders are seen, and tampered with; with *threads* only those of these threads. The
    process may be killed (`fsync:signal=KILL`).
    """
    expect_strace()
    seen: list[Call] = []
    with TemporaryDirectory() as folder:
        log = Path(folder) / "calls"
        options = [f"-einject={rule}" for rule in inject] + [f"--trace-path={path}" for path in paths]
        whose = [f"-p{thread}" for thread in threads] or ["-f", f"-p{process}"]
        command = ["strace", "-y", "-o", str(log), "-e", f"trace={calls}", *options, *whose]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
            assert child.stderr is not None
            try:
                for _ in threads or [process]:
                    said = child.stderr.readline()  # "Process 1 attached with 9 threads"
                    if "attached" not in said:
                        pytest.skip(f"strace cannot attach to a process here: {said}{child.stderr.read()}")
                yield seen
            finally:
                _end(child, process)
        found = (_LINE.match(line) for line in log.read_text(errors="replace").splitlines())
        alone = next(iter(threads), process)  # strace names no thread where there is one
        seen += [Call(int(one[1] or alone), one[2], one[3], one[4], "(INJECTED)" in one[5]) for one in found if one]


def _end(strace: subprocess.Popen[str], process: int) -> None:
    if not _is_exiting(process):  # else strace ends by itself, and would wait for ever for a thread that it had reaped
        strace.send_signal(signal.SIGINT)
    try:
        strace.communicate(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        strace.kill()
        raise


def _is_exiting(process: int) -> bool:
    try:
        return bool(int(stat_of(Path(f"/proc/{process}"))[6]) & _PF_EXITING)
    except (FileNotFoundError, ProcessLookupError):
        return True


def without_privilege() -> list[str]:
    """What to put before a command, so that modes of files bind it, if this process is root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv, for root may read everything")
    gone = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={gone}", f"--inh-caps={gone}"]
