"""Prompts in memory: fresh for a while, then stale, which one caller is told so that it refreshes them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from promptgit.client.values import Prompt

Key: TypeAlias = tuple[str, str | None, int | None]
"""A name or id, with a label, a number, or neither."""


class _Entry:
    __slots__ = ("etag", "prompt", "stale_at")

    def __init__(self, prompt: Prompt, etag: str, stale_at: float) -> None:
        self.prompt, self.etag, self.stale_at = prompt, etag, stale_at


class Cached(NamedTuple):
    """What is in memory; *refresh*: the caller is to refresh it, and nobody else is."""

    prompt: Prompt
    refresh: bool


class Cache:
    """The *size* prompts that were asked for last. Safe to use from many threads.

    An entry is fresh for *seconds*; that of a version by number too, since its prompt's name and labels change.
    A refresh that brings nothing is due again after *pause* seconds.
    """

    def __init__(self, seconds: float, size: int, pause: float, clock: Callable[[], float]) -> None:
        self._seconds, self._size, self._pause, self._clock = seconds, size, pause, clock
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self.generation = 0  # counts what was forgotten: an answer from before that is not put

    def look(self, key: Key) -> Cached | None:
        """What is in memory, stale or not."""
        now = self._clock()
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            if now < entry.stale_at:
                return Cached(entry.prompt, False)
            # For this long the others take it for fresh: so one refreshes, also when its thread dies in a fork.
            entry.stale_at = now + self._pause
            return Cached(entry.prompt, True)

    def etag(self, key: Key) -> str:
        """The ETag with which an entry came; "": none."""
        with self._lock:
            entry = self._entries.get(key)
            return entry.etag if entry else ""

    def renew(self, key: Key, generation: int) -> None:
        """Nothing has changed: what is in memory is fresh again."""
        with self._lock:
            if generation == self.generation and (entry := self._entries.get(key)):
                entry.stale_at = self._clock() + self._seconds

    def put(self, key: Key, prompt: Prompt, etag: str, generation: int, *, stale: bool = False) -> None:
        """Keep what was read when `generation` was so; *stale*: to be refreshed when the pause is over."""
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
        """Forget a prompt that was written, at every label and number: each entry has its name and labels."""
        with self._lock:
            self.generation += 1
            for key in [key for key, entry in self._entries.items() if entry.prompt.id == prompt_id]:
                del self._entries[key]
