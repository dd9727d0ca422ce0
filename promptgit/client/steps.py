"""What a verb asks of the client, which does the I/O: to send a request, or to wait."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

from promptgit.client.errors import ServerAway

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """A request; *path* is percent-encoded, and relative to the server's address."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    """Seconds for its answer; None: the client's own time limit."""


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


Steps: TypeAlias = Generator[Request | Wait, Response | ServerAway | None, T]
"""The steps of a verb: a generator that yields each, and is sent the answer to a request, or why there is none.

After a wait, it is sent None.
"""


def within(steps: Steps[T], seconds: float, clock: Callable[[], float]) -> Steps[T]:
    """The same steps, with *seconds* for all of them together.

    Raises:
        ServerAway: the time is over.
    """
    deadline = clock() + seconds
    answer = None
    try:
        while True:
            step = steps.send(answer)
            left = deadline - clock()
            if left <= 0 or (isinstance(step, Wait) and step.seconds >= left):
                raise ServerAway(f"no answer within {seconds:g} seconds.")
            answer = yield replace(step, timeout=left) if isinstance(step, Request) else step
    except StopIteration as done:
        result: T = done.value
        return result


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of many items, and the steps to the next page; None: it is the last."""

    items: Sequence[T]
    more: Callable[[], Steps[Page[T]]] | None
