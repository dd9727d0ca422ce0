"""What a server of a damaged folder is asked, and what it may answer."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from typing import Any
from urllib.parse import quote

from tests.faults.data_folder import PERSON, DataFolder, text
from tests.support import Answer, Http, Server, wait_for

BACK_SECONDS = 10
"""After a broken connection the service answers again within this time."""

_DOWN = (OSError, http.client.HTTPException)


class Wrong(AssertionError):
    """An answer that never should be."""


class Probe:
    """Asks one server of a folder. *mark* makes its writes other ones than those of other probes."""

    def __init__(self, server: Server, made: DataFolder, mark: int = 0) -> None:
        self._server, self._made, self._mark = server, made, mark
        self.url = server.url
        self._http = Http(server.url)
        self._strangers = (f"10.{mark >> 8}.{mark & 255}.{at}" for at in count())  # wrong tokens are counted by address
        self._admin = made.headers("admin")
        self.refused: dict[str, Answer] = {}
        self.saved: dict[tuple[str, int], str] = {}

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer | None:
        """An answer; None: the connection broke, and the service has answered again since."""
        with suppress(*_DOWN):
            return self._http(method, path, body, self._admin if headers is None else headers)
        start = time.monotonic()
        wait_for(self._is_back)
        if (seconds := time.monotonic() - start) > BACK_SECONDS:
            raise Wrong(f"it took {seconds:.1f} s until somebody answered again after {method} {path}")
        return None

    def _is_back(self) -> bool:
        try:
            self._http = Http(self._server.url)
            return self._http("GET", "/healthz").status == 200
        except _DOWN:
            return False

    def expect_kept_out(self) -> None:
        """Raise if somebody is let in who was kept out."""
        save = {"content": "from outside"}
        tries: list[tuple[str, Mapping[str, str], tuple[int, ...]]] = [
            ("nobody", {}, (401,)),
            ("another", {"Authorization": f"Bearer {self._made.secrets['admin']}x"}, (401,)),
            ("revoked", self._made.headers("revoked"), (401,)),
            ("expired", self._made.headers("expired"), (401,)),
            ("reader", self._made.headers("reader"), (403,)),
            ("writer", self._made.headers("writer"), (403,)),
        ]
        for who, headers, statuses in tries:
            headers = dict(headers) | {"X-Forwarded-For": next(self._strangers)}
            answer = self.ask("PUT", "/api/names/outside", save, headers)
            if answer is not None and answer.status not in (*statuses, 503):
                raise Wrong(f"{who} was let in: {answer}")
            read = self.ask("GET", "/api/prompts", headers=headers) if statuses == (401,) else None
            if read is not None and read.status not in (401, 503):
                raise Wrong(f"{who} was let in: {read}")

    def read_all(self) -> None:
        """Raise unless each answer is right, or says that the service cannot tell; the latter are in *refused*."""
        self.refused.clear()
        for path, expected in self._made.answers.items():
            answer = self.ask("GET", path) or self.ask("GET", path)
            if answer is None:
                continue
            if answer.status == 503:
                _expect_problem(answer)
                self.refused[path] = answer
            elif (answer.status, answer.body) != (expected.status, expected.body):
                raise Wrong(f"{path} was answered {answer}, not {expected}")
        page = self.ask("GET", "/", headers=PERSON | {"Accept": "text/html"})
        if page is not None and page.status not in (200, 303, 403, 503):
            raise Wrong(f"a page: {page}")

    def write_all(self) -> None:
        """Raise unless each write is made, or refused in words; the former are in *saved*."""
        new, name = text("new", self._mark), f"new/p{self._mark}"
        for method, path, body in (
            ("PUT", f"/api/names/{name}", {"content": new}),
            ("PUT", "/api/names/again", {"content": new}),
            ("POST", "/api/commits", {"changes": [{"name": f"{name} too", "content": new}]}),
            ("POST", "/api/tokens", {"name": f"another {self._mark}", "scope": "read"}),
        ):
            answer = self.ask(method, path, body)
            if answer is None:
                continue
            if answer.status >= 300:
                _expect_problem(answer)
                if answer.status not in (503, 507):
                    raise Wrong(f"{method} {path} was answered {answer}")
            elif path != "/api/tokens":
                told = answer.json["results"][0] if path == "/api/commits" else answer.json
                self.saved[told["name"], told["version_number"]] = new

    def is_told(self) -> bool:
        """True if /readyz says that something is wrong; it reads some more contents at each call."""
        for _ in range(8):
            answer = self.ask("GET", "/readyz", headers={})
            if answer is None:
                return True
            if answer.status != 200:
                _expect_problem(answer)
                if answer.status != 503:
                    raise Wrong(f"/readyz was answered {answer}")
                return True
            if answer.json["warnings"]:
                return True
        return False

    def expect_well(self, contents: Mapping[tuple[str, int], str]) -> None:
        """Raise unless the service is ready, and has these contents by prompt and version number."""
        if (ready := self.ask("GET", "/readyz", headers={})) is None or ready.status != 200:
            raise Wrong(f"not ready: {ready}")
        for (name, number), content in contents.items():
            prompt = self.ask("GET", f"/api/names/{quote(name)}")
            if prompt is None or prompt.status != 200:
                raise Wrong(f"{name} is lost: {prompt}")
            version = self.ask("GET", f"/api/prompts/{prompt.json['id']}/versions/{number}/content")
            if version is None or version.body.decode() != content:
                raise Wrong(f"version {number} of {name} is another text: {version}")


def _expect_problem(answer: Answer) -> None:
    if answer.headers["Content-Type"] != "application/problem+json" or not json.loads(answer.body)["detail"]:
        raise Wrong(f"no problem document: {answer}")
