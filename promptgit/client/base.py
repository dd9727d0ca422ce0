"""What both clients have in common: everything except the I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypedDict, TypeVar

from promptgit.client import wire
from promptgit.client.cache import Cache, Key
from promptgit.client.folder import Folder
from promptgit.client.reads import Reads
from promptgit.client.release_verbs import ReleaseVerbs
from promptgit.client.retries import Retries
from promptgit.client.steps import Steps
from promptgit.client.values import Prompt
from promptgit.errors import PromptgitError

L = TypeVar("L")

_RETRIES = Retries()
_PAUSE = 5.0  # seconds without a request to a server that was found away


class Options(TypedDict, total=False):
    """The options of both clients; their defaults are those of `Base`.

    `timeout` is how long one answer may take, in seconds; by default 30, and 2 for all requests of one `get` that has
    something else to answer with. `get` sends no request for a prompt that it read in the last `cache_seconds`;
    `cache_size` is how many prompts it keeps in memory. `folder` keeps them on disk as well, for when the server is
    away. `clock` counts seconds.
    """

    token: str | None
    timeout: float | None
    cache_seconds: float
    cache_size: int
    folder: str | Path | None
    retries: Retries
    clock: Callable[[], float]


@dataclass(eq=False, slots=True)
class Turn(Generic[L]):
    """The request for a prompt that is not in memory.

    The caller that holds the *lock* sends it; the callers that wait for the lock share its *failure*.
    """

    lock: L
    failure: PromptgitError | None = None


class Base(Generic[L]):
    """What both clients share; *L* is their kind of lock."""

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        timeout: float | None = None,
        cache_seconds: float = 60,
        cache_size: int = 1_000,
        folder: str | Path | None = None,
        retries: Retries = _RETRIES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url, token = wire.address(url, token)
        self._options = wire.options(self.url, token, wire.READ_SECONDS if timeout is None else timeout)
        self._cache = Cache(cache_seconds, cache_size, _PAUSE, clock)
        self._verbs = ReleaseVerbs(retries, clock, self._cache.forget)
        kept = None if folder is None else Folder(Path(folder), self.url)
        hurry = wire.STAND_IN_SECONDS if timeout is None else None
        self._reads = Reads(self._verbs, self._cache, kept, _PAUSE, clock, hurry)
        self._turns: dict[Key, Turn[L]] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def _fetch(self, key: Key, fallback: str | None, turn: Turn[L]) -> Steps[Prompt]:
        """Read a prompt that is not in memory, in the turn of this caller."""
        if turn.failure is not None and fallback is None:
            raise turn.failure
        try:
            return (yield from self._reads.fetch(key, fallback))
        except PromptgitError as error:
            turn.failure = error
            raise
        finally:
            self._turns.pop(key, None)
