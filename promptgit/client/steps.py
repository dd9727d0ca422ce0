"""What a verb asks of whoever does the I/O: to send a request, or to wait."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

from promptgit.errors import PromptgitError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request; *path* is quoted already, and below the server's address."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    """Seconds for its answer; None: as the client was told."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; the names of *headers* are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds."""

    seconds: float


Steps: TypeAlias = Generator[Request | Wait, Response | None, T]
"""The steps of a verb. A request is answered by `send(Response)`, or by `throw(ServerAway)`; a wait by `send(None)`."""


def within(steps: Steps[T], seconds: float, clock: Callable[[], float], away: Callable[[], Exception]) -> Steps[T]:
    """The same steps, all of them together in so many *seconds*; what *away* makes is raised when they are over."""
    deadline = clock() + seconds
    try:
        step = next(steps)
        while True:
            left = deadline - clock()
            if left <= 0 or (isinstance(step, Wait) and step.seconds >= left):
                raise away()
            if isinstance(step, Request):
                step = replace(step, timeout=left)
            try:
                answer = yield step
            except PromptgitError as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of many, and the steps to the next ones, if there are any."""

    items: Sequence[T]
    more: Callable[[], Steps[Page[T]]] | None
