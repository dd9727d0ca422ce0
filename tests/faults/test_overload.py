"""More than can be served: writers are told to come back in time, reads go on, and nobody is left out for long."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tests.faults import attempts
from tests.faults.checker import check
from tests.faults.disks import standing_still
from tests.faults.known import Known
from tests.faults.load import Load
from tests.faults.writers import Client
from tests.support import Answer, Http, Server

WRITERS = attempts(32, 64, 64)
TIMEOUT = attempts(1, 2, 10)
STOPS = attempts(1, 3, 50)
SECONDS = attempts(0, 5, 60)
"""How long all writers write as fast as they can; each writes at least once."""
SLACK = 30
"""Seconds that a busy machine may take in addition."""
CODES = {"write_lock_timeout", "too_many_writers", "main_locked", "index_busy"}


@contextmanager
def holder_stopped(other: Server) -> Iterator[None]:
    """The other server, which has writers, stands still at a moment at which it holds the write lock."""
    while True:
        with standing_still(other.process.pid):
            try:
                with FileLock(other.folder / "write.lock", timeout=0):
                    pass
            except Timeout:
                yield
                return


def test_writers_are_refused_in_time_while_the_holder_of_the_lock_stands_still(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Of two servers on one folder one is stopped in the middle of a batch; reads at the other one go on.

    Unless it had moved `main`, and not recorded that in the index yet: until it does, no read could be right, and each
    is told so.
    """
    folder, options = tmp_path / "data", ("--workers", "1")
    with (
        Server(folder, *options, PROMPTGIT_LOCK_TIMEOUT=str(TIMEOUT)) as server,
        Server(folder, *options, PROMPTGIT_LOCK_TIMEOUT="600", PROMPTGIT_CLIENT_TIMEOUT="600") as other,
    ):
        clients = [Client(server.url, f"client {at}", TIMEOUT + SLACK) for at in range(WRITERS)]
        assert clients[0].create() is not None
        reader, reads, slowest, refused = Http(server.url, timeout=SLACK), Counter[int](), 0.0, 0

        def write(client: Client) -> tuple[float, Answer | None]:
            client.connect()
            start = time.monotonic()
            answer = client.any()
            return time.monotonic() - start, answer

        with Load([other.url]) as load, ThreadPoolExecutor(WRITERS) as pool:
            load.until(4)
            for _ in range(STOPS):
                with holder_stopped(other):
                    runs = [pool.submit(write, client) for client in clients]
                    while not all(run.done() for run in runs):
                        read = reader("GET", f"/api/prompts/{clients[0].prompt}/versions/1")
                        assert read.status == 200 or (read.json["code"], read.status) == ("index_busy", 503), read
                        reads[read.status] += 1
                    for run in runs:
                        seconds, answer = run.result()
                        assert answer is not None, f"not answered, or the connection broke, after {seconds:.1f} s"
                        assert (answer.status, answer.json["code"] in CODES) == (503, True), answer
                        assert answer.headers["Retry-After"] and "Nothing was written" in answer.json["detail"]
                        slowest, refused = max(slowest, seconds), refused + 1
                load.until(len(load.known().versions) + 4)
        assert [answer.body for answer in load.known().refused] == []
        answers = [write(client)[1] for client in clients]
        assert all(answer is not None and answer.status < 300 for answer in answers), answers
    check(folder / "prompts.git", load.known())
    check(folder / "prompts.git", Known.joined(client.known for client in clients))
    record_property("stops of the lock's holder", STOPS)
    record_property("writes refused with Retry-After", refused)
    record_property(f"s for the slowest refusal, of {TIMEOUT} s", round(slowest, 1))
    record_property("reads answered meanwhile", reads[200])
    record_property("reads told to come back, for main had just moved", reads[503])


def test_nobody_is_left_out_among_many_writers(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Clients write as fast as they can, to a server of several processes."""
    with Server(tmp_path / "data", PROMPTGIT_LOCK_TIMEOUT="60") as server:
        clients = [Client(server.url, f"client {at}", timeout=600) for at in range(WRITERS)]
        made, stop = dict.fromkeys(range(WRITERS), 0), threading.Event()

        def work(at: int) -> None:
            while not made[at] or not stop.is_set():
                answer = clients[at].any()
                assert answer is not None and answer.status < 300, answer
                made[at] += 1

        with ThreadPoolExecutor(WRITERS) as pool:
            runs = [pool.submit(work, at) for at in range(WRITERS)]
            stop.wait(SECONDS)
            stop.set()
            for run in runs:
                run.result()
    check(tmp_path / "data" / "prompts.git", Known.joined(client.known for client in clients))
    assert not SECONDS or max(made.values()) <= 4 * min(made.values()), made
    record_property("clients", WRITERS)
    record_property("writes of the one with the fewest", min(made.values()))
    record_property("writes of the one with the most", max(made.values()))
