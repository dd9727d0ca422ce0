"""Starts the command `promptgit` without the second that its imports take.

A helper process, one for each process of the tests, has imported all of it, and forks for each start: a real process of
its own, with its own session, files and environment. A start that needs another interpreter (an environment variable
that is not promptgit's, a tracer) executes the command instead.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

PROMPTGIT = str(Path(sys.executable).with_name("promptgit"))

_MODULES = ("promptgit.app", "promptgit.cli.serve", "promptgit.cli.target", "promptgit.serving.master")


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
    for module in _MODULES:
        __import__(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those who wait for the commands are waited for by nobody
    while True:
        head, files, *_ = socket.recv_fds(orders, 4, 4)
        if not head:
            return
        size, order = int.from_bytes(head, "big"), b""
        while len(order) < size:
            order += orders.recv(size - len(order))
        if os.fork() == 0:
            orders.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _watch(files[0], files[1:], *json.loads(order))
        for file in files:
            os.close(file)


def _watch(status: int, files: list[int], arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """Run the command in another process, and tell its id, and how it ended."""
    pid = os.fork()
    if pid == 0:
        os.close(status)
        _run(files, arguments, environment, folder)
    for file in files:
        os.close(file)
    os.write(status, b"%20d" % pid)
    os.write(status, b"%20d" % os.waitpid(pid, 0)[1])
    os._exit(0)


def _run(files: list[int], arguments: list[str], environment: dict[str, str], folder: str) -> None:
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

    main(prog_name="promptgit")


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
