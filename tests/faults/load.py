"""Many clients that write into a server at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

from tests.faults.known import Known
from tests.faults.writers import Client


class Crowd:
    """Threads that work until the `with` block ends."""

    def __init__(self, work: Sequence[Callable[[], object]]) -> None:
        self._stop = threading.Event()
        self._work = work
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._stop.clear()
        self._threads = [threading.Thread(target=one) for one in self._work]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Load(Crowd):
    """Clients that write at the same time, each in a thread of its own, until the `with` block ends.

    They go on in a further `with` block, where they `move` to. If *gated* they make releases, too.
    """

    def __init__(self, urls: Sequence[str], clients: int = 4, name: str = "load", *, gated: bool = False) -> None:
        self._clients = [Client(urls[at % len(urls)], f"{name} {at}", gated=gated) for at in range(clients)]
        super().__init__([partial(self._run, client) for client in self._clients])

    def _run(self, client: Client) -> None:
        while not self._stop.is_set():
            if client.any() is None:
                self._stop.wait(0.01)  # the server was killed

    def move(self, url: str) -> None:
        """Have all clients go on at another address."""
        for client in self._clients:
            client.move(url)

    def settle(self) -> None:
        """Have all clients send again what may not have been made, so that it is made."""
        for client in self._clients:
            if client.is_unknown:
                answer = client.again()
                assert answer is not None and answer.status < 300, answer

    @property
    def versions(self) -> int:
        """How many versions were acknowledged."""
        return sum(len(client.known.versions) for client in self._clients)

    @property
    def acknowledged(self) -> int:
        """How many writes were acknowledged."""
        return sum(client.acknowledged for client in self._clients)

    @property
    def settled(self) -> int:
        """How many of these were sent again, because it was not known what had become of them."""
        return sum(client.settled for client in self._clients)

    def known(self) -> Known:
        """What all clients together know now."""
        return Known.joined(client.known for client in self._clients)

    def until(self, versions: int) -> None:
        """Wait until so many versions were acknowledged."""
        while self.versions < versions:
            assert all(thread.is_alive() for thread in self._threads)
            self._stop.wait(0.01)
