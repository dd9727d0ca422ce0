"""What both clients have in common: everything except the I/O."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypedDict, TypeVar

from promptgit.client import wire
from promptgit.client.cache import Cache
from promptgit.client.folder import Folder
from promptgit.client.reads import Reads
from promptgit.client.retries import Retries
from promptgit.client.verbs import Verbs
from promptgit.errors import PromptgitError

L = TypeVar("L")

_RETRIES = Retries()
_PAUSE = 5.0  # seconds for which a server that was found away is left alone


class Options(TypedDict, total=False):
    """What a client can be told.

    `timeout` is what one answer may take; by default 30, and 2 for all that a `get` asks which has something else to
    answer with. `cache_seconds` is how long `get` is content with what it has. Both are in seconds;
    `cache_size` is how many prompts it keeps. `folder` keeps them on disk, too, for when the server is away. `clock`
    counts seconds.
    """

    token: str | None
    timeout: float | None
    cache_seconds: float
    cache_size: int
    folder: str | Path | None
    retries: Retries
    clock: Callable[[], float]


class Turn(Generic[L]):
    """One that asks for what is not in memory, and those that wait for it: a failure is theirs, too."""

    def __init__(self, lock: L) -> None:
        self.lock = lock
        self.failure: PromptgitError | None = None


class Base:
    """What both clients share. The defaults of `Options` are here."""

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
        cache = Cache(cache_seconds, cache_size, _PAUSE, clock)
        self._verbs = Verbs(retries, clock, cache.forget)
        kept = None if folder is None else Folder(Path(folder), self.url)
        hurry = wire.STAND_IN_SECONDS if timeout is None else None
        self._reads = Reads(self._verbs, cache, kept, _PAUSE, clock, hurry)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"
