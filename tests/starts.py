"""Starts the command `promptgit` without the second that its imports take.

A helper process, one for each process of the tests, has imported all of it, and forks for each start: a real process of
its own, with its own session, files and environment. A start that needs another interpreter (an environment variable
that is not promptgit's, a tracer) executes the command instead.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import NoReturn

PROMPTGIT = str(Path(sys.executable).with_name("promptgit"))

# What the commands import when they need it: httpcore2 comes with the first request.
_MODULES = (
    *("promptgit.app", "promptgit.serving.master", "promptgit.serving.memory", "httpcore2"),
    *("uvicorn.loops.uvloop", "uvicorn.lifespan.on", "encodings.idna"),
)
_PACKAGES = ("promptgit.cli", "promptgit.exchange")


class Started:
    """A process that was started, with what the tests use of subprocess.Popen."""

    def __init__(self, status: socket.socket) -> None:
        self.pid = int(status.recv(20))
        self.returncode: int | None = None
        self._status = status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; its exit code, or the negative number of the signal that ended it."""
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                self.returncode = os.waitstatus_to_exitcode(int(self._status.recv(20)))
            except TimeoutError:
                raise subprocess.TimeoutExpired("promptgit", timeout or 0) from None
            self._status.close()
        return self.returncode

    def poll(self) -> int | None:
        """Its exit code, if it has ended."""
        try:
            return self.wait(0.000001)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


@cache
def _helper() -> socket.socket:
    ours, its = socket.socketpair()
    process = subprocess.Popen([sys.executable, "-m", "tests.starts", str(its.fileno())], pass_fds=[its.fileno()])
    its.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def start(arguments: Sequence[str], environment: Mapping[str, str], *, stdin: int, stdout: int, stderr: int) -> Started:
    """Start `promptgit` with *arguments* and three files, by their descriptors."""
    ours, its = socket.socketpair()
    order = json.dumps([list(arguments), dict(environment), os.getcwd()]).encode()
    socket.send_fds(_helper(), [len(order).to_bytes(4, "big") + order], [its.fileno(), stdin, stdout, stderr])
    its.close()
    return Started(ours)


def _serve(orders: socket.socket) -> None:
    atexit.register(_leave)  # the first to be registered is the last to be called
    for name in _MODULES:
        import_module(name)
    for package in _PACKAGES:
        for module in iter_modules(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    gc.collect()
    gc.freeze()  # so that forks share its pages
    ended, ends = os.pipe()
    os.set_blocking(ends, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ends)
    waiting: dict[int, int] = {}  # by command: the descriptor on which its end is told
    while True:
        ready, _, _ = select.select([orders.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _tell(waiting)
        if orders.fileno() in ready:
            head, files, *_ = socket.recv_fds(orders, 4, 4)
            if not head:
                return
            size, order = int.from_bytes(head, "big"), b""
            while len(order) < size:
                order += orders.recv(size - len(order))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                orders.close()
                for file in (ended, ends, files[0], *waiting.values()):
                    os.close(file)
                _run(files[1:], *json.loads(order))
            waiting[pid] = files[0]
            os.write(files[0], b"%20d" % pid)
            for file in files[1:]:
                os.close(file)


def _tell(waiting: dict[int, int]) -> None:
    """Tell of the commands that have ended."""
    for pid, status in list(waiting.items()):
        ended, how = os.waitpid(pid, os.WNOHANG)
        if ended:
            with suppress(BrokenPipeError):  # nobody waits any more
                os.write(status, b"%20d" % how)
            os.close(waiting.pop(pid))


def _run(files: list[int], arguments: list[str], environment: dict[str, str], folder: str) -> NoReturn:
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # As Python opens them in the locale C.
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115  # until its end
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [PROMPTGIT, *arguments]
    from promptgit.cli import main

    try:
        main(prog_name="promptgit")
    except SystemExit as end:
        if arguments[:1] != ["serve"] and isinstance(end.code, int):
            _code.append(end.code)
        raise
    raise AssertionError("the command has not ended")


_code: list[int] = []


def _leave() -> None:
    """End a command that has ended but for the tenth of a second that Python takes to forget all modules.

    Servers take it: their threads and handles could be in its way.
    """
    if _code:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_code[0])


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
