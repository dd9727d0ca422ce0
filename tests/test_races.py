"""Writers that race and run out of room, through a real server."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from io import FileIO
from multiprocessing import get_context
from pathlib import Path

import pytest

from tests.support import Http, Server, assert_sound, command, commits_of

pytestmark = pytest.mark.slow

PROCESSES, THREADS, SAVES = 4, 8, 6


def _save(url: str, where: str, process: int, thread: int) -> list[tuple[int, str]]:
    """Save some contents, all different; the acknowledged (number, content)."""
    http = Http(url)
    acknowledged = []
    for at in range(SAVES):
        content = f"{process} {thread} {at}"
        answer = http("PUT", where, {"content": content})
        assert answer.status == 200, answer.body
        acknowledged.append((answer.json["version_number"], content))
    return acknowledged


def _save_in_threads(url: str, where: list[str], process: int) -> list[tuple[str, int, str]]:
    """Eight threads of one process, each on its prompt."""
    with ThreadPoolExecutor(THREADS) as pool:
        mine = [where[(process * THREADS + thread) % len(where)] for thread in range(THREADS)]
        runs = list(pool.map(lambda at: _save(url, mine[at], process, at), range(THREADS)))
    return [(at, number, content) for at, run in zip(mine, runs, strict=True) for number, content in run]


@pytest.mark.parametrize("prompts", [1, 8])
def test_32_racing_threads_in_4_processes_lose_nothing(server: Server, prompts: int) -> None:
    """Every acknowledged write is there once, under the number that was told, and numbers run 1 to N."""
    http = Http(server.url)
    where = [
        http("POST", "/api/prompts", {"name": f"p{at}", "content": "first"}).headers["Location"]
        for at in range(prompts)
    ]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        runs = [pool.submit(_save_in_threads, server.url, where, at) for at in range(PROCESSES)]
        acknowledged = [entry for run in runs for entry in run.result()]
    assert len(acknowledged) == PROCESSES * THREADS * SAVES
    http = Http(server.url)  # the server may have closed the idle one
    for at, prompt in enumerate(where):
        versions = http("GET", f"{prompt}/versions").json
        expected = {number: content for whose, number, content in acknowledged if whose == prompt} | {1: "first"}
        assert [version["version_number"] for version in versions] == list(range(1, len(expected) + 1))
        stored = {n: http("GET", f"{prompt}/versions/{n}/content").body.decode() for n in expected}
        assert stored == expected
        times = [version["timestamp"] for version in versions]
        assert times == sorted(times)
        commits = commits_of(server.folder / "prompts.git", f"prompts/p{at}.md")
        assert [version["commit"] for version in versions] == commits
    assert_sound(server.folder / "prompts.git")
    assert command("check", "--data", str(server.folder)).returncode == 0


def test_of_many_who_create_one_name_one_wins(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda at: Http(server.url)("POST", "/api/prompts", {"name": "a", "content": f"{at}"}), range(8))
        )
    assert Counter(answer.status for answer in answers) == {201: 1, 409: 7}


def test_of_many_who_save_over_the_same_version_one_wins(server: Server) -> None:
    """If-Match is compared under the lock."""
    created = Http(server.url)("POST", "/api/prompts", {"name": "a", "content": "x"})
    seen = {"If-Match": created.headers["ETag"]}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda at: Http(server.url)("PUT", created.headers["Location"], {"content": f"{at}"}, seen), range(8)
            )
        )
    assert Counter(answer.status for answer in answers) == {200: 1, 412: 7}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB, where one may be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here (that needs root)")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_takes_no_write_and_loses_nothing(small_disk: Path) -> None:
    """Reads go on; writes too, once there is room."""
    with Server(small_disk / "data") as server:
        http = Http(server.url)
        ballast = small_disk / "ballast"
        where = http("POST", "/api/prompts", {"name": "a", "content": "0"}).headers["Location"]
        saved = 1
        for at in range(1, 1_000):
            answer = http("PUT", where, {"content": f"{at} " + os.urandom(40_000).hex()})
            if answer.status != 200:
                break
            saved += 1
        assert (answer.status, answer.json["code"]) == (507, "storage_full")
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            _fill(file)
        for call in (("PUT", where), ("POST", "/api/prompts")):
            assert http(*call, {"content": "full"}).status == 507
        assert http("GET", where).json["version_number"] == saved
        assert len(http("GET", f"{where}/versions").json) == saved
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
        assert http("PUT", where, {"content": "room"}).json["version_number"] == saved + 1
        assert_sound(small_disk / "data" / "prompts.git")
        assert command("check", "--data", str(small_disk / "data")).returncode == 0


def _fill(file: FileIO) -> None:
    while True:
        file.write(bytes(4_096))
