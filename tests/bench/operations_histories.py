"""Long histories: a page must not care how long they are, and all of one must not take much longer than git."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from functools import partial

from tests.bench.connection import Address, Failed, build, fetch
from tests.bench.floors import timed_output
from tests.bench.histories import HISTORY_PATH, HISTORY_URL
from tests.bench.lab import Lab, Operation
from tests.bench.peer import Peer, Round, rounds
from tests.bench.report import FLASK, Figures, Row, compare, figures
from tests.bench.server import Server, bare_flask, promptgit

_SHORT = 100  # versions
_PAGES = 500
_PAGE = build("GET", f"{HISTORY_URL}/versions?limit=50&order=desc")
_AT_ONCE = 50_000  # versions that are read in one round at least, so that short histories are read often
_CHUNK = 1 << 16
_SAMPLE = 8 << 20  # bytes between two looks at the memory
_FORMAT = "%H%x00%an%x00%ae%x00%at%x00%B"


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    lengths = [lab.some(10_000), lab.some(100_000)] + ([lab.longest] if lab.big else [])
    pages = [Operation(f"page of 50, of {_SHORT} versions", _short_page)]
    pages += [Operation(f"page of 50, of {length:,} versions", partial(_page, length=length)) for length in lengths]
    wholes = [lab.shortest, lab.some(10_000), lab.some(100_000)]
    memory = Operation(f"memory while all of {lab.longest:,} versions stream", _memory)
    return (
        pages
        + [Operation(f"all of {length:,} versions", partial(_whole, length=length)) for length in wholes]
        + [memory]
    )


def _short_page(lab: Lab, name: str) -> Iterator[Row]:
    with promptgit(lab.history(_SHORT)) as server, bare_flask(lab.log) as floor:
        yield _compare_pages(lab, name, FLASK, server, floor, build("GET", "/"))


def _page(lab: Lab, name: str, *, length: int) -> Iterator[Row]:
    with promptgit(lab.history(length)) as server, promptgit(lab.history(_SHORT)) as short:
        yield _compare_pages(lab, name, f"the same, of {_SHORT} versions", server, short, _PAGE)


def _compare_pages(lab: Lab, name: str, floor: str, server: Server, other: Server, request: bytes) -> Row:
    count = lab.some(_PAGES)

    def own() -> Figures:
        return lab.load.run(server, [_PAGE] * count, 1)

    def bare() -> Figures:
        return lab.load.run(other, [request] * count, 1)

    own(), bare()  # warm both
    return compare(name, floor, "p50", own, bare)


def _whole(lab: Lab, name: str, *, length: int) -> Iterator[Row]:
    repository = lab.history(length) / "prompts.git"
    command = ["git", f"--git-dir={repository}", "log", "--first-parent", f"--format={_FORMAT}", "main"]
    times = max(1, lab.some(_AT_ONCE) // length)
    with promptgit(lab.history(length)) as server:
        found = len(json.loads(fetch(server.address, f"{HISTORY_URL}/versions")[1]))
        if found < length:
            raise Failed(f"{found} versions came of {length}")
        # Each round gives both figures, until the first byte and until the last one.
        own: list[tuple[list[float], list[float]]] = []
        bare: list[tuple[list[float], list[float]]] = []

        def read() -> Figures:
            reads = (_timed_read(server.address, f"{HISTORY_URL}/versions") for _ in range(times))
            firsts, totals = zip(*reads, strict=True)
            own.append((list(firsts), list(totals)))
            return figures(totals)

        def log() -> Figures:
            firsts, totals = zip(*(timed_output([*command, "--", HISTORY_PATH]) for _ in range(times)), strict=True)
            bare.append((list(firsts), list(totals)))
            return figures(totals)

        def prepare(peer: Peer) -> Round:
            prompt, _ = peer.history(length, lab.load)
            paths = [call.path for call in peer.expect(prompt, length)[0]]
            return lambda: figures([sum(_timed_read(peer.address, path)[1] for path in paths) for _ in range(times)])

        others = rounds(lab.peers, prepare) if length == lab.shortest else {}
        yield compare(name, "git log --first-parent -- path", "p50", read, log, others)
    firsts_own, firsts_bare = ([figures(firsts) for firsts, _ in side] for side in (own, bare))
    yield Row(f"{name}: first byte", "git log: first byte", "p50", firsts_own, firsts_bare)


def _memory(lab: Lab, name: str) -> Iterator[Row]:
    with promptgit(lab.history(lab.longest)) as server:
        fetch(server.address, f"{HISTORY_URL}/versions?limit=1")

        def streaming() -> Figures:
            client = http.client.HTTPConnection(*server.address, timeout=600)
            client.request("GET", f"{HISTORY_URL}/versions")
            answer = client.getresponse()
            most, left = server.memory_mb(), lab.longest
            while chunk := answer.read(_SAMPLE):
                most = max(most, server.memory_mb())
                left -= chunk.count(b'"version_number":')
            client.close()
            if abs(left) > lab.longest // 1_000:  # a few fall between two chunks
                raise Failed(f"{left} versions are missing")
            return Figures(memory=most)

        yield compare(name, "the same server before", "memory", streaming, lambda: Figures(memory=server.memory_mb()))


def _timed_read(address: Address, path: str) -> tuple[float, float]:
    """The seconds until the first byte of the body, and until its end."""
    client = http.client.HTTPConnection(*address, timeout=600)
    start = time.perf_counter()
    client.request("GET", path)
    answer = client.getresponse()
    answer.read(1)
    first = time.perf_counter() - start
    while answer.read(_CHUNK):
        pass
    total = time.perf_counter() - start
    client.close()
    if answer.status != 200:
        raise Failed(f"{path} got {answer.status}")
    return first, total
