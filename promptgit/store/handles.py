"""What each thread has opened for itself, and what the threads that lead a batch share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Handles(threading.local):
    """Attributes of which each thread has its own values.

    Any of some 32 threads may lead a batch. If each kept a connection and a handle for that, each would hold pages of
    the index and packs that upkeep has long replaced. So leaders, of which there is one at a time, pass theirs on.
    """

    def __init__(self, leading: dict[str, Any]) -> None:
        """Called in each thread, with the same *leading*."""
        self._leading = leading

    @contextmanager
    def of_leader(self) -> Iterator[None]:
        """Within, this thread has the values that the last leader has left; only one thread at a time may be within."""
        own = dict(self.__dict__)
        self._swap(self._leading)
        try:
            yield
        finally:
            self._leading.clear()
            self._leading.update(self.__dict__)
            del self._leading["_leading"]
            self._swap(own)

    def _swap(self, values: dict[str, Any]) -> None:
        leading = self._leading
        self.__dict__.clear()
        self.__dict__.update(values, _leading=leading)
