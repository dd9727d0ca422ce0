"""A server that is told to stop, or to renew its workers, under load: nobody is cut off, nothing is lost."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import Http, Server, assert_sound, command, git


@dataclass
class Load:
    """Clients that each save one new prompt after another, and read it, until the server refuses connections."""

    url: str
    keep_alive: bool
    acknowledged: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    told: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ended: threading.Event = field(default_factory=threading.Event)

    def write(self, writer: int) -> None:
        numbers = itertools.count()
        while not self.ended.is_set():
            try:
                connection = socket.create_connection(self._address, timeout=60)
            except ConnectionRefusedError:
                return
            with connection:
                while not self.ended.is_set() and self._save(connection, f"w{writer}/{next(numbers)}"):
                    pass

    def _save(self, connection: socket.socket, name: str) -> bool:
        """Save a prompt, and read it; whether the connection can be used again."""
        body = b'{"name": "%s", "content": "x"}' % name.encode()
        fields = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        head, closed = self._ask(connection, b"POST /api/prompts", fields, body)
        self.told.release()
        if head is None:
            return False
        assert head.startswith(b"HTTP/1.1 201 "), head
        self.acknowledged.append(name)
        address = head.lower().partition(b"location: ")[2].split()[0]
        for _ in range(2):  # by the thread that the connection has, and by the main loop
            if closed or not self.keep_alive:
                return False
            head, closed = self._ask(connection, b"GET " + address)
            assert head is None or head.startswith(b"HTTP/1.1 200 "), head
        return not closed

    @property
    def _address(self) -> tuple[str | None, int | None]:
        parts = urlsplit(self.url)
        return parts.hostname, parts.port

    def _ask(
        self, connection: socket.socket, what: bytes, fields: bytes = b"", body: bytes = b""
    ) -> tuple[bytes | None, bool]:
        """Send a whole request; the head of its answer, and whether the connection is to be closed."""
        if not self.keep_alive:
            fields += b"Connection: close\r\n"
        request = what + b" HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n" + body
        answer, before = b"", _bytes_taken(connection)
        try:
            connection.sendall(request)
            while True:
                chunk = connection.recv(1 << 16)
                answer += chunk
                head, _, rest = answer.partition(b"\r\n\r\n")
                fields = head.lower()
                if b"content-length: " in fields and len(rest) == int(fields.split(b"content-length: ")[1].split()[0]):
                    return head, b"connection: close" in fields
                if not chunk:
                    break
        except OSError as error:
            end: object = error
        else:
            end = "closed"
        if answer or _bytes_taken(connection) > before:
            self.cut.append(f"{request!r}: {answer!r}, {end!r}")
        return None, True  # otherwise the connection had been closed, as one on which nothing was asked


def _bytes_taken(connection: socket.socket) -> int:
    """How many bytes of the client's the server's machine has acknowledged: tcpi_bytes_acked of tcp(7), Linux."""
    (taken,) = struct.unpack_from("=Q", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 128), 120)
    return int(taken)


@contextmanager
def load(server: Server, *, keep_alive: bool, writers: int = 12) -> Iterator[Load]:
    """Writers at work; at the end they have ended, because nobody serves any more."""
    run = Load(server.url, keep_alive)
    threads = [threading.Thread(target=run.write, args=(at,)) for at in range(writers)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(writers * 3):
            run.told.acquire()
        yield run
    finally:
        run.ended.set()
        for thread in threads:
            thread.join()


def assert_nothing_lost(folder: Path, run: Load) -> None:
    """Nobody was cut off, and each acknowledged write is in git."""
    assert run.cut == []
    names = git(folder / "prompts.git", "ls-tree", "-r", "--name-only", "main", "prompts/").decode().split()
    assert {f"prompts/{name}.md" for name in run.acknowledged} <= set(names)
    assert_sound(folder / "prompts.git")
    assert command("check", "--data", str(folder)).returncode == 0


def end_of(server: Server) -> int:
    return server.process.wait(timeout=60)


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGTERM, signal.SIGTERM], [signal.SIGINT]])
def test_a_stop_under_load_answers_whoever_is_connected(
    tmp_path: Path, keep_alive: bool, signals: list[signal.Signals]
) -> None:
    """Each request of which the server has taken a byte is answered; the server ends with 0.

    A client that lets a second pass between connecting and asking may find its connection closed: nothing of its
    request was taken then, and it can ask again.
    """
    with Server(tmp_path / "data") as server, load(server, keep_alive=keep_alive) as run:
        for one in signals:
            server.process.send_signal(one)
        assert end_of(server) == 0
    assert_nothing_lost(tmp_path / "data", run)


def test_ctrl_c_in_a_terminal_stops_as_gently(tmp_path: Path) -> None:
    """It reaches the workers, too."""
    with Server(tmp_path / "data") as server, load(server, keep_alive=True) as run:
        os.killpg(server.process.pid, signal.SIGINT)
        assert end_of(server) == 0
    assert_nothing_lost(tmp_path / "data", run)


@pytest.mark.parametrize("keep_alive", [True, False])
def test_new_workers_take_over_without_a_lost_answer(tmp_path: Path, keep_alive: bool) -> None:
    """SIGHUP, twice, under load: all are answered before, meanwhile and after."""
    with Server(tmp_path / "data") as server:
        with load(server, keep_alive=keep_alive) as run:
            for _ in range(2):
                before = _workers(server)
                server.process.send_signal(signal.SIGHUP)
                while before & _workers(server):
                    run.told.acquire()  # they go on meanwhile
            for _ in range(50):
                run.told.acquire()
        assert Http(server.url)("GET", "/readyz").status == 200
        assert server.stop() == 0
    assert_nothing_lost(tmp_path / "data", run)


def _workers(server: Server) -> set[str]:
    return set(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split())


def test_an_idle_connection_does_not_hold_up_a_stop(server: Server) -> None:
    """Neither one that was used, nor one that never said a word: the stop takes seconds, not the whole patience."""
    http = Http(server.url)
    assert http("GET", "/healthz").status == 200
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port)):
        start = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - start < 28  # graceful_timeout is 30


def test_a_stop_removes_what_the_server_made_for_itself(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with Server(tmp_path / "data", TMPDIR=str(folder)) as server:
        assert Http(server.url)("GET", "/metrics").status == 200
        assert len(list(folder.glob("promptgit-metrics-*"))) == 1
        assert server.stop() == 0
    assert list(folder.glob("promptgit-metrics-*")) == []
