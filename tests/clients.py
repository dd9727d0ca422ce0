"""What the tests of the client and of its commands share: counted requests, a server that misbehaves as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

from promptgit.client import Client
from tests.support import command


class Counted(httpx2.HTTPTransport):
    """Real requests, whose methods, paths and tokens are noted, and the statuses of their answers."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.tokens: list[str] = []
        self.heads: list[str] = []
        self.statuses: list[int] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.heads.append(request.headers.get("Promptgit-Head", ""))
        self.seen.append(f"{request.method} {request.url.raw_path.decode()}")
        self.tokens.append(request.headers.get("Authorization", ""))
        response = super().handle_request(request)
        self.statuses.append(response.status_code)
        return response


class CountedAsync(httpx2.AsyncHTTPTransport):
    """The same for asyncio."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.seen.append(f"{request.method} {request.url.raw_path.decode()}")
        return await super().handle_async_request(request)


class Forgetful(httpx2.HTTPTransport):
    """Loses the answer to the first request of a method, after the server has done its work."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method: str | None = method

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        if request.method == self.method:
            self.method = None
            response.read()
            raise httpx2.ReadError("the connection broke")
        return response


class ForgetfulAsync(httpx2.AsyncHTTPTransport):
    """The same for asyncio."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method: str | None = method

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if request.method == self.method:
            self.method = None
            await response.aread()
            raise httpx2.ReadError("the connection broke")
        return response


class Naps:
    """Stands in for sleeping: time passes on a clock, at once."""

    def __init__(self) -> None:
        self.now, self.taken = 0.0, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)


def refreshed() -> None:
    """Wait until what is refreshed behind `get` is there."""
    for thread in threading.enumerate():
        if thread.name == "promptgit-refresh":
            thread.join(60)


@contextmanager
def answering(answers: Sequence[tuple[int, dict[str, str], object]]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers one after the other, the last one for ever; its URL, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(f"{self.command} {self.path}")
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for key, value in (headers | {"Content-Length": str(len(data))}).items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(place: dict[str, str], *arguments: str, data: bytes = b"", code: int = 0, **settings: str) -> str:
    """What a command prints, given its standard input and the exit code that it is to have."""
    done = command(*arguments, data=data, **place, **settings)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def fill(url: dict[str, str], name: str, *contents: str) -> None:
    with Client(url["PROMPTGIT_URL"]) as client:
        for number, content in enumerate(contents):
            write = client.save if number else client.create
            write(name, content, description=f"Say {content.strip()}")
