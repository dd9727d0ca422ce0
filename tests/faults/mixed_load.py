"""All that people and programs do with a server, at a steady pace: reads, pages, searches, clones, the feed, writes.

The pace is given, so that what an hour costs does not depend on how fast the machine is.
"""

from __future__ import annotations

import http.client
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from tests.faults.known import Known
from tests.faults.load import Crowd
from tests.faults.writers import Client
from tests.support import Answer, Http, git

READS = {
    "newest": "/api/prompts/{id}",
    "version": "/api/prompts/{id}/versions/1",
    "bytes": "/api/prompts/{id}/versions/1/content",
    "history": "/api/prompts/{id}/versions?limit=50&order=desc",
    "labels": "/api/prompts/{id}/labels",
    "label moves": "/api/prompts/{id}/labels/production/history",
    "blame": "/api/prompts/{id}/versions/1/blame",
    "usage": "/api/prompts/{id}/usage",
    "references": "/api/prompts/{id}/references",
    "resolved": "/api/prompts/{id}?resolve=true",
    "list": "/api/prompts?limit=50",
    "list of a label": "/api/prompts?label=production&include=content&limit=20",
    "search": "/api/prompts?q=writer%201&limit=20",
    "list of then": "/api/prompts?at=2100-01-01T00:00:00Z&limit=20",
    "feed": "/api/changes?limit=50",
    "openapi": "/openapi.json",
    "ready": "/readyz",
    "metrics": "/metrics",
    "page of prompts": "/?q=writer",
    "page of a prompt": "/prompts/{id}",
    "page of a history": "/prompts/{id}/history",
    "page of activity": "/activity",
    "atom": "/activity.atom",
    "langfuse": "/api/public/v2/prompts?limit=20",
}
"""One address of each kind of read; `{id}` is a prompt's."""

MCP = {"jsonrpc": "2.0", "id": 1, "method": "prompts/list"}
GROUPS = {
    "page": [kind for kind in READS if kind.startswith("page") or kind == "atom"],
    "read": [kind for kind in READS if not kind.startswith("page") and kind != "atom"] + ["mcp"],
    "write": ["write"],
    "plain server": ["plain server"],
}
"""The kinds of requests that are measured together."""

_CLONES = (["--bare"], ["--depth=1"], ["--bare", "--filter=blob:none"])
_MAY_BE_MISSING = {404, 409, 410}  # it was deleted meanwhile, has no such label, is released already


class MixedLoad(Crowd):
    """Writers, readers, one who follows the feed and one who clones; and one who reads from a *plain* server.

    By the times of that server, which does nothing, it is told what else the machine has to do.

    Each writer and reader pauses *pause* seconds between two requests, and so many times longer who clones into
    *folder*. *wrong* are answers that nobody expects, *broken* counts connections that broke, *followed* are the
    commits that the feed has told.
    """

    def __init__(self, url: str, plain: str, folder: Path, *, writers: int, readers: int, pause: float) -> None:
        self._url, self._plain, self._folder, self._pause = url, plain, folder, pause
        kinds = [*READS, "mcp", "write", "wait for a change", "clone", "plain server"]
        self._seconds: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
        self.wrong: list[str] = []
        self.followed: list[str] = []
        self.broken = 0
        self._clients = [Client(url, f"writer {at}") for at in range(writers)]
        work: list[Callable[[], None]] = [partial(self._write, client) for client in self._clients]
        work += [partial(self._read, random.Random(at)) for at in range(readers)]
        work += [self._follow, self._clone, self._read_plain]
        super().__init__([partial(self._guarded, one) for one in work])

    def count(self, *kinds: str) -> int:
        """How many requests were answered; those of some kinds."""
        return sum(len(self._seconds[kind]) for kind in kinds or self._seconds)

    def known(self) -> Known:
        """What all writers know; once they have ended."""
        return Known.joined(client.known for client in self._clients)

    def milliseconds(self, start: float, end: float) -> dict[str, float]:
        """The medians of the groups of requests that began between two times of the monotonic clock."""
        took = {
            group: [seconds for kind in kinds for at, seconds in self._seconds[kind] if start <= at < end]
            for group, kinds in GROUPS.items()
        }
        return {group: median(seconds) * 1_000 for group, seconds in took.items()}

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self.wrong.append(repr(error))
            raise

    def _turns(self, pause: float) -> Iterator[None]:
        while not self._stop.wait(pause):
            yield

    def _write(self, client: Client) -> None:
        for _ in self._turns(self._pause):
            start = time.monotonic()
            self._took("write", start, client.any())

    def _read(self, chance: random.Random) -> None:
        asker, tags = _Asker(self._url), dict[str, str]()
        for _ in self._turns(self._pause):
            kind = chance.choice([*READS, "mcp"])
            start = time.monotonic()
            if kind == "mcp":
                self._took(kind, start, asker("POST", "/mcp", MCP, {"MCP-Protocol-Version": "2025-11-25"}))
            elif prompts := chance.choice(self._clients).known.ids():
                path = READS[kind].format(id=chance.choice(prompts))
                headers = {"If-None-Match": tags[path]} if path in tags and chance.random() < 0.3 else {}
                if (answer := asker("GET", path, None, headers)) is not None and "ETag" in answer.headers:
                    tags[path] = answer.headers["ETag"]
                self._took(kind, start, answer)

    def _read_plain(self) -> None:
        asker = _Asker(self._plain)
        for _ in self._turns(self._pause):
            start = time.monotonic()
            self._took("plain server", start, asker("GET", "/", None, {}))

    def _follow(self) -> None:
        """Wait for each change, as a program does that keeps a copy."""
        asker, after = _Asker(self._url), ""
        for _ in self._turns(0):
            start = time.monotonic()
            answer = asker("GET", f"/api/changes?wait=1&group=commit{after}", None, {})
            self._took("wait for a change", start, answer)
            if answer is not None and answer.status == 200:
                self.followed += [entry["commit"] for entry in answer.json]
                after = f"&after={answer.headers['X-Last-Commit']}"

    def _clone(self) -> None:
        """Clone the history, whole and in part."""
        for at, _ in enumerate(self._turns(self._pause * 100)):
            start, place = time.monotonic(), self._folder / "clone"
            try:
                git(self._folder, "clone", "-q", *_CLONES[at % 3], f"{self._url}/prompts.git", str(place))
            except AssertionError:
                self.broken += 1  # its worker was killed; how often that may be is asserted
            else:
                self._seconds["clone"].append((start, time.monotonic() - start))
            shutil.rmtree(place, ignore_errors=True)

    def _took(self, kind: str, start: float, answer: Answer | None) -> None:
        if answer is None:
            self.broken += 1
            return
        self._seconds[kind].append((start, time.monotonic() - start))
        if answer.status >= 400 and answer.status not in _MAY_BE_MISSING:
            self.wrong.append(f"{kind}: {answer.status} {answer.body[:300]!r}")


_PLAIN = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


@contextmanager
def plain_server() -> Iterator[str]:
    """The address of a server in a process of its own that answers every GET with nothing."""
    with subprocess.Popen([sys.executable, "-c", _PLAIN], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child.stdout.readline().strip()
        finally:
            child.kill()


class _Asker:
    """A connection that is made anew when it breaks: the answer is then None."""

    def __init__(self, url: str) -> None:
        self._url, self._http = url, Http(url)

    def __call__(self, method: str, path: str, body: object, headers: dict[str, str]) -> Answer | None:
        try:
            return self._http(method, path, body, headers)
        except (OSError, http.client.HTTPException):
            self._http = Http(self._url)
            return None
