"""`promptgit serve`, `reindex` and `check`, as their own processes."""

from __future__ import annotations

import shutil
import signal
import socket
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from promptgit.store.index.intake import build
from promptgit.store.store import Store
from tests.support import Http, Server, command, git_text


def rows(path: Path) -> dict[str, list[object]]:
    """All that an index holds, but for what is searched."""
    connection = sqlite3.connect(path)
    try:
        tables = ("head", "totals", "authors", "prompts", "versions", "places", "removals")
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    finally:
        connection.close()


def fill(url: str) -> str:
    """Two prompts with some history; the address of one of them."""
    http = Http(url)
    where = http("POST", "/api/prompts", {"name": "a", "content": "1"}).headers["Location"]
    http("PUT", where, {"content": "2"})
    other = http("POST", "/api/prompts", {"content": "x"}).headers["Location"]
    http("DELETE", other)
    assert http("GET", "/api/prompts?q=2").json
    return where


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a server that has some history, and was stopped."""
    with Server(tmp_path_factory.mktemp("filled") / "data", "--workers", "1") as server:
        fill(server.url)
        assert server.stop() == 0
    return server.folder


def test_serve_prints_its_url_once_it_listens_and_stops_with_success(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--workers", "1", "--threads", "2") as server:
        assert Http(server.url)("GET", "/api/prompts").json == []
        assert server.stop() == 0
    assert git_text(tmp_path / "data" / "prompts.git", "rev-list", "--count", "main") == "1"


def test_serve_finishes_the_requests_under_way(server: Server) -> None:
    """A request whose body is still on its way when SIGTERM comes gets its answer."""
    body = b'{"name": "a", "content": "x"}'
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(
            b"POST /api/prompts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # a worker has it
        server.process.send_signal(signal.SIGTERM)
        connection.sendall(body)
        assert connection.recv(100).startswith(b"HTTP/1.1 201 ")
    assert server.stop() == 0


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """SQLite and git both take parts of some names for something else."""
    folder = tmp_path / "-50% of ?data=1&mode=ro#x é"
    with Server(folder) as server:
        where = fill(server.url)
        diff = Http(server.url)("GET", f"{where}/diff?from=1&to=2").json
        assert (diff["additions"], diff["deletions"]) == (1, 1)
    assert command("check", "--data", str(folder)).returncode == 0


def test_two_servers_can_share_one_folder(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as one, Server(tmp_path / "data") as other:
        where = fill(one.url)
        http = Http(other.url)
        assert http("GET", where).json["version_number"] == 2
        assert http("PUT", where, {"content": "3"}).json["version_number"] == 3
        assert Http(one.url)("GET", where).json["version_number"] == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PROMPTGIT_PORT": "http"}, "PROMPTGIT_PORT"),
        ({"PROMPTGIT_WORKERS": "0"}, "PROMPTGIT_WORKERS"),
        ({"PROMPTGIT_WORKERS": "1025"}, "give 1 to 1,024"),
        ({"PROMPTGIT_LOCK_TIMEOUT": "-1"}, "PROMPTGIT_LOCK_TIMEOUT"),
        ({"PROMPTGIT_LOG_LEVEL": "loud"}, "debug, info, warning, error"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    done = command("serve", "--data", str(tmp_path), **settings)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_flag_wins_over_the_environment(tmp_path: Path) -> None:
    with Server(tmp_path / "flag", PROMPTGIT_DATA=str(tmp_path / "environment"), PROMPTGIT_PORT="1"):
        assert (tmp_path / "flag" / "prompts.git").exists()
    assert not (tmp_path / "environment").exists()


def test_reindex_builds_the_same_index_again(server: Server) -> None:
    fill(server.url)
    server.stop()
    before = rows(server.folder / "index.sqlite3")
    assert command("reindex", "--data", str(server.folder)).returncode == 0
    assert rows(server.folder / "index.sqlite3") == before
    (server.folder / "index.sqlite3").unlink()
    with Server(server.folder) as again:
        assert Http(again.url)("GET", "/api/prompts").status == 200
    assert rows(server.folder / "index.sqlite3") == before


def test_check_finds_nothing_in_a_sound_index(server: Server) -> None:
    fill(server.url)
    done = command("check", "--data", str(server.folder))
    assert (done.returncode, done.stdout) == (0, "The index agrees with git.\n")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM versions WHERE number = 2", "Only git has the version"),
        ("UPDATE versions SET description = 'Other' WHERE number = 1", "Only the index has the version"),
        ("UPDATE totals SET versions = 9", "Only the index has the totals (1, 9, 0)"),
        ("UPDATE prompts SET name = 'b' WHERE name = 'a'", "Only git has the prompt"),
        ("UPDATE places SET name = 'b' WHERE name = 'a'", "Only the index has the place"),
        ("DELETE FROM removals", "Only git has the removal"),
        ("UPDATE search SET content = 'Other'", "The search table"),
        ("DELETE FROM search", "The search table lacks"),
        ("UPDATE head SET commit_id = x'00'", "not in the history of main"),
        ("PRAGMA user_version = 99", "schema 99"),
        ("DROP TABLE versions", "cannot be read"),
    ],
)
def test_check_prints_every_difference_and_reindex_mends_it(
    filled: Path, tmp_path: Path, damage: str, said: str
) -> None:
    shutil.copytree(filled, tmp_path / "data")
    connection = sqlite3.connect(tmp_path / "data" / "index.sqlite3", isolation_level=None)
    connection.execute(damage)
    connection.close()
    done = command("check", "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert said in done.stdout
    assert "difference" in done.stdout
    assert command("reindex", "--data", str(tmp_path / "data")).returncode == 0
    assert command("check", "--data", str(tmp_path / "data")).returncode == 0


def test_check_of_nothing_makes_nothing(tmp_path: Path) -> None:
    done = command("check", "--data", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "no repository" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_progress_counts_commits(store: Store, tmp_path: Path) -> None:
    counts: list[int] = []
    build(tmp_path / "new.sqlite3", store.repository, store.repository.main(), counts.append)
    assert counts == [1]
