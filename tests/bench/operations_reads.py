"""Reads by eight clients, beside a bare Flask route; rates, processor time and memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial

from tests.bench.connection import build, fetch
from tests.bench.histories import HISTORY_URL
from tests.bench.lab import Lab, Operation
from tests.bench.peer import Peer, Round, rounds
from tests.bench.peers import Call
from tests.bench.report import FLASK, ROUNDS, Figures, Row, compare
from tests.bench.server import Server, bare_flask, promptgit

_CLIENTS = 8
_READS = 4_000
_MEMORY_READS = 10_000
_VERSIONS = 10_000
_WARM_UP = 100
_ROUTE = build("GET", "/")

Requests = Callable[[Server, int, int], list[bytes]]  # of a server, a history's length and a count
PeerCalls = Callable[[Peer, str, list[str]], list[Call]]  # of a peer, a prompt and some of its versions


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    return [
        Operation("read a version", partial(_read, requests=_versions, peers=_peer_versions)),
        Operation("read a version's bytes", partial(_read, requests=_contents)),
        Operation("read the newest version", partial(_read, requests=_newest, peers=_peer_newest)),
        Operation("read the newest, If-None-Match: 304", partial(_read, requests=_unchanged, expected=304)),
        Operation("page of the 50 newest versions", partial(_read, requests=_page, peers=_peer_page)),
        Operation(f"memory after {_memory_reads(lab):,} reads", _memory),
    ]


def _read(
    lab: Lab, name: str, *, requests: Requests, expected: int = 200, peers: PeerCalls | None = None
) -> Iterator[Row]:
    versions, count = lab.some(_VERSIONS), lab.some(_READS)
    with promptgit(lab.history(versions)) as server, bare_flask(lab.log) as floor:
        lab.load.run(server, requests(server, versions, _WARM_UP), _CLIENTS, expected=expected)
        lab.load.run(floor, [_ROUTE] * _WARM_UP, _CLIENTS)

        def own() -> Figures:
            return lab.load.run(server, requests(server, versions, count), _CLIENTS, expected=expected)

        def bare() -> Figures:
            return lab.load.run(floor, [_ROUTE] * count, _CLIENTS)

        def prepare(peer: Peer) -> Round:
            assert peers is not None
            prompt, keys = peer.history(lab.shortest, lab.load)
            drawn = random.Random(versions).choices(keys, k=count)
            asked = [peer.request(call) for call in peers(peer, prompt, drawn)]
            lab.load.send(peer.address, asked[:_WARM_UP], _CLIENTS)
            return lambda: lab.load.send(peer.address, asked, _CLIENTS)

        others = rounds(lab.peers, prepare) if peers else {}
        row = compare(f"{name}, {_CLIENTS} clients", FLASK, "rate", own, bare, others)
    yield row
    yield Row(f"{name}: processor per request", FLASK, "cpu", row.own, row.bare)


def _versions(server: Server, versions: int, count: int) -> list[bytes]:
    return [build("GET", f"{HISTORY_URL}/versions/{number}") for number in _drawn(versions, count)]


def _contents(server: Server, versions: int, count: int) -> list[bytes]:
    return [build("GET", f"{HISTORY_URL}/versions/{number}/content") for number in _drawn(versions, count)]


def _newest(server: Server, versions: int, count: int) -> list[bytes]:
    return [build("GET", HISTORY_URL)] * count


def _unchanged(server: Server, versions: int, count: int) -> list[bytes]:
    headers, _ = fetch(server.address, HISTORY_URL)
    return [build("GET", HISTORY_URL, headers={"If-None-Match": headers["ETag"]})] * count


def _page(server: Server, versions: int, count: int) -> list[bytes]:
    return [build("GET", f"{HISTORY_URL}/versions?limit=50&order=desc")] * count


def _peer_versions(peer: Peer, prompt: str, keys: list[str]) -> list[Call]:
    return [peer.api.read(prompt, key) for key in keys]


def _peer_newest(peer: Peer, prompt: str, keys: list[str]) -> list[Call]:
    return [peer.api.newest(prompt)] * len(keys)


def _peer_page(peer: Peer, prompt: str, keys: list[str]) -> list[Call]:
    return [peer.api.page(prompt)] * len(keys)


def _drawn(versions: int, count: int) -> list[int]:
    return random.Random(versions).choices(range(1, versions + 1), k=count)


def _memory(lab: Lab, name: str) -> Iterator[Row]:
    versions = lab.some(_VERSIONS)

    def after(server: Server, requests: list[bytes]) -> Figures:
        for _ in range(_memory_reads(lab) // len(requests)):
            lab.load.run(server, requests, _CLIENTS)
        return Figures(memory=server.memory_mb())

    def own() -> Figures:
        with promptgit(lab.history(versions)) as server:
            return after(server, _versions(server, versions, lab.some(_MEMORY_READS)))

    def bare() -> Figures:
        with bare_flask(lab.log) as floor:
            return after(floor, [_ROUTE] * lab.some(_MEMORY_READS))

    yield compare(name, FLASK, "memory", own, bare, rounds=1 if lab.big else ROUNDS)


def _memory_reads(lab: Lab) -> int:
    return lab.some(_MEMORY_READS * 100 if lab.big else _MEMORY_READS)
