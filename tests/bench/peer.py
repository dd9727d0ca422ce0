"""A peer in a measurement: its prompts and histories, and its rounds beside promptgit's."""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from tests.bench.connection import Failed, build, fetch
from tests.bench.load import Load
from tests.bench.peers import KINDS, Call
from tests.bench.report import Figures
from tests.bench.samples import text

Round = Callable[[], Figures]


class Peer:
    """A server that runs already. The prompts that are made in it are new ones, and stay."""

    def __init__(self, name: str, url: str = "") -> None:
        self.name = name
        self.api, port = KINDS[name]
        parts = urlsplit(url)
        self.address = (parts.hostname or "127.0.0.1", parts.port or port)
        # Some answer no other host; and not all names may hold a slash, or begin with a digit.
        self._headers = {"Host": f"{self.address[0]}:{self.address[1]}"}
        self._run = f"bench-{uuid.uuid4().hex[:8]}"
        self._count = 0
        self._histories: dict[int, tuple[str, list[str]]] = {}

    def request(self, call: Call) -> bytes:
        """The call as it goes over the wire."""
        return build(call.method, call.path, call.body, self._headers)

    def fresh(self) -> str:
        """A new prompt of one version."""
        self._count += 1
        prompt = f"{self._run}-{self._count}"
        for call in self.api.create(prompt, text(0)):
            self._fetch(call)
        return prompt

    def history(self, versions: int, load: Load) -> tuple[str, list[str]]:
        """A prompt of so many versions, made once through the peer's API, and the keys of the versions."""
        if versions not in self._histories:
            prompt = self.fresh()
            saves = [self.request(self.api.save(prompt, text(number))) for number in range(1, versions)]
            load.send(self.address, saves, 1)
            self._histories[versions] = (prompt, self.expect(prompt, versions)[1])
        return self._histories[versions]

    def expect(self, prompt: str, versions: int) -> tuple[list[Call], list[str]]:
        """The calls that list all versions of a prompt, one after the other, and the versions' keys.

        Raises:
            Failed: there are not so many.
        """
        calls: list[Call] = []
        keys: list[str] = []
        mark = ""
        while mark or not calls:
            calls.append(self.api.everything(prompt, mark))
            found, mark = self.api.listed(self._fetch(calls[-1]))
            keys += found
        if len(set(keys)) != versions:
            raise Failed(f"{versions} saves left {len(set(keys))} versions in {self.name}")
        return calls, keys

    def _fetch(self, call: Call) -> bytes:
        return fetch(self.address, call.path, method=call.method, body=call.body)[1]


def peer(argument: str) -> Peer:
    """The peer of an argument: NAME, or NAME=URL."""
    name, _, url = argument.partition("=")
    if name not in KINDS or (url and urlsplit(url).scheme != "http"):
        raise argparse.ArgumentTypeError(f"{argument!r} is not NAME or NAME=http://..., of {', '.join(KINDS)}")
    return Peer(name, url)


def rounds(peers: Iterable[Peer], prepare: Callable[[Peer], Round]) -> dict[str, Round]:
    """A round for each peer. A peer that fails ends nothing: it has no figures there, and what it said is printed."""
    return {one.name: _tolerant(one, prepare) for one in peers}


def _tolerant(one: Peer, prepare: Callable[[Peer], Round]) -> Round:
    prepared: Round | None = None
    failed = False

    def tolerant() -> Figures:
        nonlocal prepared, failed
        if failed:
            return Figures()
        try:
            prepared = prepared or prepare(one)
            return prepared()
        except (Failed, OSError, LookupError, TypeError, ValueError) as error:  # or its answers are of another shape
            failed = True
            print(f"{one.name} failed: {error!r}", file=sys.stderr, flush=True)
            return Figures()

    return tolerant
