"""A POST to a host that has several addresses, of which some are dead."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from promptgit.jobs import outbound
from promptgit.jobs.outbound import Undelivered
from tests.test_hooks import receiving


@contextmanager
def unreachable(address: str, port: int) -> Iterator[None]:
    """A place that takes no more connections and refuses none: the kernel drops what comes to a full queue."""
    with socket.create_server((address, port), backlog=0), ExitStack() as others:
        for _ in range(3):
            other = others.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex((address, port))
        yield


@pytest.mark.parametrize("dead", [["127.0.0.2"], ["127.0.0.3"], ["127.0.0.2", "127.0.0.3", "127.0.0.4"]])
def test_an_address_that_is_dead_leaves_the_others_their_time(monkeypatch: pytest.MonkeyPatch, dead: list[str]) -> None:
    """A host has an address without a route, or one that refuses, and another one that works."""
    with receiving() as receiver, unreachable("127.0.0.2", port := receiver.server.server_port):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in [*dead, "127.0.0.1"]]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        outbound.post(f"http://two.example:{port}/", b"{}", {}, seconds=5, allow_private=True)
        assert receiver.tries == 1


def test_dead_addresses_take_no_longer_than_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with unreachable("127.0.0.2", port):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("127.0.0.2", "127.0.0.3")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(Undelivered, match="in time"):
            outbound.post(f"http://none.example:{port}/", b"{}", {}, seconds=0.3, allow_private=True)
