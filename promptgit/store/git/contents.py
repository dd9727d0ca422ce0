"""The contents that were used last, kept in memory: what has an id never changes."""

from __future__ import annotations

import threading
from collections import OrderedDict


class Contents:
    """Up to *count* contents of at most *largest* bytes, by the ids of their blobs; safe to share between threads.

    The one that was not used for longest makes room for a new one.
    """

    def __init__(self, count: int, largest: int) -> None:
        self._count = count
        self._largest = largest
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, blob: str) -> bytes | None:
        """The content of a blob, if it is kept."""
        with self._lock:
            data = self._kept.get(blob)
            if data is not None:
                self._kept.move_to_end(blob)
            return data

    def keep(self, blob: str, data: bytes) -> None:
        """Keep the content of a blob, unless it is too large."""
        if len(data) > self._largest:
            return
        with self._lock:
            self._kept[blob] = data
            self._kept.move_to_end(blob)
            if len(self._kept) > self._count:
                self._kept.popitem(last=False)
