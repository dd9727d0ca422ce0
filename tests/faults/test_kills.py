"""All processes of a server are killed while clients write: nothing that was acknowledged is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.faults import LONG
from tests.support import Http, Server, assert_sound, command, commits_of

pytestmark = pytest.mark.slow

MOMENTS = 7
KILLS = 5 * MOMENTS if LONG else MOMENTS


class _Burst:
    """Four writers who save until the server is gone; what it acknowledged, by number."""

    def __init__(self, url: str, where: str, mark: object) -> None:
        self._url, self._where, self._mark = url, where, mark
        self._acknowledged = threading.Semaphore(0)
        self._pool = ThreadPoolExecutor(4)
        self._runs = [self._pool.submit(self._write, writer) for writer in range(4)]

    def _write(self, writer: int) -> dict[int, str]:
        http, told = Http(self._url), {}
        for at in range(10_000):
            content = f"{self._mark} {writer} {at}"
            try:
                answer = http("PUT", self._where, {"content": content})
            except (OSError, HTTPException):
                break
            assert answer.status == 200, answer.body
            told[answer.json["version_number"]] = content
            self._acknowledged.release()
        return told

    def wait_for(self, acknowledged: int) -> None:
        for _ in range(acknowledged):
            self._acknowledged.acquire()

    def results(self) -> list[dict[int, str]]:
        with self._pool:
            return [run.result() for run in self._runs]


def test_a_server_killed_in_the_middle_of_writes_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Again and again: four writers, kill -9 when enough was acknowledged, start again; now and then a look.

    Seven times, each at another moment, and a look at the end; in the long form 35 times, with five looks.
    """
    folder = tmp_path / "data"
    acknowledged: dict[int, str] = {}
    with Server(folder) as server:
        where = Http(server.url)("POST", "/api/prompts", {"name": "a", "content": "first"}).headers["Location"]
    for kills in range(1, KILLS + 1):
        with Server(folder) as server:
            burst = _Burst(server.url, where, kills)
            burst.wait_for(5 + kills % MOMENTS)  # another moment each time
            server.kill()
            for told in burst.results():
                assert not told.keys() & acknowledged.keys()
                acknowledged |= told
        if kills % MOMENTS == 0:
            assert_sound(folder / "prompts.git")
            _assert_all_there(folder, where, acknowledged)
    assert len(acknowledged) >= 5 * KILLS


def _assert_all_there(folder: Path, where: str, acknowledged: dict[int, str]) -> None:
    with Server(folder) as server:
        http = Http(server.url)
        versions = http("GET", f"{where}/versions").json
        assert [version["version_number"] for version in versions] == list(range(1, len(versions) + 1))
        assert [version["commit"] for version in versions] == commits_of(folder / "prompts.git", "prompts/a.md")
        for number, content in acknowledged.items():
            assert http("GET", f"{where}/versions/{number}/content").body.decode() == content
        assert server.stop() == 0
    done = command("check", "--data", str(folder))
    assert done.returncode == 0, done.stdout
