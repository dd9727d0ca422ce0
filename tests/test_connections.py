"""Who answers on a connection: the event loop what is quick, a thread the rest; nothing is lost between them."""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import Http, Server, foreign_commit, processes_of, stat_of, wait_for

LARGE = 12 << 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of one process."""
    with Server(tmp_path / "data", "--workers", "1", PROMPTGIT_MAX_CONTENT_BYTES=str(LARGE)) as server:
        yield server


@contextmanager
def connected(server: Server, receive_buffer: int | None = None) -> Iterator[tuple[socket.socket, BufferedReader]]:
    """A connection, and what comes on it."""
    address = urlsplit(server.url)
    with socket.socket() as client:
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(60)
        client.connect((address.hostname, address.port))
        with client.makefile("rb") as got:
            yield client, got


def request(path: str, number: int = 0) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: %d\r\n\r\n" % (path.encode(), number)


def answer(got: BufferedReader) -> tuple[int, int, bytes]:
    """The status of the next answer, its request's number, and its body."""
    head = b"".join(iter(got.readline, b"\r\n"))
    number, size = (
        int(head.lower().partition(name)[2].split()[0]) for name in (b"x-request-id: ", b"content-length: ")
    )
    return int(head.split()[1]), number, got.read(size)


def prompt(server: Server, content: str = "Hello") -> str:
    """The path of a new prompt."""
    return Http(server.url)("POST", "/api/prompts", {"content": content}).headers["Location"]


def worker_of(server: Server) -> Path:
    """The worker, in /proc, once it is there."""
    Http(server.url)("GET", "/healthz")
    (worker,) = (one for one in processes_of(server.process.pid) if int(one.name) != server.process.pid)
    return worker


def test_requests_sent_ahead_are_answered_in_turn(server: Server) -> None:
    """Pipelining (RFC 9112, 9.3.2), of quick requests and others in every order."""
    where = prompt(server)
    paths = random.Random(1).choices([where, f"{where}/versions/1/content", "/api/prompts", "/healthz"], k=200)
    with connected(server) as (client, got):
        for sent in range(0, len(paths), 50):  # quick and not, in one piece and in several
            numbers = range(sent, sent + 50)
            client.sendall(b"".join(request(paths[number], number) for number in numbers))
            assert [answer(got)[:2] for _ in numbers] == [(200, number) for number in numbers]


def test_a_request_in_pieces_is_answered_like_a_whole_one(server: Server) -> None:
    where = prompt(server)
    with connected(server) as (client, got):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(3):
            for byte in request(f"{where}/versions/1/content", number):
                client.send(bytes([byte]))
            assert answer(got) == (200, number, b"Hello")


def test_quick_reads_take_no_thread(server: Server) -> None:
    where = prompt(server)
    worker = worker_of(server)
    before = _switches(worker)
    http = Http(server.url)
    for path in (where, f"{where}/versions/1", f"{where}/versions/1/content", f"{where}/versions?limit=50"):
        assert {http("GET", path).status for _ in range(50)} == {200}
    after = _switches(worker)
    assert after.keys() == before.keys()
    # Those of upkeep and of the webhooks look whether they are needed, now and then.
    assert sum(after[thread] - before[thread] for thread in before if thread != worker.name) < 50


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own")
def test_threads_let_quick_reads_go_first(server: Server) -> None:
    Http(server.url)("GET", "/api/prompts")
    worker = worker_of(server)
    priorities = {stat_of(thread)[16] for thread in (worker / "task").iterdir() if thread.name != worker.name}
    assert stat_of(worker)[16] == "0"
    assert "4" in priorities


def test_a_large_answer_keeps_nobody_waiting(server: Server) -> None:
    """What the client does not take at once waits, without a thread."""
    content = random.Random(2).randbytes(LARGE // 2).hex()
    where = prompt(server, content)
    with connected(server, receive_buffer=1 << 16) as (client, got):
        client.sendall(request(f"{where}/versions/1/content"))
        http = Http(server.url)
        assert {http("GET", where).status for _ in range(20)} == {200}
        client.sendall(request(where, 1))
        assert answer(got) == (200, 0, content.encode())
        assert answer(got)[:2] == (200, 1)


@pytest.mark.parametrize("expect", [b"Expect: 100-continue\r\n", b""])
def test_a_quick_read_with_a_body_loses_nothing_behind_it(server: Server, expect: bytes) -> None:
    where = f"{prompt(server)}/versions/1/content"
    head = request(where).removesuffix(b"\r\n") + expect + b"Content-Length: 5\r\n\r\n"
    for number in range(5):
        with connected(server) as (client, got):
            client.sendall(head)
            if expect:
                assert got.readline() + got.readline() == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.sendall(b"hello" + request(where, number))
            assert [answer(got)[:2] for _ in range(2)] == [(200, 0), (200, number)]


def test_a_client_that_never_stops_sending_is_left(server: Server) -> None:
    """Its request was refused, and what comes behind is read for a while, not for ever."""
    with connected(server) as (client, _):
        client.sendall(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
        with suppress(ConnectionError):
            while True:
                client.sendall(b"x" * (1 << 16))


def test_a_main_that_cannot_be_read_does_not_end_the_worker(server: Server) -> None:
    where, worker = prompt(server), worker_of(server)
    main = server.folder / "prompts.git" / "refs" / "heads" / "main"
    commit = main.read_bytes()
    http = Http(server.url)
    main.write_bytes(b"")  # as a power cut may leave somebody's push
    assert http("GET", where).status >= 500
    main.write_bytes(commit)
    assert http("GET", where).status == 200
    assert worker_of(server) == worker


def test_a_quick_read_sees_what_came_by_git(server: Server) -> None:
    """To take it in is not quick."""
    where = prompt(server)
    http = Http(server.url)
    path = http("GET", where).json["path"]
    for number in range(2, 12):
        foreign_commit(server.folder / "prompts.git", {path: b"Version %d" % number})
        found = http("GET", where).json
        assert (found["version_number"], found["content"]) == (number, f"Version {number}")


def test_workers_share_the_connections(tmp_path: Path) -> None:
    """None is without for long: the kernel wakes one or the other, most often the one that it has room for."""
    with Server(tmp_path / "data", "--workers", "2") as server, ExitStack() as stack:
        wait_for(lambda: len(processes_of(server.process.pid)) == 3)
        workers = [one for one in processes_of(server.process.pid) if int(one.name) != server.process.pid]
        wait_for(lambda: all(_serve_more(server, stack, workers, 2)))  # one of them may come late
        wait_for(lambda: all(_serve_more(server, stack, workers, 40)))


def _serve_more(server: Server, stack: ExitStack, workers: list[Path], count: int) -> list[int]:
    before = [_sockets(one) for one in workers]
    for _ in range(count):
        client, got = stack.enter_context(connected(server))
        client.sendall(request("/healthz"))
        assert answer(got)[0] == 200
    return [_sockets(one) - old for one, old in zip(workers, before, strict=True)]


def _sockets(process: Path) -> int:
    return sum(os.readlink(one).startswith("socket:") for one in (process / "fd").iterdir())


def _switches(process: Path) -> dict[str, int]:
    """How often each thread has waited for something (proc(5))."""
    switches = {}
    for thread in (process / "task").iterdir():
        status = (thread / "status").read_text()
        switches[thread.name] = int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return switches
