"""The load: clients on kept-alive connections, a thread each, in one process or two of their own."""

from __future__ import annotations

import multiprocessing
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from multiprocessing.synchronize import Barrier
from time import perf_counter
from types import TracebackType
from typing import Self

from tests.bench.connection import Address, Connection, Failed
from tests.bench.report import Figures, figures
from tests.bench.server import Server

_ONE_PROCESS_UPTO = 8  # clients; one interpreter cannot drive more of them at their pace
_START_SECONDS = 60.0

_both: Barrier | None = None  # where the two processes of one load meet


class Load:
    """Processes that send requests; they live as long as the benchmark, so that no round waits for their start."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(2, context, initializer=_keep, initargs=(context.Barrier(2),))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)

    def run(self, server: Server, requests: Sequence[bytes], clients: int, *, expected: int = 200) -> Figures:
        """Send requests, each by the next client that is free.

        Raises:
            Failed: an answer has not the *expected* status.
        """
        processes = 1 if clients <= _ONE_PROCESS_UPTO else 2
        before = server.cpu_seconds()
        parts = [
            self._pool.submit(
                _send, server.address, requests[part::processes], clients // processes, expected, processes > 1
            )
            for part in range(processes)
        ]
        spans = [span for part in parts for span in part.result()]
        cpu = server.cpu_seconds() - before
        if sum(map(len, spans)) != 2 * len(requests):
            raise Failed("the clients did not all begin in time")
        # perf_counter is one clock for all processes (CLOCK_MONOTONIC).
        elapsed = max(span[-1] for span in spans) - min(span[0] for span in spans)
        times = [end - start for span in spans for start, end in zip(span[::2], span[1::2], strict=True)]
        return figures(times, elapsed, cpu)


def _keep(barrier: Barrier) -> None:
    global _both
    _both = barrier


def _send(
    address: Address, requests: Sequence[bytes], clients: int, expected: int, together: bool
) -> list[list[float]]:
    """In a process of its own: when each client began and ended each of its requests, in turn."""
    todo = deque(requests)
    gate = threading.Barrier(clients, action=_meet if together else None)
    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(_client, address, todo, expected, gate) for _ in range(clients)]
    return [span for client in running if (span := client.result())]


def _meet() -> None:
    assert _both is not None
    _both.wait(_START_SECONDS)


def _client(address: Address, todo: deque[bytes], expected: int, gate: threading.Barrier) -> list[float]:
    moments: list[float] = []
    try:
        with closing(Connection(address)) as connection:
            gate.wait(_START_SECONDS)
            while True:
                request = todo.popleft()
                moments.append(perf_counter())
                connection.exchange(request, expected)
                moments.append(perf_counter())
    except (IndexError, threading.BrokenBarrierError):
        return moments  # nothing is left to do, or another client has failed and says why
    except BaseException:
        todo.clear()  # the others need not go on
        gate.abort()
        raise
