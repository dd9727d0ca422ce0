"""A node in front of an upstream: saves at three distances, reads of several nodes, and how soon a push is seen.

The upstream is served by nginx with `git http-backend`, as Git hosts are reached in general; by `git daemon` where
there is no nginx. Alone: `python -m tests.bench --only upstream`.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from promptgit.domain.names import id_of, path_of
from tests.bench.bare_pushes import BarePushes
from tests.bench.connection import Failed, build, fetch
from tests.bench.distance import distant
from tests.bench.floors import git, timed
from tests.bench.lab import Lab, Operation
from tests.bench.report import Figures, Row, compare, figures
from tests.bench.samples import text
from tests.bench.server import Server, promptgit
from tests.upstreams import HAS_NGINX, Host, bare

_NAME = "bench/write"
_URL = f"/api/prompts/{id_of(_NAME)}"
_DISTANCES = {0: 20, 20: 15, 200: 6}  # ms, and how many saves of each client make a round
_FEWEST = 5  # saves of each client: of fewer, the last batch, which is a part of one, would count for much
_CLIENTS = (1, 8, 64)
_FEWEST_PUSHES = 8  # of the bare loop in a round
_WARM_UP = 2  # saves of each client
_NODES = 3
_READERS = 8  # of each node
_READ_SECONDS = 5
_SEEN = 10  # pushes at the host
_SECRET = "bench"


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    saves = [
        Operation(_saves_name(distance, clients), partial(_save, distance=distance, clients=clients))
        for distance in _DISTANCES
        for clients in _CLIENTS
    ]
    several = [
        Operation(
            f"{_saves_name(distance, _CLIENTS[-1])}, 2 processes",
            partial(_save, distance=distance, clients=_CLIENTS[-1], processes=2),
        )
        for distance in _DISTANCES
    ]
    return [
        *saves,
        *several,
        Operation(f"upstream: read the newest version, 1 to {_NODES} nodes", _read),
        Operation("upstream: from a push at the host to a node that polls", partial(_seen, told=False)),
        Operation("upstream: from a push at the host to a node that is told", partial(_seen, told=True)),
    ]


def _saves_name(distance: int, clients: int) -> str:
    return f"save, upstream {distance} ms away, {clients} {'client' if clients == 1 else 'clients'}"


def _save(lab: Lab, name: str, *, distance: int, clients: int, processes: int = 1) -> Iterator[Row]:
    """Saves beside bare pushes; those of several clients also beside what was measured in the same rounds.

    That is the node's own pushes, under this load; and such a push after the same saves without an upstream. Clients
    that wait for an answer before they save again cannot do both at the same time.
    """
    numbers, others = itertools.count(1), itertools.count(1)
    pushed: list[Figures] = []
    parts: list[Figures] = []
    saves = clients * max(_FEWEST, lab.some(_DISTANCES[distance]))
    with _host(lab, distance) as (host, url):
        _configure(bare(host.path.parent / "loop"))
        loop = BarePushes(lab.fresh().absolute(), url.replace("/up.git", "/loop/up.git"))
        pushes = max(_FEWEST_PUSHES, lab.some(_DISTANCES[distance]))
        with (
            promptgit(lab.fresh(), PROMPTGIT_UPSTREAM=url, PROMPTGIT_WORKERS=str(processes)) as server,
            promptgit(lab.fresh(), PROMPTGIT_WORKERS=str(processes)) as single,
        ):

            def run(at: Server, unused: Iterator[int], count: int) -> Figures:
                requests = [build("PUT", _URL, {"content": text(n)}) for n in itertools.islice(unused, count)]
                return lab.load.run(at, requests, clients)

            def own() -> Figures:
                seconds, landed = _pushes(server)
                sent = run(server, numbers, saves)
                after, all_landed = _pushes(server)
                alone = run(single, others, saves).rate
                assert alone is not None
                push = (after - seconds) / (all_landed - landed)
                pushed.append(Figures(rate=clients / push))
                parts.append(Figures(rate=clients / (clients / alone + push)))
                return sent

            def floor() -> Figures:
                rate, push = loop.run(pushes)
                return rate if clients == 1 else Figures(rate=clients / push)

            for at, unused in ((server, numbers), (single, others)):
                _create(at)
                run(at, unused, _WARM_UP * clients)
            loop.run(_WARM_UP)
            against = "git commit; git push" if clients == 1 else f"{clients} versions a git push"
            yield (row := compare(name, against, "rate", own, floor))
            if clients > 1:
                yield Row(name, f"{clients} versions a push of the node", "rate", row.own, pushed)
                yield Row(name, f"{clients} saves alone, then such a push", "rate", row.own, parts)
            _expect_all(server, host, next(numbers))


def _pushes(server: Server) -> tuple[float, float]:
    """How many seconds the node's pushes that landed have taken so far, and how many those were."""
    told = fetch(server.address, "/metrics")[1].decode()
    metric = r'^promptgit_upstream_push_seconds_%s\{outcome="landed"\} (\S+)$'
    seconds, count = (re.search(metric % part, told, re.MULTILINE) for part in ("sum", "count"))
    assert seconds is not None
    assert count is not None
    return float(seconds[1]), float(count[1])


def _expect_all(server: Server, host: Host, expected: int) -> None:
    """Every content was another, so every save made a version; and they are at the host."""
    versions = json.loads(fetch(server.address, _URL)[1])["version_number"]
    if versions != expected:
        raise Failed(f"{expected} saves left {versions} versions")
    commits = int(git(host.path, "rev-list", "--count", "main", "--", path_of(_NAME)))
    if commits != expected:
        raise Failed(f"{expected} saves left {commits} commits at the host")


def _read(lab: Lab, name: str) -> Iterator[Row]:
    requests = [build("GET", _URL)] * _READERS
    seconds = max(1, lab.some(_READ_SECONDS))
    with _host(lab) as (_, url), ExitStack() as running:
        servers = [running.enter_context(promptgit(lab.fresh(), PROMPTGIT_UPSTREAM=url)) for _ in range(_NODES)]
        _create(servers[0])
        for server in servers:
            _wait(partial(_has, server, 1))

        def read(nodes: int) -> Figures:
            addresses = [server.address for server in servers[:nodes]]
            before = sum(server.cpu_seconds() for server in servers)
            sent = lab.load.each(addresses, requests, _READERS, seconds)
            used = sum(server.cpu_seconds() for server in servers) - before
            assert sent.rate is not None
            return Figures(sent.rate, sent.p50, sent.p99, cpu=used * 1000 / (sent.rate * seconds))

        read(_NODES)
        one: list[Figures] = []
        for nodes in range(2, _NODES + 1):
            title = name.replace(f"1 to {_NODES}", str(nodes))
            row = compare(title, "the same, 1 node", "rate", partial(read, nodes), partial(read, 1))
            one.extend(row.bare)
            yield row
            yield Row(f"{title}: processor per request", "the same, 1 node", "cpu", row.own, row.bare)


def _seen(lab: Lab, name: str, *, told: bool) -> Iterator[Row]:
    count = lab.some(_SEEN)
    versions = itertools.count(2)
    with _host(lab) as (host, url):
        ask = ["git", f"--git-dir={bare(lab.fresh().absolute())}", "fetch", "--quiet", url, "main"]
        settings = {"PROMPTGIT_UPSTREAM": url, "PROMPTGIT_UPSTREAM_SECRET": _SECRET}
        with promptgit(lab.fresh(), **settings) as server:
            _create(server)

            def own() -> Figures:
                seconds: list[float] = []
                for version in itertools.islice(versions, count):
                    time.sleep(version * 0.37 % 1)  # at no fixed moment between two polls
                    _push(host.path, version)
                    start = time.perf_counter()
                    if told:
                        signed = {"X-Gitlab-Token": _SECRET}
                        fetch(server.address, "/hooks/upstream", method="POST", headers=signed)
                    _wait(partial(_has, server, version))
                    seconds.append(time.perf_counter() - start)
                return figures(seconds)

            def floor() -> Figures:
                return figures([timed(ask) for _ in range(count)])

            yield compare(name, "git fetch, nothing new", "p50", own, floor)


@contextmanager
def _host(lab: Lab, distance: int = 0) -> Iterator[tuple[Host, str]]:
    """A host with an empty repository, and the address at which it is *distance* ms away."""
    host = Host(bare(lab.fresh().absolute()), "nginx" if HAS_NGINX else "daemon")
    _configure(host.path)
    host.start()
    try:
        if not distance:
            yield host, host.url
            return
        with distant(host.port, distance / 1000) as port:
            yield host, host.url.replace(f":{host.port}/", f":{port}/")
    finally:
        host.stop()


def _configure(repository: Path) -> None:
    git(repository, "config", "receive.autogc", "false")  # no upkeep beside a figure


def _create(server: Server) -> None:
    fetch(server.address, "/api/prompts", method="POST", body={"name": _NAME, "content": text(0)})


def _push(repository: Path, number: int) -> None:
    """Commit at the host itself, as if somebody's push had just come."""
    file = repository.with_name("content")
    file.write_text(text(number))
    blob = git(repository, "hash-object", "-w", str(file))
    git(repository, "read-tree", "main")
    git(repository, "update-index", "--cacheinfo", f"100644,{blob},{path_of(_NAME)}")
    tree = git(repository, "write-tree")
    identity = ["-c", "user.name=Admin", "-c", "user.email=admin@example.org"]
    commit = git(repository, *identity, "commit-tree", tree, "-p", "main", "-m", "By hand")
    git(repository, "update-ref", "refs/heads/main", commit)


def _has(server: Server, version: int) -> bool:
    try:
        return json.loads(fetch(server.address, _URL)[1])["version_number"] == version
    except Failed:
        return False  # there is no such prompt yet


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise Failed("a node has not seen a push for a minute")
        time.sleep(0.005)
