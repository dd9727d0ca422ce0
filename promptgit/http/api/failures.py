"""A limit on wrong tokens from one client."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from promptgit.errors import TooManyFailures

_BURST = 20  # wrong tokens
_SECONDS_EACH = 3.0
_CLIENTS = 4_096


class Failures:
    """Counts wrong tokens by client, in this process and in bounded memory: a leaky bucket for each client.

    *clock* is monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._empty_at: dict[str, float] = {}  # by client: when its bucket is empty; least recently seen first

    def __len__(self) -> int:
        """How many clients are remembered; at most 4,096."""
        return len(self._empty_at)

    def count(self, client: str) -> None:
        """Count a wrong token.

        Raises:
            TooManyFailures: there were too many before it; this one is not counted.
        """
        with self._lock:
            now = self._clock()
            level = max(self._empty_at.pop(client, now) - now, 0.0)
            wait = level - (_BURST - 1) * _SECONDS_EACH
            self._empty_at[client] = now + level + (_SECONDS_EACH if wait <= 0 else 0)
            if len(self._empty_at) > _CLIENTS:
                del self._empty_at[next(iter(self._empty_at))]
        if wait > 0:
            raise TooManyFailures(math.ceil(wait))
