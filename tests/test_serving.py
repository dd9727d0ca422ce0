"""The server's promises to many clients at once: writers, refusals, logs, what a killed server leaves."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock
from flask import Flask
from werkzeug.test import create_environ

from promptgit import deferral
from promptgit.http.proxies import Proxies
from promptgit.serving.bridge import Bridge, Limits
from tests.support import PROMPTGIT, Answer, Http, Server, command, environment, foreign_commit, wait_for

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

ROOT = Path(__file__).parents[1]


@contextmanager
def waiting_writers(server: Server, count: int, until_answered: bool) -> Iterator[list[tuple[Answer, float]]]:
    """Clients that save while another program has the write lock; their answers, and after how many seconds."""
    answers: list[tuple[Answer, float]] = []

    def save(number: int) -> None:
        start = time.monotonic()
        answer = Http(server.url)("POST", "/api/prompts", {"content": "x", "name": f"p{number}"})
        answers.append((answer, time.monotonic() - start))

    threads = [threading.Thread(target=save, args=(number,)) for number in range(count)]
    with FileLock(server.folder / "write.lock"):
        for thread in threads:
            thread.start()
        yield answers
        for thread in threads if until_answered else ():
            thread.join()
    for thread in threads:
        thread.join()


def test_writers_that_wait_hold_up_nobody_else_and_never_wait_longer_than_they_may(tmp_path: Path) -> None:
    """Six times as many as there are threads that write: none waits for a thread first and for the lock then."""
    options = ("--workers", "1", "--threads", "1")
    with Server(tmp_path / "data", *options, PROMPTGIT_LOCK_TIMEOUT="4") as server:
        where = Http(server.url)("POST", "/api/prompts", {"content": "x", "name": "a"}).headers["Location"]
        with waiting_writers(server, 24, until_answered=True) as answers:
            http = Http(server.url)
            for path in ("/healthz", "/readyz", where, "/api/prompts", "/api/changes"):
                assert http("GET", path).status == 200
            assert answers == []  # they wait still
        assert {answer.json["code"] for answer, _ in answers} == {"write_lock_timeout"}
        assert all(answer.headers["Retry-After"] for answer, _ in answers)
        assert max(seconds for _, seconds in answers) < 12  # one after the other it would be 24


def test_who_was_refused_does_not_wait_for_the_index_then(tmp_path: Path) -> None:
    """Another program has the write lock and the index's, and has moved `main`: it may stand still in that state."""
    with Server(tmp_path / "data", "--workers", "1", PROMPTGIT_LOCK_TIMEOUT="1") as server:
        http = Http(server.url)
        where = http("POST", "/api/prompts", {"content": "x", "name": "a"}).headers["Location"]
        with FileLock(server.folder / "write.lock"), closing(sqlite3.connect(server.folder / "index.sqlite3")) as index:
            index.execute("BEGIN IMMEDIATE")
            foreign_commit(server.folder / "prompts.git", {"prompts/b.md": b"y"})
            start = time.monotonic()
            answer = http("PUT", where, {"content": "z"})
            assert time.monotonic() - start < 10  # 1 s; it was 11
        assert (answer.status, answer.json["code"]) in [(503, "write_lock_timeout"), (503, "index_busy")]
        assert answer.headers["Retry-After"]
        assert http("PUT", where, {"content": "z"}).status == 200


def test_writers_beyond_those_that_may_wait_are_refused_at_once(tmp_path: Path) -> None:
    options = ("--workers", "1", "--threads", "1")
    with Server(tmp_path / "data", *options, PROMPTGIT_LOCK_TIMEOUT="60") as server:
        Http(server.url)("GET", "/healthz")
        with waiting_writers(server, 40, until_answered=False) as answers:
            wait_for(lambda: len(answers) == 8)
            assert {(answer.status, answer.json["code"]) for answer, _ in answers} == {(503, "too_many_writers")}
        assert sorted(answer.status for answer, _ in answers) == [201] * 32 + [503] * 8


def test_a_request_that_writes_is_announced_if_a_thread_can_take_it() -> None:
    """Until it is answered. A leader would wait in vain for a request that waits for the leader's thread."""
    seen: list[bool] = []
    both_came = threading.Event()

    def application(_: object, start_response: StartResponse) -> list[bytes]:
        both_came.wait()
        seen.append(deferral.announcement.get() in deferral.announced)
        start_response("204 No Content", [])
        return []

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(_: object) -> None:
        pass

    async def ask_twice() -> None:
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "DELETE",
            "path": "/",
            "query_string": b"",
            "headers": [],
        }
        asked = [asyncio.ensure_future(bridge(scope, receive, send)) for _ in range(2)]
        await asyncio.sleep(0)  # both have begun, and wait for a thread
        both_came.set()
        await asyncio.gather(*asked)

    limits = Limits(client_seconds=1, lock_seconds=1, body=1, readers=1, writers=1, waiting_writers=2)
    bridge = Bridge(application, is_quick=lambda _: False, is_write=lambda _: True, limits=limits)
    asyncio.run(ask_twice())
    assert seen == [True, False]
    assert deferral.announced == set()


def test_a_log_that_nobody_reads_does_not_stop_the_service(tmp_path: Path) -> None:
    """More lines than a pipe holds; those that fit afterwards say how many were lost."""
    process = subprocess.Popen(
        [PROMPTGIT, "serve", "--data", str(tmp_path / "data"), "--port", "0", "--workers", "1"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    with process.stdout, process.stderr:
        url = next(word for word in process.stdout.readline().decode().split() if word.startswith("http://"))
        http = Http(url)
        for at in range(400):
            assert http("GET", f"/{'x' * 200}/{at}").status == 404
        os.set_blocking(process.stderr.fileno(), False)
        while process.stderr.read():
            pass
        assert http("GET", "/healthz").status == 200
        process.terminate()
        os.set_blocking(process.stderr.fileno(), True)
        lines = [json.loads(line) for line in process.stderr.read().splitlines() if line]
        assert process.wait(60) == 0
    assert any("lines of the log were lost" in line["message"] for line in lines)


def _head(server: Server, method: str, path: str, *fields: str) -> bytes:
    """The answer to a head that announces 64 MiB, of which nothing comes."""
    address = urlsplit(server.url)
    lines = [f"{method} {path} HTTP/1.1", "Content-Length: 67108864", "Content-Type: application/json", *fields]
    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        return client.makefile("rb").read()


def test_a_refusal_is_sent_before_the_body_has_come(tmp_path: Path) -> None:
    """401, 403, 421 and 413; the connection is closed, for the rest of the body is nobody's request."""
    folder = tmp_path / "data"
    made = [command("token", "create", one, "--scope", one, "--data", str(folder)).stdout for one in ("read", "write")]
    reader, writer = (f"Authorization: Bearer {secret.strip()}" for secret in made)
    with Server(folder, "--workers", "1", PROMPTGIT_CLIENT_TIMEOUT="20", PROMPTGIT_ALLOWED_HOSTS="x.example") as server:
        own = "Host: x.example"
        refused = [
            (401, (own,)),
            (403, (own, reader)),
            (403, (own, writer, "Origin: https://evil.example")),
            (421, ("Host: evil.example", writer)),
            (413, (own, writer)),
        ]
        start = time.monotonic()
        with ThreadPoolExecutor(len(refused)) as pool:  # the server waits some time for each to close
            answers = list(pool.map(lambda one: _head(server, "POST", "/api/prompts", *one[1]), refused))
        assert time.monotonic() - start < 15
        for (status, fields), answer in zip(refused, answers, strict=True):
            assert answer.startswith(b"HTTP/1.1 %d " % status), (status, fields, answer)
            assert b"\r\nconnection: close\r\n" in answer.lower()


def test_a_killed_server_leaves_nothing_that_the_next_one_does_not_remove(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with Server(tmp_path / "data", TMPDIR=str(folder)) as server:
        server.kill()
    assert len(list(folder.iterdir())) == 1
    with Server(tmp_path / "data", TMPDIR=str(folder)) as server:
        assert len(list(folder.iterdir())) == 1
        with Server(tmp_path / "other", TMPDIR=str(folder)) as other:  # those that are in use stay
            assert len(list(folder.iterdir())) == 2
            assert other.stop() == 0
        assert Http(server.url)("GET", "/metrics").status == 200
        assert server.stop() == 0
    assert list(folder.iterdir()) == []


def test_tls(tmp_path: Path, certificate: tuple[str, str]) -> None:
    with Server(tmp_path / "data", "--tls-certificate", certificate[0], "--tls-key", certificate[1]) as server:
        connection = HTTPSConnection(
            "localhost", urlsplit(server.url).port, context=ssl.create_default_context(cafile=certificate[0])
        )
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b'{"status":"ok"}'
        connection.close()
        assert server.stop() == 0


def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with Server(tmp_path / "data", "--uds", path) as server:
        connection = HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(path)
        connection.request("GET", "/api/prompts")
        assert connection.getresponse().read() == b"[]"
        connection.close()
        assert server.stop() == 0


def _seen(app: Proxies, **environ: str) -> dict[str, str]:
    """What the application sees of a request from 10.0.0.1."""
    given = create_environ("/p/api/prompts", "http://service:8000") | {"REMOTE_ADDR": "10.0.0.1"} | environ
    seen = json.loads(b"".join(app(given, lambda *_: lambda _: None)))
    assert isinstance(seen, dict)
    return seen


KEYS = ("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO", "HTTP_X_FORWARDED_FOR")
FORWARDED = {
    "HTTP_X_FORWARDED_FOR": "1.2.3.4, 192.0.2.7, 10.0.0.9",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "prompts.example.org",
    "HTTP_X_FORWARDED_PREFIX": "/p",
}


def test_a_listed_proxy_is_believed_and_nobody_else() -> None:
    """Of the addresses the last that is no listed proxy's: those before it, a client may have made up."""

    def tell(environ: dict[str, str], _: object) -> list[bytes]:
        return [json.dumps({key: environ.get(key) for key in KEYS}).encode()]

    believed = ["192.0.2.7", "https", "prompts.example.org", "/p", "/api/prompts", None]
    for listed in ("10.0.0.0/8", "10.0.0.1, 10.0.0.9"):
        assert list(_seen(Proxies(tell, listed, ""), **FORWARDED).values()) == believed
    as_sent = ["10.0.0.1", "http", "service:8000", "", "/p/api/prompts", FORWARDED["HTTP_X_FORWARDED_FOR"]]
    for listed in ("", "10.0.0.2", "unix"):
        assert list(_seen(Proxies(tell, listed, ""), **FORWARDED).values()) == as_sent


def test_a_prefix_is_in_links_and_out_of_routes(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--url-prefix", "/registry") as server:
        root = Http(server.url.removesuffix("/registry"))
        where = root("POST", "/registry/api/prompts", {"content": "x", "name": "a"}).headers["Location"]
        assert where.startswith("/registry/api/prompts/")
        for path in (where, where.removeprefix("/registry")):  # the proxy may take the prefix off
            assert root("GET", path).json["content"] == "x"
        link = root("GET", f"{where}/versions?limit=1").headers
        assert "Link" not in link
        assert "/registry/static/" in root("GET", "/registry/", headers={"Accept": "text/html"}).body.decode()


def test_an_app_without_a_server_needs_none_of_it(app: Flask) -> None:
    """Any WSGI server: what waits, waits in its thread."""
    assert app.test_client().get("/api/changes?wait=0").status_code == 200
