"""Writes: how many clients save versions, and how long each waits, beside one bare loop of commits."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import partial

from tests.bench.connection import Failed, build, fetch
from tests.bench.floors import BareCommits
from tests.bench.lab import Lab, Operation
from tests.bench.peer import Peer, Round, rounds
from tests.bench.report import Figures, Row, compare
from tests.bench.samples import text
from tests.bench.server import Server, promptgit

_FLOOR_COMMITS = 300
_WARM_UP = 3  # requests of each client: every thread of the server opens the repository once


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    return [
        Operation("save, 1 client", partial(_save, clients=1, prompts=1, count=300, beside_peers=True)),
        Operation("save, 8 clients, one prompt", partial(_save, clients=8, prompts=1, count=1_000, beside_peers=True)),
        Operation("save, 32 clients, one prompt", partial(_save, clients=32, prompts=1, count=2_000)),
        Operation(
            "save, 64 clients, one prompt", partial(_save, clients=64, prompts=1, count=3_000, beside_peers=True)
        ),
        Operation("save, 8 clients, 8 prompts", partial(_save, clients=8, prompts=8, count=1_000)),
    ]


def _save(lab: Lab, name: str, *, clients: int, prompts: int, count: int, beside_peers: bool = False) -> Iterator[Row]:
    numbers = itertools.count()
    bare = BareCommits(lab.fresh())
    with promptgit(lab.fresh()) as server:
        urls = [_create(server, f"bench/write-{place}", next(numbers)) for place in range(prompts)]

        def own(saves: int) -> Figures:
            requests = [build("PUT", urls[n % prompts], {"content": text(n)}) for n in itertools.islice(numbers, saves)]
            return lab.load.run(server, requests, clients)

        own(_WARM_UP * clients)
        saves, commits = lab.some(count), lab.some(_FLOOR_COMMITS)
        others = rounds(lab.peers, partial(_peer, lab, clients=clients, saves=saves)) if beside_peers else {}
        yield compare(name, "a bare pygit2 loop", "rate", lambda: own(saves), lambda: bare.run(commits), others)
        _expect_all(server, urls, next(numbers))


def _peer(lab: Lab, peer: Peer, *, clients: int, saves: int) -> Round:
    prompt, numbers = peer.fresh(), itertools.count(1)
    made = 1 + _WARM_UP * clients

    def save(count: int) -> Figures:
        texts = map(text, itertools.islice(numbers, count))
        requests = [peer.request(peer.api.save(prompt, content)) for content in texts]
        return lab.load.send(peer.address, requests, clients)

    def once() -> Figures:
        nonlocal made
        sent = save(saves)
        made += saves
        peer.expect(prompt, made)
        return sent

    save(_WARM_UP * clients)
    return once


def _create(server: Server, name: str, number: int) -> str:
    body = {"name": name, "content": text(number)}
    _, answer = fetch(server.address, "/api/prompts", method="POST", body=body)
    return f"/api/prompts/{json.loads(answer)['id']}"


def _expect_all(server: Server, urls: list[str], expected: int) -> None:
    """Every content was another, so every save made a version."""
    versions = sum(json.loads(fetch(server.address, url)[1])["version_number"] for url in urls)
    if versions != expected:
        raise Failed(f"{expected} saves left {versions} versions")
