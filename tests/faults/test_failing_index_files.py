"""A file of the index that cannot be opened for a moment: writes do not fail any longer than that."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.tracing import traced, worker_of
from tests.faults.writers import Client
from tests.support import Server, command


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of one worker: one process to trace."""
    with Server(tmp_path_factory.mktemp("handles") / "data", "--workers", "1") as server:
        yield server


@pytest.mark.parametrize("file", ["index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm"])
def test_an_index_that_could_only_be_opened_for_reading_is_opened_again(server: Server, file: str) -> None:
    """SQLite then opens the file for reading alone, and without more would refuse each write for as long as it runs."""
    client = Client(server.url, file)
    client.create()
    assert command("reindex", "--data", str(server.folder)).returncode == 0  # which everybody has to open anew
    with closing(sqlite3.connect(server.folder / "index.sqlite3")) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("SELECT * FROM head").fetchall()  # the files of the log are there, as another worker leaves them
        with traced(worker_of(server), "openat", "openat:error=EMFILE:when=1", paths=[server.folder / file]) as calls:
            during = client.save()
    assert any(call.was_injected for call in calls)
    # Each thread of the worker has opened it for itself.
    assert {answer and answer.status for answer in (during, *(client.save() for _ in range(20)))} == {200}
