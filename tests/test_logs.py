"""The log: one JSON object a line, and an id by which a request is found in it."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from promptgit import logs
from promptgit.http.observed import CREDENTIAL
from promptgit.service.service import Service
from tests.support import Http, Server, environment, long_history
from tests.test_api_prompts import create
from tests.test_wire import exchange

SECRET = "pg_5ecret"


def access(server: Server, request_id: str) -> dict[str, Any]:
    """The line of a request; it is written a moment after the answer."""
    while True:
        for line in server.log:
            if line["logger"] == "promptgit.access" and line["request_id"] == request_id:
                return line
        assert server.process.poll() is None


def test_a_request_is_one_line(server: Server) -> None:
    """Without the query, which can hold what somebody searches for, and without a token."""
    headers = {"Authorization": f"Bearer {SECRET}", "X-Request-ID": "abc.DEF_1-2"}
    answer = Http(server.url)("GET", f"/api/prompts?q={SECRET}", headers=headers)
    assert answer.headers["X-Request-ID"] == "abc.DEF_1-2"
    line = access(server, "abc.DEF_1-2")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert 0 < line.pop("milliseconds") < 60_000
    assert line == {
        "level": "info",
        "logger": "promptgit.access",
        "message": "GET /api/prompts 200",
        "request_id": "abc.DEF_1-2",
        "method": "GET",
        "path": "/api/prompts",
        "route": "/api/prompts",
        "status": 200,
        "bytes": 2,
        "remote": "127.0.0.1",
        "who": None,
    }
    server.stop()
    assert SECRET not in server.raw_log


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b', "a,b", "é", "a\tb"])
def test_an_id_that_is_not_short_and_plain_is_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-ID"])


def test_every_answer_has_an_id_of_its_own(client: FlaskClient) -> None:
    paths = ("/healthz", "/healthz", "/nowhere", "/metrics", "/api/prompts?limit=0")
    assert len({client.get(path).headers["X-Request-ID"] for path in paths}) == len(paths)


def test_a_streamed_answer_is_logged_when_it_ends(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """With all its bytes; one that the client left early is marked."""
    client = app.test_client()
    where = create(client, "a").headers["Location"]
    with caplog.at_level(logging.INFO, "promptgit.access"):
        for aborted in (False, True):
            caplog.clear()
            answer = client.get(f"{where}/versions")
            assert answer.is_streamed and not caplog.records
            whole = None if aborted else len(answer.data)
            answer.close()
            (record,) = caplog.records
            fields = record.__dict__["fields"]
            assert fields.get("aborted", False) is aborted
            assert aborted or fields["bytes"] == whole
            assert fields["route"] == "/api/prompts/<prompt_id>/versions"


def test_a_long_answer_is_counted_to_its_last_byte(server: Server) -> None:
    http = Http(server.url)
    where = http("POST", "/api/prompts", {"name": "a", "content": "x" * 900_000}).headers["Location"]
    answer = http("GET", f"{where}/versions/1/content")
    assert access(server, answer.headers["X-Request-ID"])["bytes"] == 900_000


def test_the_token_that_was_accepted_is_named(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "promptgit.access"):
        app.test_client().get("/healthz", environ_overrides={CREDENTIAL: "ci"}).close()
    assert caplog.records[-1].__dict__["fields"]["who"] == "ci"


def test_a_fault_is_found_by_its_id(
    app: Flask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The problem document has it, and so has the line with the traceback: one line."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(Service, "list", broken)
    root = logging.getLogger()
    handler = logs.StderrHandler()
    handler.setFormatter(logs.JsonFormatter())
    root.addHandler(handler)
    try:
        answer = app.test_client().get("/api/prompts")
    finally:
        root.removeHandler(handler)
    (line,) = [json.loads(text) for text in capfd.readouterr().err.splitlines()]
    assert answer.json["request_id"] == answer.headers["X-Request-ID"] == line["request_id"]
    assert "Traceback" in line["exception"] and "RuntimeError: two\nlines" in line["exception"]


NO_HTTP = (
    f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthor ization: Bearer {SECRET}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization Bearer {SECRET}\r\n\r\n",
    f"GET /?q={SECRET} HTTP/9.9\r\nHost: localhost\r\n\r\n",
    f"GET /{SECRET} extra {SECRET} HTTP/1.1\r\nHost: localhost\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SECRET}\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {SECRET}\r\n\r\n",
)


def test_what_is_no_http_is_logged_without_what_it_held(server: Server) -> None:
    """The server refuses it by itself: such a line has no request id."""
    for request in NO_HTTP:
        assert exchange(server, request.encode())[0] == 400, request
    server.stop()
    assert [line["message"] for line in server.log].count("Invalid HTTP request received.") == len(NO_HTTP)
    assert SECRET not in server.raw_log
    assert "Traceback" not in server.raw_log


def test_lines_of_many_processes_do_not_mix(tmp_path: Path) -> None:
    """Each is JSON, and none is missing, of two workers."""
    with Server(tmp_path / "data", "--workers", "2", "--threads", "4") as server:
        path = "/" + "x" * 3_000

        def work(who: int) -> None:
            http = Http(server.url)
            for at in range(50):
                http("GET", path, headers={"X-Request-ID": f"{who}-{at}"})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert server.stop() == 0
        ids = [line["request_id"] for line in server.log if line["logger"] == "promptgit.access"]
        assert sorted(ids) == sorted(f"{who}-{at}" for who in range(8) for at in range(50))


def test_the_servers_own_words_are_lines_too(server: Server) -> None:
    server.stop()
    assert "Handling signal: term" in [line["message"] for line in server.log]
    for line in server.log:
        datetime.fromisoformat(line["time"])


def test_the_level_is_a_setting(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--workers", "1", PROMPTGIT_LOG_LEVEL="warning") as server:
        http = Http(server.url)
        assert http("GET", "/api/prompts").status == 200
        (server.folder / "prompts.git" / "refs" / "heads" / "main").unlink()
        assert http("GET", "/readyz").status == 503
        server.stop()
        assert [(line["level"], line["message"].partition(":")[0]) for line in server.log] == [("warning", "not_ready")]


def test_a_log_that_nobody_reads_any_more_stops_nothing(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    code = "import wsgi; print(wsgi.app.test_client().get('/healthz').status)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        env=environment(PROMPTGIT_DATA=str(tmp_path / "data")),
        stdout=subprocess.PIPE,
        stderr=write,
        check=True,
    )
    os.close(write)
    assert done.stdout == b"200 OK\n"


def test_a_client_that_goes_away_is_no_fault(server: Server) -> None:
    """Its request has a line; nothing is logged as an error."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: gone\r\n\r\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closing resets it
    assert server.stop() == 0
    assert {line["level"] for line in server.log} == {"info"}


def test_an_answer_that_breaks_off_is_found_by_its_id(server: Server) -> None:
    """Its line is marked, and the traceback has its id, in one line."""
    http = Http(server.url)
    where = http("POST", "/api/prompts", {"name": "a", "content": "1"}).headers["Location"]
    long_history(server.folder / "prompts.git", "prompts/a.md", (str(at) for at in range(2_000)))
    assert http("GET", where).json["version_number"] == 2_001
    connection = sqlite3.connect(server.folder / "index.sqlite3")
    with connection:
        connection.execute("UPDATE versions SET json = CAST(x'ff' AS TEXT) WHERE number = 1500")
    connection.close()
    # The damage is met in the middle, and the index cannot be built anew from what is left.
    (server.folder / "prompts.git" / "objects").rename(server.folder / "prompts.git" / "gone")
    with pytest.raises(IncompleteRead):
        http("GET", f"{where}/versions", headers={"X-Request-ID": "broken"})
    assert access(server, "broken")["aborted"] is True
    assert server.stop() == 0
    (fault,) = [line for line in server.log if "exception" in line]
    assert fault["request_id"] == "broken"
    assert "Traceback" in fault["exception"]
