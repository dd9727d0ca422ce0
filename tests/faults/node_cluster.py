"""Nodes, each with a wire of its own to one Git host, and what may happen to them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.faults.node_clients import PATIENCE_SECONDS
from tests.faults.records import Records
from tests.support import Http, Server, git, git_text, processes_of, wait_for
from tests.upstreams import Host, Wire

UPSTREAM_TIMEOUT_SECONDS = 2


class Cluster:
    """One node for each of *folders*, in front of *host*; the last folder is on a disk of its own with *has_disk*.

    *removed* has the commits that were taken from `main` by force, with their messages.
    """

    def __init__(self, host: Host, wires: Sequence[Wire], folders: Sequence[Path], has_disk: bool) -> None:
        self.host, self.wires, self.folders, self.has_disk = host, wires, folders, has_disk
        self.records = Records()
        self.removed: dict[str, str] = {}
        self.is_closed = False  # no push can reach the host now
        self.servers = [self._serve(node) for node in range(len(folders))]

    def _serve(self, node: int) -> Server:
        url = self.host.url.replace(str(self.host.port), str(self.wires[node].port))
        return Server(
            self.folders[node],
            "--workers",
            "1",
            PROMPTGIT_UPSTREAM=url,
            PROMPTGIT_UPSTREAM_TIMEOUT=str(UPSTREAM_TIMEOUT_SECONDS),
            PROMPTGIT_UPSTREAM_POLL="2",
        )

    def urls(self) -> list[str]:
        """Where the nodes are; one that was killed is where it was."""
        return [server.url for server in self.servers]

    def repositories(self) -> list[Path]:
        """The repositories of the nodes."""
        return [folder / "prompts.git" for folder in self.folders]

    def kill(self, node: int) -> None:
        """End all processes of a node at once, the git commands that it runs too."""
        server = self.servers[node]
        while found := processes_of(server.process.pid):
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(int(process.name), signal.SIGKILL)
        server.process.wait()

    def restart(self, node: int) -> None:
        """Serve a node again that was killed."""
        self.servers[node] = self._serve(node)

    def take_back(self, most: int, *, rewrite: bool) -> None:
        """Take the last commits, at most *most*, from the host's `main`; with *rewrite* another one follows."""
        path = self.host.path
        while True:
            line = git_text(path, "rev-list", "--first-parent", f"--max-count={most + 1}", "main").split()
            old, new = line[0], line[-1]
            if rewrite:
                new = git_text(path, "commit-tree", "-p", new, "-m", "Rewritten", f"{new}^{{tree}}")
            log = git_text(path, "log", "--first-parent", "--format=%H %s", f"{new}..{old}").splitlines()
            with suppress(AssertionError):  # a push was first
                git(path, "update-ref", "refs/heads/main", new, old)
                break
        self.removed |= dict(entry.split(" ", 1) for entry in log)

    def settle(self) -> str:
        """Wait until all nodes have followed the host's `main`; its commit. Nobody may write meanwhile."""
        main = git_text(self.host.path, "rev-parse", "main")
        for url in self.urls():
            wait_for(partial(_is_at, Http(url, PATIENCE_SECONDS), main), PATIENCE_SECONDS)
        return main

    def stop(self) -> None:
        """End all nodes as an operator does: none of them joins packs any more when this returns."""
        for server in self.servers:
            server.stop()
            wait_for(partial(_has_ended, server), PATIENCE_SECONDS)

    def close(self) -> None:
        """End all nodes."""
        for node in range(len(self.servers)):
            self.kill(node)


def _has_ended(server: Server) -> bool:
    return not processes_of(server.process.pid)


def _is_at(http: Http, commit: str) -> bool:
    answer = http("GET", "/api/changes?limit=1", headers={"Cache-Control": "no-cache"})
    return answer.status == 200 and answer.headers["Promptgit-Head"].endswith(commit)


Fault = Callable[[Cluster, random.Random], AbstractContextManager[None]]


@contextmanager
def killed_node(cluster: Cluster, chance: random.Random) -> Iterator[None]:
    """Kill -9 of a node; it comes back on its folder."""
    node = chance.randrange(len(cluster.servers))
    cluster.kill(node)
    try:
        yield
    finally:
        cluster.restart(node)


@contextmanager
def killed_host(cluster: Cluster, _: random.Random) -> Iterator[None]:
    """Kill -9 of what serves the host, in the middle of pushes; whoever brings it back removes what locks it."""
    cluster.host.stop()
    for lock in (*cluster.host.path.glob("*.lock"), *cluster.host.path.glob("refs/**/*.lock")):
        lock.unlink()
    cluster.is_closed = True
    try:
        yield
    finally:
        cluster.is_closed = False
        cluster.host.start()


@contextmanager
def _cut(cluster: Cluster, fault: str) -> Iterator[None]:
    before = sum(wire.cuts for wire in cluster.wires)
    for wire in cluster.wires:
        wire.fault = fault
    try:
        yield
        wait_for(lambda: cluster.is_closed or sum(wire.cuts for wire in cluster.wires) > before, PATIENCE_SECONDS)
    finally:
        for wire in cluster.wires:
            wire.fault = None


def cut_before(cluster: Cluster, _: random.Random) -> AbstractContextManager[None]:
    """The connections of all pushes end before the host has seen them."""
    return _cut(cluster, "before")


def cut_after(cluster: Cluster, _: random.Random) -> AbstractContextManager[None]:
    """The connections of all pushes end after `main` has moved, before the answer."""
    return _cut(cluster, "after")


@contextmanager
def slow_host(cluster: Cluster, _: random.Random) -> Iterator[None]:
    """Each connection takes half a second."""
    for wire in cluster.wires:
        wire.seconds = 0.5
    try:
        yield
    finally:
        for wire in cluster.wires:
            wire.seconds = 0.0


@contextmanager
def failing_host(cluster: Cluster, _: random.Random) -> Iterator[None]:
    """The host answers each request with 500, or what git's own protocol has for that."""
    answer = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    for wire in cluster.wires:
        wire.reply = answer if cluster.host.url.startswith("http") else b"0010ERR overload"
    cluster.is_closed = True
    try:
        yield
    finally:
        cluster.is_closed = False
        for wire in cluster.wires:
            wire.reply = b""


@contextmanager
def refusing_host(cluster: Cluster, _: random.Random) -> Iterator[None]:
    """A hook declines all pushes."""
    cluster.host.hook("pre-receive", "echo 'Only on Tuesdays.' >&2; exit 1")
    try:
        yield
    finally:
        cluster.host.hook("pre-receive", None)


@contextmanager
def read_only_host(cluster: Cluster, _: random.Random) -> Iterator[None]:
    """The host's folder of objects is of a file system that can only be read."""
    objects = str(cluster.host.path / "objects")
    done = subprocess.run(["mount", "--bind", objects, objects], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot be mounted here: {done.stderr.strip()}")
    try:
        # It is refused (EBUSY) while a git of the host has a file there open for writing.
        remount = ["mount", "-o", "remount,bind,ro", objects]
        wait_for(lambda: subprocess.run(remount, stderr=subprocess.DEVNULL, check=False).returncode == 0)
        yield
    finally:
        subprocess.run(["umount", "--lazy", objects], check=True)


@contextmanager
def full_disk(cluster: Cluster, _: random.Random) -> Iterator[None]:
    """No byte is free on the disk of a node."""
    if not cluster.has_disk:
        pytest.skip("no file system of its own can be mounted here")
    filler = cluster.folders[-1].parent / "filler"
    with open(filler, "wb", buffering=0) as file, suppress(OSError):
        while True:  # the kernel gives what is asked for, or nothing
            free = os.statvfs(filler)
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), file.seek(0, 2), free.f_bfree * free.f_frsize // 2)
            file.seek(0, 2)
            file.write(bytes(1 << 16))
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def rewritten(cluster: Cluster, chance: random.Random) -> Iterator[None]:
    """Somebody forces `main` back by some commits, and puts another one on it."""
    cluster.take_back(chance.randrange(1, 6), rewrite=True)
    yield


@contextmanager
def put_back(cluster: Cluster, chance: random.Random) -> Iterator[None]:
    """The host's `main` is an older one again, as from a backup."""
    cluster.take_back(chance.randrange(1, 6), rewrite=False)
    yield


FAULTS: dict[str, tuple[str, Fault]] = {
    "killed node": ("node", killed_node),
    "killed host": ("host", killed_host),
    "cut before": ("wire", cut_before),
    "cut after": ("wire", cut_after),
    "slow host": ("speed", slow_host),
    "failing host": ("reply", failing_host),
    "refusing host": ("hook", refusing_host),
    "read-only host": ("objects", read_only_host),
    "full disk": ("node", full_disk),
    "rewritten main": ("main", rewritten),
    "main put back": ("main", put_back),
}
"""What may happen, by name, with what it happens to: two faults of one kind are not combined."""
