"""Clients that make writes of every kind, and record what a server has acknowledged."""

from __future__ import annotations

import http.client
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.faults.known import Known, State, Version, was_not_written
from tests.support import Answer, Http, foreign_commit

GATED = "released"
"""The label that clients move by releases."""
_LABELS = ("production", "staging")


def gate(repository: Path) -> None:
    """Commit the rules that clients need for releases, by git."""
    foreign_commit(repository, {"rules.toml": b"[labels.%s]\napprovals = 0\n" % GATED.encode()})


@dataclass(frozen=True)
class _Write:
    """A request under a key, the states before and after it, and how its answer completes the latter."""

    method: str
    path: str
    body: Mapping[str, Any]
    key: str
    before: State
    after: State
    completed: Callable[[State, Answer], State]


class Client:
    """Writes of every kind to a prompt, and to its companion, that nobody else changes; for one thread.

    Each write has an `Idempotency-Key`, and answers what the server said; None: the connection broke. Releases are made
    if *gated*, after `gate`.
    """

    def __init__(self, url: str, name: str, timeout: float = 60, *, gated: bool = False) -> None:
        self.known = Known()
        self.acknowledged = 0
        self.settled = 0  # acknowledged after they were sent again, because it was not known what had become of them
        self._timeout, self._gated = timeout, gated
        self._name = name
        self._random = random.Random(name)
        self._count = 0
        self.prompt = ""  # the id of the prompt that is written to
        self._number, self._first = 0, b""  # its newest version, the content of its first
        self._companion = "", 0  # the id of the companion, its newest version
        self._last: _Write | None = None
        self._opened: tuple[int, int] | None = None  # a release, and the companion's version that it is to release
        self.is_unknown = False  # what became of the last write
        self._begin()
        self.move(url)

    def move(self, url: str) -> None:
        """Go on at another address."""
        self._url = url
        self.connect()

    def connect(self) -> None:
        """Open another connection, as a client does after a pause: a server closes those that idle."""
        self._http = Http(self._url, self._timeout)

    @property
    def state(self) -> State:
        """The state of the prompt, if its last write was answered."""
        return self.known.prompts[self._folder][-1]

    def any(self) -> Answer | None:
        """Make a write of a random kind, most often a save; if it is unknown what became of the last, that one."""
        if self.is_unknown:
            return self.again()
        if not self.prompt:
            return self.create()
        if self.state.content is None:
            return self._random.choice([self.revert, self.create])()
        kinds = [self.save, self.rename, self.label, self.revert, self.delete, self.several, self.promote]
        if self._gated:
            kinds.append(self.step)
        return self._random.choices(kinds, (10, 2, 3, 2, 1, 4, 2, 4)[: len(kinds)])[0]()

    def again(self) -> Answer | None:
        """Send the last write once more, with its key."""
        assert self._last is not None
        return self._send(self._last)

    def create(self) -> Answer | None:
        """Create a prompt; the writes that follow are made to it."""
        self._begin()
        content, name = self._text(), f"{self._folder}/first"
        body = {"name": name, "content": content.decode()}
        return self._write("POST", "/api/prompts", body, State(f"prompts/{name}.md", content))

    def save(self) -> Answer | None:
        """Save another content."""
        content = self._text()
        return self._write("PUT", self._where, {"content": content.decode()}, replace(self.state, content=content))

    def rename(self) -> Answer | None:
        """Rename the prompt."""
        name = f"{self._folder}/renamed {self._next()}"
        return self._write("PATCH", self._where, {"name": name}, replace(self.state, path=f"prompts/{name}.md"))

    def delete(self) -> Answer | None:
        """Delete the prompt."""
        return self._write("DELETE", self._where, {}, replace(self.state, content=None, labels=()))

    def revert(self) -> Answer | None:
        """Revert to version 1, which also brings a deleted prompt back."""
        after = replace(self.state, content=self._first)
        return self._write("POST", f"{self._where}/versions/1/revert", {}, after)

    def label(self) -> Answer | None:
        """Point a label at the newest version."""
        label, number = self._random.choice(_LABELS), self._number
        after = self.state.labelled(label, number)
        return self._write("PUT", f"{self._where}/labels/{label}", {"version_number": number}, after)

    def several(self) -> Answer | None:
        """Save the prompt and its companion, and point `staging` at both, in one commit."""
        mine, others, companion = self._text(), self._text(), f"{self._folder}/companion"
        changes = [
            {"prompt_id": self.prompt, "content": mine.decode()},
            {"name": companion, "content": others.decode()},
            {"prompt_id": self.prompt, "label": "staging", "version_number": "new"},
            {"name": companion, "label": "staging", "version_number": "new"},
        ]
        before = self.state.companion or State(f"prompts/{companion}.md", None)
        after = replace(self.state, content=mine).labelled("staging", self._number + 1)
        other = replace(before, content=others).labelled("staging", self._companion[1] + 1)

        def completed(state: State, answer: Answer) -> State:
            commit, (one, two, *_) = answer.json["commit"], answer.json["results"]
            self._number, self._companion = one["version_number"], (two["prompt_id"], two["version_number"])
            self.known.versions.append(Version(self.prompt, self._number, commit, mine))
            self.known.versions.append(Version(*self._companion, commit, others))
            return state

        return self._write("POST", "/api/commits", {"changes": changes}, replace(after, companion=other), completed)

    def promote(self) -> Answer | None:
        """Point `production` where `staging` points, of both."""
        body, other = {"from": "staging", "prefix": f"{self._folder}/"}, self.state.companion
        after = replace(self.state.promoted(), companion=other and other.promoted())
        return self._write("POST", "/api/labels/production/promote", body, after)

    def step(self) -> Answer | None:
        """Make what is next: a version of the companion, a release of it, its end."""
        if self._opened:
            return self.release()
        other = self.state.companion
        is_released = other is None or dict(other.labels).get(GATED) == self._companion[1]
        return self.several() if is_released else self.open_release()

    def open_release(self) -> Answer | None:
        """Ask for the companion's newest version to be released."""
        prompt, number = self._companion
        body = {"label": GATED, "items": [{"prompt_id": prompt, "version_number": number}]}

        def completed(after: State, answer: Answer) -> State:
            self._opened = answer.json["number"], number
            return replace(after, release=(self._opened[0], "open"))

        return self._write("POST", "/api/releases", body, self.state, completed)

    def release(self) -> Answer | None:
        """Release what was asked for last."""
        assert self._opened and self.state.companion
        release, companion = self._opened[0], self.state.companion.labelled(GATED, self._opened[1])

        def completed(after: State, _: Answer) -> State:
            self._opened = None
            return after

        after = replace(self.state, companion=companion, release=(release, "released"))
        return self._write("POST", f"/api/releases/{release}/release", {}, after, completed)

    @property
    def _where(self) -> str:
        return f"/api/prompts/{self.prompt}"

    def _begin(self) -> None:
        """Turn to a prompt that does not exist yet."""
        self._folder = f"{self._name}/{self._next()}"
        self.prompt, self._number, self._first = "", 0, b""
        self._companion = "", 0
        self._opened = None
        self.known.prompts[self._folder] = [State(f"prompts/{self._folder}/first.md", None)]

    def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        after: State,
        completed: Callable[[State, Answer], State] = lambda after, _: after,
    ) -> Answer | None:
        key = str(UUID(int=self._random.getrandbits(128), version=4))
        self._last = _Write(method, path, {**body, "description": key}, key, self.state, after, completed)
        self.is_unknown = False
        self.known.writes.append(key)
        self.known.prompts[self._folder].append(after)  # from now on it may be so
        return self._send(self._last)

    def _send(self, write: _Write) -> Answer | None:
        if write.key in self.known.not_made:  # from now on it may be so again
            self.known.not_made.remove(write.key)
            self.known.prompts[self._folder].append(write.after)
        try:
            answer = self._http(write.method, write.path, write.body, {"Idempotency-Key": write.key})
        except (OSError, http.client.HTTPException):
            self.connect()
            self.is_unknown = True
            return None
        if answer.status < 300:
            self.acknowledged += 1
            self.settled += self.is_unknown
            self.is_unknown = False
            state = write.completed(write.after, answer)
            if state != write.before:
                self.known.made.append(write.key)
            self._acknowledged(state, answer)
            return answer
        self.known.refused.append(answer)
        assert not self.is_unknown or answer.status >= 500, f"{write} was refused when it was sent again: {answer}"
        if self.is_unknown or not was_not_written(answer):  # a refusal tells nothing about an attempt before it
            self.is_unknown = True
        else:
            self.known.not_made.append(write.key)
            self.known.prompts[self._folder].pop()
        return answer

    def _acknowledged(self, state: State, answer: Answer) -> None:
        self.known.prompts[self._folder] = [state]
        found = answer.json if answer.body else {}
        if {"version_number", "commit"} <= found.keys() and state.content is not None and "label" not in found:
            self.prompt, self._number = found.get("id", self.prompt), found["version_number"]
            self._first = self._first or state.content
            self.known.versions.append(Version(self.prompt, self._number, found["commit"], state.content))

    def _text(self) -> bytes:
        return f"{self._name} {self._next()}\n".encode() * self._random.randrange(1, 40)

    def _next(self) -> int:
        self._count += 1
        return self._count


KINDS: Mapping[str, tuple[tuple[Callable[[Client], Answer | None], ...], Callable[[Client], Answer | None]]] = {
    "create": ((Client.save,), Client.create),
    "save": ((Client.save,), Client.save),
    "rename": ((Client.save,), Client.rename),
    "label": ((Client.save,), Client.label),
    "revert": ((Client.save,), Client.revert),
    "delete": ((Client.create,), Client.delete),
    "several": ((Client.save,), Client.several),
    "promote": ((Client.several,), Client.promote),
    "open a release": ((Client.several,), Client.open_release),
    "release": ((Client.several, Client.open_release), Client.release),
}
"""Of each kind of write: the writes that prepare it, and the write."""
