"""What the client does while the server is away."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptgit import errors
from promptgit.client import Client, Retries, ServerAway
from tests.clients import Counted, Naps, answering, refreshed
from tests.support import Server


@pytest.fixture
def url(shared: Server) -> str:
    return shared.url


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def wire() -> Counted:
    return Counted()


@pytest.fixture
def client(url: str, naps: Naps, wire: Counted) -> Iterator[Client]:
    with Client(url, transport=wire, clock=naps, sleep=naps.sleep) as client:
        yield client


@pytest.fixture
def other(url: str) -> Iterator[Client]:
    """Somebody else, who writes."""
    with Client(url) as other:
        yield other


def test_while_the_server_is_away(tmp_path: Path, naps: Naps) -> None:
    """Memory first, then the folder on disk, then the fallback; it is not asked again and again."""
    folder, wire = tmp_path / "kept", Counted()
    options = {"folder": folder, "clock": naps, "sleep": naps.sleep, "transport": wire}
    with Server(tmp_path / "data") as server:
        with Client(server.url, **options) as client:
            client.create("a", "kept")
            client.set_label("a", "production", 1)
            for asked in ({}, {"label": "production"}, {"version": 1}):
                client.get("a", **asked)
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
        url = server.url
        server.stop()
    wire = options["transport"] = Counted()
    with Client(url, **options) as client:
        assert client.get("a", fallback="f").content == "kept"
        tried = len(wire.seen)
        assert tried == 1 + Retries().count
        for asked in ({}, {"label": "production"}, {"version": 1}):
            assert client.get("a", **asked).content == "kept"
        lost = client.get("b", fallback="Hi {{name}}")
        assert (lost.compile(name="Ada"), lost.is_fallback, lost.version_number) == ("Hi Ada", True, 0)
        assert len(wire.seen) == tried
        with pytest.raises(ServerAway, match="does not answer"):
            client.get("b")
        with pytest.raises(ServerAway):
            client.save("a", "x")
        naps.now += 6
        client.get("a")
        refreshed()
        assert client.get("a").content == "kept"
    with Server(tmp_path / "data", "--port", url.rpartition(":")[2]) as server:
        options["transport"] = Counted()
        with Client(url, **options) as client:
            client.save("a", "new")
            assert client.get("a").content == "new"
            client.delete("a")
            with pytest.raises(errors.PromptDeleted):
                client.get("a")
        server.stop()
    options["transport"] = Counted()
    with Client(url, **options) as client, pytest.raises(ServerAway):
        client.get("a")


def test_a_server_that_fails_is_away(tmp_path: Path, naps: Naps) -> None:
    problem = {"status": 500, "code": "http_internal_server_error", "detail": "Something went wrong here."}
    with answering([(500, {}, problem)]) as (url, asked), Client(url, clock=naps) as client:
        assert client.get("a", fallback="f").is_fallback
        assert len(asked) == 1


def test_a_fallback_hides_no_refusal(client: Client) -> None:
    with pytest.raises(errors.PromptNotFound):
        client.get("cache/never", fallback="f")


def test_a_damaged_folder_is_no_worse_than_none(tmp_path: Path, url: str, other: Client, naps: Naps) -> None:
    other.create("cache/damaged", "1")
    with Client(url, folder=tmp_path / "kept") as client:
        client.get("cache/damaged")
        (file,) = (tmp_path / "kept").iterdir()
    file.write_text(file.read_text()[:50])
    options = {"folder": tmp_path / "kept", "clock": naps, "sleep": naps.sleep}
    with Client("http://127.0.0.1:1", **options) as client, pytest.raises(ServerAway):
        client.get("cache/damaged")
    file.unlink()
    (tmp_path / "kept").rmdir()
    (tmp_path / "kept").write_text("a file")
    with Client(url, folder=tmp_path / "kept") as client:
        assert client.get("cache/damaged").content == "1"


def test_those_that_wait_for_one_that_asks_share_its_failure(naps: Naps, wire: Counted) -> None:
    """Sixteen do not wait sixteen times as long for a server that is away."""
    failures: list[ServerAway] = []
    asks, go = threading.Event(), threading.Event()
    looked: set[int] = set()  # the threads that have looked into the client's memory, and found nothing

    def clock() -> float:
        looked.add(threading.get_ident())
        return naps()

    def sleep(seconds: float) -> None:
        asks.set()
        assert go.wait(60)
        naps.sleep(seconds)

    with Client("http://127.0.0.1:1", transport=wire, clock=clock, sleep=sleep) as client:

        def get() -> None:
            try:
                client.get("a")
            except ServerAway as error:
                failures.append(error)

        threads = [threading.Thread(target=get) for _ in range(16)]
        threads[0].start()
        assert asks.wait(60)
        for thread in threads[1:]:
            thread.start()
        while len(looked) < 16:  # until all wait
            threading.Event().wait(0.001)
        go.set()
        for thread in threads:
            thread.join(60)
        assert len(failures) == 16
        assert len(wire.seen) == 4
        assert client.get("a", fallback="f").is_fallback


def test_a_server_that_hangs_is_not_waited_for_where_there_is_a_fallback(naps: Naps) -> None:
    """2 seconds by default, instead of the 30 that an answer may take else; an own time limit holds for all."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Client(address, sleep=naps.sleep) as client:
            before = time.monotonic()
            assert client.get("a", fallback="f").content == "f"
            assert time.monotonic() - before < 20
        with Client(address, timeout=0.1, sleep=naps.sleep) as client, pytest.raises(ServerAway, match=address):
            client.get("a")


def test_a_server_that_cannot_be_reached_is_named(naps: Naps) -> None:
    client = Client("http://user:secret@127.0.0.1:1/p", sleep=naps.sleep)
    with client, pytest.raises(ServerAway, match=r"http://127\.0\.0\.1:1/p") as refusal:
        client.get("a")
    assert "secret" not in str(refusal.value)
