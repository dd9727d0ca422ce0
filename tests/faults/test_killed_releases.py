"""All processes of a server are killed between commits of several changes, promotions and releases.

What was acknowledged is there as a whole, and nothing is there in part.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.names import id_of
from tests.faults import LONG
from tests.support import Answer, Http, Server, assert_sound, command, git_text

pytestmark = pytest.mark.slow

KILLS = 20 if LONG else 2
PROMPTS = [f"support/p{at}" for at in range(5)]
RULES = "[labels.production]\napprovals = 0\n"


class _Clients:
    """Two who save all prompts and move a label of each in one commit, one who promotes, one who releases."""

    def __init__(self, url: str, secret: str, mark: int) -> None:
        self._url, self._headers, self._mark = url, {"Authorization": f"Bearer {secret}"}, mark
        self.told: dict[str, list[Any]] = {"commit": [], "promote": [], "release": []}
        self._acknowledged = threading.Semaphore(0)
        self._pool = ThreadPoolExecutor(4)
        works: list[tuple[str, Callable[[Http, str], Any]]] = [
            *[("commit", self._commit)] * 2,
            ("promote", self._promote),
            ("release", self._release),
        ]
        self._runs = [
            self._pool.submit(self._repeat, kind, work, f"{mark} {at}") for at, (kind, work) in enumerate(works)
        ]

    def wait_for(self, acknowledged: int) -> None:
        for _ in range(acknowledged):
            self._acknowledged.acquire()

    def join(self) -> None:
        with self._pool:
            for run in self._runs:
                run.result()

    def _repeat(self, kind: str, work: Callable[[Http, str], Any], mark: str) -> None:
        http = Http(self._url)
        for at in range(10_000):
            try:
                told = work(http, f"{mark} {at}")
            except (OSError, HTTPException):
                return
            if told is not None:
                self.told[kind].append(told)
                self._acknowledged.release()

    def _post(self, http: Http, path: str, body: dict[str, Any]) -> Answer:
        answer = http("POST", path, body, headers=self._headers)
        assert answer.status in (200, 201, 409, 422), answer.body
        return answer

    def _commit(self, http: Http, text: str) -> Any:
        saves = [{"name": name, "content": f"{text} {name}"} for name in PROMPTS]
        moves = [{"name": name, "label": "staging", "version_number": "new"} for name in PROMPTS]
        answer = self._post(http, "/api/commits", {"changes": [*saves, *moves], "description": f"several {text}"})
        return text, [one["version_number"] for one in answer.json["results"][: len(PROMPTS)]]

    def _promote(self, http: Http, _: str) -> Any:
        answer = self._post(http, "/api/labels/preview/promote", {"from": "staging", "prefix": "support/"})
        return answer.json.get("commit")

    def _release(self, http: Http, text: str) -> Any:
        body = {"label": "production", "from": "staging", "description": text}
        opened = self._post(http, "/api/releases", body)
        if opened.status != 201:
            return None  # production shows it already
        number = opened.json["number"]
        made = self._post(http, f"/api/releases/{number}/release", {})
        return number if made.status == 200 else None


def test_a_commit_of_several_changes_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    _, secret = Tokens(folder).create("admin", Scope.ADMIN)
    headers = {"Authorization": f"Bearer {secret}"}
    with Server(folder) as server:
        http = Http(server.url)
        assert http("PUT", "/api/rules", {"content": RULES}, headers=headers).status == 200
        for name in PROMPTS:
            http("POST", "/api/prompts", {"name": name, "content": "first"}, headers=headers)
    told: dict[str, list[Any]] = {}
    for kill in range(KILLS):
        with Server(folder) as server:
            clients = _Clients(server.url, secret, kill)
            clients.wait_for(6 + kill % 5)  # another moment each time
            server.kill()
            clients.join()
            for kind, ones in clients.told.items():
                told.setdefault(kind, []).extend(ones)
    assert_sound(folder / "prompts.git")
    _assert_whole(folder)
    with Server(folder) as server:
        http = Http(server.url)
        for text, numbers in told["commit"]:
            for name, number in zip(PROMPTS, numbers, strict=True):
                where = f"/api/prompts/{id_of(name)}/versions/{number}"
                assert http("GET", where, headers=headers).json["content"] == f"{text} {name}"
        for number in told["release"]:
            assert http("GET", f"/api/releases/{number}", headers=headers).json["state"] == "released"
        history = git_text(folder / "prompts.git", "rev-list", "main").split()
        assert {commit for commit in told["promote"] if commit} <= {*history}
        assert server.stop() == 0
    checked = command("check", "--data", str(folder))
    assert checked.returncode == 0, checked.stdout


def _assert_whole(folder: Path) -> None:
    """Every commit of several changes has all of its files, and every release all of its labels."""
    log = git_text(folder / "prompts.git", "log", "--name-only", "--format=%x00%s", "main")
    for entry in log.split("\0")[1:]:
        subject, *files = entry.split("\n")
        changed = [file for file in files if file]
        if subject.startswith("several"):
            assert len([file for file in changed if file.startswith("prompts/")]) == len(PROMPTS), entry
        released = [file for file in changed if file.startswith("labels/production/")]
        assert bool(released) == subject.startswith("Release "), entry
        assert not released or any(file.startswith("releases/") for file in changed), entry
