"""The load: clients on kept-alive connections, a thread each, in one to three processes of their own."""

from __future__ import annotations

import math
import multiprocessing
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.synchronize import Barrier
from time import perf_counter
from types import TracebackType
from typing import Self

from tests.bench.connection import Address, Connection, Failed
from tests.bench.report import Figures, figures
from tests.bench.server import Server

_ONE_PROCESS_UPTO = 8  # clients; one interpreter cannot drive more of them at their pace
_START_SECONDS = 60.0

_PROCESSES = 3  # at most

_meetings: dict[int, Barrier] = {}  # where the processes of one load meet, by how many they are


class Load:
    """Processes that send requests; they live as long as the benchmark, so that no round waits for their start."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        barriers = {number: context.Barrier(number) for number in range(2, _PROCESSES + 1)}
        self._pool = ProcessPoolExecutor(_PROCESSES, context, initializer=_keep, initargs=(barriers,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run(self, server: Server, requests: Sequence[bytes], clients: int, *, expected: int = 200) -> Figures:
        """Send requests to a server of ours, and see what processor time they take too."""
        before = server.cpu_seconds()
        sent = self.send(server.address, requests, clients, expected=expected)
        return replace(sent, cpu=(server.cpu_seconds() - before) * 1000 / len(requests))

    def send(self, address: Address, requests: Sequence[bytes], clients: int, *, expected: int = 200) -> Figures:
        """Send requests, each by the next client that is free.

        Raises:
            Failed: an answer has not the *expected* status.
        """
        processes = 1 if clients <= _ONE_PROCESS_UPTO else 2
        parts = [_Part(requests[part::processes], clients // processes, expected) for part in range(processes)]
        spans = [span for part in self._all([address] * len(parts), parts) for span in part]
        if sum(map(len, spans)) != 2 * len(requests):
            raise Failed("the clients did not all begin in time")
        return _figures(spans)

    def mix(self, address: Address, kinds: Sequence[tuple[Sequence[bytes], int]], seconds: float) -> list[Figures]:
        """Send up to two kinds of requests at once, each with its number of clients, over and over for some time.

        Raises:
            Failed: an answer has not the status 200.
        """
        parts = [_Part(requests, clients, seconds=seconds) for requests, clients in kinds]
        sent = self._all([address] * len(parts), parts)
        if [len(spans) for spans in sent] != [part.clients for part in parts]:
            raise Failed("the clients did not all begin in time")
        return [_figures(spans) for spans in sent]

    def each(self, addresses: Sequence[Address], requests: Sequence[bytes], clients: int, seconds: float) -> Figures:
        """Send the same requests to up to three servers at once, with so many clients each, for some time.

        Raises:
            Failed: an answer has not the status 200.
        """
        part = _Part(requests, clients, seconds=seconds)
        return _figures([span for spans in self._all(addresses, [part] * len(addresses)) for span in spans])

    def _all(self, addresses: Sequence[Address], parts: Sequence[_Part]) -> list[list[list[float]]]:
        running = [
            self._pool.submit(_send, address, part, len(parts)) for address, part in zip(addresses, parts, strict=True)
        ]
        return [part.result() for part in running]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one process sends: every request once, or for some time all of them over and over."""

    requests: Sequence[bytes]
    clients: int
    expected: int = 200
    seconds: float | None = None


def _figures(spans: list[list[float]]) -> Figures:
    # perf_counter is one clock for all processes (CLOCK_MONOTONIC).
    elapsed = max(span[-1] for span in spans) - min(span[0] for span in spans)
    times = [end - start for span in spans for start, end in zip(span[::2], span[1::2], strict=True)]
    return figures(times, elapsed)


def _keep(barriers: dict[int, Barrier]) -> None:
    _meetings.update(barriers)


def _send(address: Address, part: _Part, processes: int) -> list[list[float]]:
    """In a process of its own, one of so many: when each client began and ended each of its requests, in turn."""
    todo = deque(part.requests)
    gate = threading.Barrier(part.clients, action=partial(_meet, processes) if processes > 1 else None)
    with ThreadPoolExecutor(part.clients) as pool:
        running = [pool.submit(_client, address, todo, part, gate) for _ in range(part.clients)]
    return [span for client in running if (span := client.result())]


def _meet(processes: int) -> None:
    _meetings[processes].wait(_START_SECONDS)


def _client(address: Address, todo: deque[bytes], part: _Part, gate: threading.Barrier) -> list[float]:
    moments: list[float] = []
    try:
        with closing(Connection(address)) as connection:
            gate.wait(_START_SECONDS)
            end = perf_counter() + part.seconds if part.seconds else math.inf
            while perf_counter() < end:
                request = todo.popleft()
                if part.seconds:
                    todo.append(request)
                moments.append(perf_counter())
                connection.exchange(request, part.expected)
                moments.append(perf_counter())
        return moments
    except (IndexError, threading.BrokenBarrierError):
        return moments  # nothing is left to do, or another client has failed and says why
    except BaseException:
        todo.clear()  # the others need not go on
        gate.abort()
        raise
