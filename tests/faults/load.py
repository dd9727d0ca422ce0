"""Clients that write into a server, and record what it has acknowledged."""

from __future__ import annotations

import http.client
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

from tests.support import Answer, Http

_LABELS = ("production", "staging")


@dataclass(frozen=True)
class Version:
    """A version that was acknowledged: its prompt's id, its number, its commit and its content."""

    prompt: str
    number: int
    commit: str
    content: bytes


@dataclass(frozen=True)
class State:
    """A prompt as a write leaves it: its path, its content (None: deleted), its labels with their numbers."""

    path: str
    content: bytes | None
    labels: tuple[tuple[str, int], ...] = ()


@dataclass
class Known:
    """What clients know.

    *prompts* has, by its id, every state in which a prompt may be: one, or two while it is not known whether a write
    was made. *refused* are the answers that were no success.
    """

    versions: list[Version] = field(default_factory=list)
    prompts: dict[str, list[State]] = field(default_factory=dict)
    refused: list[Answer] = field(default_factory=list)


def was_not_written(answer: Answer) -> bool:
    """True for an answer that promises that nothing was written."""
    return 400 <= answer.status < 500 or (answer.status >= 500 and "Nothing was written" in answer.json["detail"])


class Client:
    """Writes of every kind to prompts that nobody else changes; for one thread.

    Each write answers what the server said; None: the connection broke.
    """

    def __init__(self, url: str, name: str, timeout: float = 60) -> None:
        self.known = Known()
        self._url, self._name, self._timeout = url, name, timeout
        self._http = Http(url, timeout)
        self._random = random.Random(name)
        self._count = 0
        self.prompt = ""  # the id of the prompt that is written to
        self._number = 0

    @property
    def state(self) -> State:
        """The state of the prompt, if its last write was answered."""
        return self.known.prompts[self.prompt][-1]

    def any(self) -> Answer | None:
        """Make a write of a random kind, most often a save."""
        if not self.prompt:
            return self.create()
        if self.state.content is None:
            return self._random.choice([self.revert, self.create])()
        kinds = [self.save, self.rename, self.label, self.revert, self.delete]
        return self._random.choices(kinds, (10, 2, 3, 2, 1))[0]()

    def create(self) -> Answer | None:
        """Create a prompt; the writes that follow are made to it."""
        content, name = self._text(), f"{self._name}/{self._count}"
        answer = self._send("POST", "/api/prompts", {"name": name, "content": content.decode()})
        if answer is not None and answer.status == 201:
            self.prompt = answer.json["id"]
            self._acknowledged(answer, State(answer.json["path"], content))
        return answer

    def save(self) -> Answer | None:
        """Save another content."""
        content = self._text()
        return self._write("PUT", "", {"content": content.decode()}, replace(self.state, content=content))

    def rename(self) -> Answer | None:
        """Rename the prompt."""
        name = f"{self._name}/renamed {self._next()}"
        return self._write("PATCH", "", {"name": name}, replace(self.state, path=f"prompts/{name}.md"))

    def delete(self) -> Answer | None:
        """Delete the prompt."""
        return self._write("DELETE", "", None, State(self.state.path, None))

    def revert(self) -> Answer | None:
        """Revert to version 1, which also brings a deleted prompt back."""
        first = next(version for version in self.known.versions if version.prompt == self.prompt)
        return self._write("POST", "/versions/1/revert", {}, replace(self.state, content=first.content))

    def label(self) -> Answer | None:
        """Point a label at the newest version."""
        label, number = self._random.choice(_LABELS), self._number
        labels = tuple(sorted({**dict(self.state.labels), label: number}.items()))
        return self._write("PUT", f"/labels/{label}", {"version_number": number}, replace(self.state, labels=labels))

    def _write(self, method: str, rest: str, body: object, after: State) -> Answer | None:
        states = self.known.prompts[self.prompt]
        states.append(after)  # from now on it may be so
        answer = self._send(method, f"/api/prompts/{self.prompt}{rest}", body)
        if answer is not None and answer.status < 300:
            self._acknowledged(answer, after)
        elif answer is not None and was_not_written(answer):
            states.pop()
        else:
            self.prompt = ""  # the next write begins a prompt whose state is known
        return answer

    def _acknowledged(self, answer: Answer, state: State) -> None:
        self.known.prompts[self.prompt] = [state]
        found = answer.json if answer.body else {}
        if {"version_number", "commit"} <= found.keys() and state.content is not None and "label" not in found:
            self._number = found["version_number"]
            self.known.versions.append(Version(self.prompt, self._number, found["commit"], state.content))

    def _send(self, method: str, path: str, body: object) -> Answer | None:
        try:
            answer = self._http(method, path, body)
        except (OSError, http.client.HTTPException):
            self._http = Http(self._url, self._timeout)
            return None
        if answer.status >= 300:
            self.known.refused.append(answer)
        return answer

    def _text(self) -> bytes:
        return f"{self._name} {self._next()}\n".encode() * self._random.randrange(1, 40)

    def _next(self) -> int:
        self._count += 1
        return self._count


class Crowd:
    """Threads that work until the `with` block ends."""

    def __init__(self, work: Sequence[Callable[[], object]]) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=one) for one in work]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Load(Crowd):
    """Clients that write at the same time, each in a thread of its own, until the `with` block ends."""

    def __init__(self, urls: Sequence[str], clients: int = 4, name: str = "load") -> None:
        self._clients = [Client(urls[at % len(urls)], f"{name} {at}") for at in range(clients)]
        super().__init__([partial(self._run, client) for client in self._clients])

    def _run(self, client: Client) -> None:
        while not self._stop.is_set():
            if client.any() is None:
                self._stop.wait(0.01)  # the server was killed

    def known(self) -> Known:
        """What all clients together know now."""
        whole = Known()
        for client in self._clients:
            whole.versions += client.known.versions
            whole.prompts |= {prompt: list(states) for prompt, states in list(client.known.prompts.items())}
            whole.refused += client.known.refused
        return whole

    def until(self, versions: int) -> None:
        """Wait until so many versions were acknowledged."""
        while sum(len(client.known.versions) for client in self._clients) < versions:
            assert all(thread.is_alive() for thread in self._threads)
            self._stop.wait(0.01)
