"""Prompts in memory: fresh for a while, then stale. One caller of those that get a stale prompt is to refresh it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from promptgit.client.values import Prompt


class Key(NamedTuple):
    """What a `get` asks for: a name or id, with a label, a number, or neither; now, or as of a commit or a time.

    With *resolve*, with prompts within it put in.
    """

    prompt: str
    label: str | None = None
    number: int | None = None
    at: str | None = None
    resolve: bool = False


@dataclass(slots=True)
class _Entry:
    prompt: Prompt
    etag: str
    stale_at: float


class Cached(NamedTuple):
    """A prompt from memory; with *refresh*, it is stale, and this caller alone is to refresh it."""

    prompt: Prompt
    refresh: bool


class Cache:
    """The *size* prompts that were read last. Safe to use from many threads.

    An entry is fresh for *seconds*, also that of a version by its number, since the name and the labels of the prompt
    change. A refresh that failed is due again after *pause* seconds.
    """

    def __init__(self, seconds: float, size: int, pause: float, clock: Callable[[], float]) -> None:
        self._seconds, self._size, self._pause, self._clock = seconds, size, pause, clock
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self.generation = 0  # counts calls of `forget`: an answer from before one is not put

    def look(self, key: Key) -> Cached | None:
        """The prompt of a key, stale or not; None: it is not in memory."""
        now = self._clock()
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            if now < entry.stale_at:
                return Cached(entry.prompt, False)
            # To other callers it is fresh for this long: so one refreshes, and another if the first died in a fork.
            entry.stale_at = now + self._pause
            return Cached(entry.prompt, True)

    def etag(self, key: Key) -> str:
        """The ETag of an entry; "": it has none."""
        with self._lock:
            entry = self._entries.get(key)
            return entry.etag if entry else ""

    def renew(self, key: Key, generation: int) -> None:
        """Make an entry fresh again: the server says that nothing has changed."""
        with self._lock:
            if generation == self.generation and (entry := self._entries.get(key)):
                entry.stale_at = self._clock() + self._seconds

    def put(self, key: Key, prompt: Prompt, etag: str, generation: int, *, stale: bool = False) -> None:
        """Keep what was read, unless `forget` was called since *generation*; *stale*: refresh it after the pause."""
        seconds = self._pause if stale else self._seconds
        with self._lock:
            if generation != self.generation:
                return
            self._entries[key] = _Entry(prompt, etag, self._clock() + seconds)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def drop(self, key: Key) -> None:
        """Forget one entry."""
        with self._lock:
            self._entries.pop(key, None)

    def forget(self, prompt_id: str) -> None:
        """Forget a prompt that was written, at every label and number: each entry has its name and its labels."""
        with self._lock:
            self.generation += 1
            for key in [key for key, entry in self._entries.items() if entry.prompt.id == prompt_id]:
                del self._entries[key]
