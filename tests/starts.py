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
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
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
def _helper() -> Path:
    """The folder with the socket of the helper process, and with the program that speaks to it."""
    folder = Path(tempfile.mkdtemp(prefix="promptgit-starts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen(100)
    ours, its = socket.socketpair()  # its end tells the helper that nobody needs it any more
    descriptors = listener.fileno(), its.fileno()
    process = subprocess.Popen([sys.executable, "-m", "tests.starts", *map(str, descriptors)], pass_fds=descriptors)
    listener.close()
    its.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return folder


def start(arguments: Sequence[str], environment: Mapping[str, str], *, stdin: int, stdout: int, stderr: int) -> Started:
    """Start `promptgit` with *arguments* and three files, by their descriptors."""
    status = socket.socket(socket.AF_UNIX)
    status.connect(str(_helper() / "socket"))
    order = json.dumps([list(arguments), dict(environment), os.getcwd()]).encode()
    socket.send_fds(status, [len(order).to_bytes(4, "big")], [stdin, stdout, stderr])
    status.sendall(order)
    return Started(status)


_SHIM = """#!{python} -IS
import json, os, socket, sys

if sys.argv[1:2] == ["serve"]:
    os.execv({promptgit!r}, [{promptgit!r}, *sys.argv[1:]])
status = socket.socket(socket.AF_UNIX)
status.connect({address!r})
order = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
socket.send_fds(status, [len(order).to_bytes(4, "big")], [0, 1, 2])
status.sendall(order)
status.recv(20)
code = os.waitstatus_to_exitcode(int(status.recv(20)))
os._exit(code if code >= 0 else 128 - code)
"""


@cache
def shim_folder() -> Path:
    """A folder for a shell's PATH, whose `promptgit` is started as `start` does; a server is executed."""
    folder = _helper() / "bin"
    folder.mkdir()
    (folder / "promptgit").write_text(
        _SHIM.format(python=sys.executable, promptgit=PROMPTGIT, address=str(_helper() / "socket"))
    )
    (folder / "promptgit").chmod(0o755)
    return folder


def _serve(listener: socket.socket, tests: socket.socket) -> None:
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
    waiting: dict[int, socket.socket] = {}  # by command: where its end is told
    while True:
        ready, _, _ = select.select([listener.fileno(), tests.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _tell(waiting)
        if tests.fileno() in ready:
            return
        if listener.fileno() in ready:
            status, _ = listener.accept()
            head, files, *_ = socket.recv_fds(status, 4, 3)
            size, order = int.from_bytes(head, "big"), b""
            while len(order) < size:
                order += status.recv(size - len(order))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in (listener, tests, status, *waiting.values()):
                    other.close()
                os.close(ended)
                os.close(ends)
                _run(files, *json.loads(order))
            waiting[pid] = status
            status.sendall(b"%20d" % pid)
            for file in files:
                os.close(file)


def _tell(waiting: dict[int, socket.socket]) -> None:
    """Tell of the commands that have ended."""
    for pid, status in list(waiting.items()):
        ended, how = os.waitpid(pid, os.WNOHANG)
        if ended:
            with suppress(OSError):  # nobody waits any more
                status.sendall(b"%20d" % how)
            waiting.pop(pid).close()


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
    _serve(*(socket.socket(fileno=int(descriptor)) for descriptor in sys.argv[1:]))
