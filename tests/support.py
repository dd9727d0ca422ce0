"""What the tests share: real git, real servers, plain HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self
from urllib.parse import urlsplit

from filelock import FileLock

from promptgit.errors import PromptgitError
from promptgit.store.store import Store
from tests.starts import PROMPTGIT as PROMPTGIT
from tests.starts import Started, start


def environment(**settings: str) -> dict[str, str]:
    """The environment without anybody's settings of promptgit or git."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PROMPTGIT_", "GIT_"))}
    nobody = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
    who = {f"GIT_{role}_{what}": f"admin{at}" for role in ("AUTHOR", "COMMITTER") for what, at in _WHO}
    return kept | nobody | who | settings


_WHO = (("NAME", ""), ("EMAIL", "@example.org"))


def server_errors(kind: type[PromptgitError] = PromptgitError) -> set[type[PromptgitError]]:
    """Every kind of refusal but for a client's own."""
    return {kind}.union(
        *(server_errors(child) for child in kind.__subclasses__() if not any(map(_is_clients, child.__mro__)))
    )


def _is_clients(kind: type) -> bool:
    return kind.__module__.startswith("promptgit.client")


def git(folder: Path, *arguments: str, data: bytes | None = None, **settings: str) -> bytes:
    """What the git command prints, run in a folder."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        input=data,
        capture_output=True,
        env=environment(**settings),
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def git_text(folder: Path, *arguments: str) -> str:
    return git(folder, *arguments).decode().strip()


def assert_sound(repository: Path) -> None:
    """`git fsck --strict` has nothing to say but of objects that nothing refers to."""
    done = subprocess.run(
        ["git", "-C", str(repository), "fsck", "--strict", "--no-dangling"], capture_output=True, env=environment()
    )
    assert (done.returncode, done.stdout, done.stderr.replace(b"notice: HEAD points to an unborn branch", b"")) == (
        0,
        b"",
        b"",
    )


def commits_of(repository: Path, path: str) -> list[str]:
    """The commits of the versions of a prompt that was never renamed, oldest first, by git alone."""
    command = ["log", "--first-parent", "--diff-filter=AM", "--reverse", "--format=%H", "--", path]
    return git(repository, "--literal-pathspecs", *command).decode().split()


def commits_followed(repository: Path, path: str) -> list[str]:
    """The same through renames, by the command that the docs give to auditors."""
    command = ["log", "--first-parent", "--follow", "-M100%", "--diff-filter=AM", "--format=%H", "--", path]
    return git(repository, "--literal-pathspecs", *command).decode().split()[::-1]


def foreign_commit(
    repository: Path, files: Mapping[str, bytes | None], message: str = "By hand", parent: str = "main"
) -> str:
    """Commit files (None removes one) on top of a revision with git alone; `main` moves."""
    stream = [b"commit refs/heads/main\ncommitter admin <admin@example.org> now\n", _data(message.encode())]
    stream.append(b"from %s^0\n" % git(repository, "rev-parse", parent).strip())
    for path, content in files.items():
        quoted = json.dumps(path, ensure_ascii=False).encode()
        stream.append(b"D %s\n" % quoted if content is None else b"M 100644 inline %s\n%s" % (quoted, _data(content)))
    git(repository, "fast-import", "--quiet", "--force", "--date-format=now", data=b"".join(stream) + b"\n")
    return git_text(repository, "rev-parse", "main")


def long_history(repository: Path, path: str, contents: Iterable[str]) -> None:
    """Commit many versions of one file with git alone."""
    parts = [b"reset refs/heads/main\nfrom refs/heads/main^0\n\n"]
    for content in contents:
        parts.append(b"commit refs/heads/main\ncommitter a <a@example.org> 1 +0000\ndata 1\nx\n")
        parts.append(b"M 100644 inline %s\n%s" % (path.encode(), _data(content.encode())))
    git(repository, "fast-import", "--quiet", data=b"".join(parts))


def at_once(store: Store, calls: Sequence[Callable[[], object]]) -> None:
    """Make calls in threads of their own; all wait for the write lock until the last one does."""
    with FileLock(store.folder / "write.lock"):
        threads = [threading.Thread(target=call) for call in calls]
        for thread in threads:
            thread.start()
        while store.writer.waiting < len(threads):
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join()


def _data(text: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(text), text)


@dataclass(frozen=True)
class Answer:
    """One HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Http:
    """A keep-alive client of one server; for one thread."""

    def __init__(self, url: str, timeout: float = 60) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)

    def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        data = raw if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        try:
            self._connection.request(method, path, data, sent | dict(headers or {}))
            response = self._connection.getresponse()
        except http.client.RemoteDisconnected:
            # The server closes a connection that idles for long; a GET can be sent again (RFC 9110, 9.2.2).
            if method != "GET":
                raise
            self._connection.request(method, path, data, sent | dict(headers or {}))
            response = self._connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def __del__(self) -> None:
        self._connection.close()


def stat_of(process: Path) -> list[str]:
    """What the kernel says of a process in /proc after its name: state, parent, group, session, ... (proc(5))."""
    return (process / "stat").read_text().rpartition(")")[2].split()


def processes_of(session: int, name: str | None = None, parent: int | None = None) -> list[Path]:
    """The processes of a session, in /proc, that have a thread which has not ended; those of one name or parent."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stat, its = stat_of(process), (process / "comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        is_over = stat[0] == "Z" and stat[17] == "1"  # proc_pid_stat(5): its state, and how many threads are left
        is_meant = name in (None, its) and parent in (None, int(stat[1]))
        if int(stat[3]) == session and not is_over and is_meant:
            found.append(process)
    return found


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A `promptgit serve` of its own processes; *under* is a command that starts it, as `strace` does."""

    def __init__(self, folder: Path, *options: str, under: Sequence[str] = (), **settings: str) -> None:
        self.folder = folder
        self._log = TemporaryFile()  # noqa: SIM115  # not a pipe: nobody reads it while the server writes
        arguments = ["serve", "--data", str(folder), "--port", "0", *options]
        ours, its = os.pipe()
        self.process: Started | subprocess.Popen[bytes]
        if under or not _is_plain(settings):
            self.process = subprocess.Popen(
                [*under, PROMPTGIT, *arguments],
                env=environment(**settings),
                stdout=its,
                stderr=self._log,
                start_new_session=True,
            )
        else:
            with open(os.devnull) as nothing:
                files = {"stdin": nothing.fileno(), "stdout": its, "stderr": self._log.fileno()}
                self.process = start(arguments, environment(**settings), **files)
        os.close(its)
        with open(ours) as stdout:
            self.first_line = stdout.readline()
        if "://" not in self.first_line and " unix:" not in self.first_line:
            self.process.wait()
            raise AssertionError(f"the server did not start: {self.first_line}{self.raw_log}")
        self.url = next(word for word in self.first_line.split() if word.startswith(("http://", "https://", "unix:")))

    @property
    def raw_log(self) -> str:
        """What it has written to stderr so far."""
        return os.pread(self._log.fileno(), 1 << 26, 0).decode()  # the offset is the server's

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its log so far."""
        return [json.loads(line) for line in self.raw_log.splitlines()]

    def kill(self) -> None:
        """End all its processes at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: not processes_of(self.process.pid))  # until then they have files open

    def stop(self) -> int:
        """End it as an operator does; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def __del__(self) -> None:
        self._log.close()


def command(*arguments: str, data: bytes = b"", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the command line, with *data* to read."""
    if not _is_plain(settings):
        done = subprocess.run([PROMPTGIT, *arguments], env=environment(**settings), input=data, capture_output=True)
        return subprocess.CompletedProcess(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        stdin.write(data)
        stdin.seek(0)
        files = {"stdin": stdin.fileno(), "stdout": stdout.fileno(), "stderr": stderr.fileno()}
        code = start(arguments, environment(**settings), **files).wait()
        said, complained = (os.pread(file.fileno(), 1 << 26, 0).decode() for file in (stdout, stderr))
    return subprocess.CompletedProcess(arguments, code, said, complained)


def _is_plain(settings: Iterable[str]) -> bool:
    """Whether these are read when they are used: the interpreter and libgit2 read others once, when they start."""
    return all(
        name in ("EDITOR", "TMPDIR") or name.startswith(("PROMPTGIT_", "_PROMPTGIT_", "COMP_")) for name in settings
    )
