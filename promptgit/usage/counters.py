"""Reads are counted in memory, and added to the file each minute: a read waits for no lock and no disk."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

from promptgit.domain.usage import Served, Usage
from promptgit.errors import PromptgitError
from promptgit.usage.usage_file import MOST_BYTES, Count, Key, UsageFile, day_of

log = logging.getLogger(__name__)

_SECONDS = 60.0  # between two additions to the file
_MOST_RECENT = 1_000  # answers, before they are added up
_MOST_KEYS = 10_000  # that are in memory, some 3 MB; more are lost until the file takes them


class Counters:
    """What clients have read of one data folder; each of its processes adds its own counts.

    They are kept for so many *days*, while the file has at most *most_bytes*. *clock* gives seconds since 1970.
    A fault of the file never fails what is counted: the log tells of it, and counts stay in memory.
    """

    def __init__(
        self,
        folder: Path,
        *,
        days: int,
        is_on: bool = True,
        clock: Callable[[], float] = time.time,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._file = UsageFile(folder, most_bytes)
        self._days = days
        self._is_on = is_on
        self._clock = clock
        self._recent: deque[tuple[tuple[Served, ...], str | None, int]] = deque()
        self._counts: dict[Key, Count] = {}
        self._lost = 0
        self._lock = threading.Lock()  # of the sums; reads are appended without it
        self._flushing = threading.Lock()
        self._full = threading.Event()
        self._forgotten = 0  # the last day before which days were dropped

    def count(self, served: tuple[Served, ...], who: str | None) -> None:
        """Count what one answer had, unless counting is off. *who* is the name of the credential that asked."""
        if not self._is_on:
            return
        # Only noted here: adding up is done for many reads at once, mostly in C.
        self._recent.append((served, who, int(self._clock())))
        if len(self._recent) >= _MOST_RECENT or len(served) > 1:
            self._sum()

    def start(self) -> None:
        """Add the counts of this process to the file each minute, and at its end; call it after the fork."""
        if self._is_on:
            threading.Thread(target=self._run, name="usage", daemon=True).start()
            atexit.register(self.flush)

    def flush(self) -> None:
        """Add the counts of this process to the file now. What it does not take stays in memory."""
        with self._flushing:
            self._sum()
            with self._lock:
                counts, self._counts = self._counts, {}
                lost, self._lost = self._lost, 0
            if lost:
                log.warning("%d reads were not counted: too many different ones came within a minute", lost)
            if not counts:
                return
            first = self._first_day()
            try:
                self._file.add(counts, first if first != self._forgotten else None)
                self._forgotten = first
            except PromptgitError as error:
                log.warning("Reads cannot be counted in the file, and are kept in memory: %s", error)
                with self._lock:
                    for key, count in counts.items():
                        self._add(key, count)

    def of(self, prompt_id: str) -> list[Usage]:
        """The reads of a prompt on the days that are kept, with those of this process up to now.

        Those of other processes can be a minute late.
        """
        self.flush()
        return self._file.of(prompt_id, self._first_day())

    def last(self, prompt_id: str, numbers: tuple[int, int]) -> dict[int, Usage]:
        """The last read of each version with a number between two, both inclusive; it can be a minute late."""
        return {one.version_number: one for one in self._file.last(prompt_id, numbers, self._first_day())}

    def _first_day(self) -> int:
        return day_of(int(self._clock())) - self._days + 1

    def _sum(self) -> None:
        """Add up the reads that came last."""
        with self._lock:
            recent = [self._recent.popleft() for _ in range(len(self._recent))]
            for (served, who, now), reads in Counter(recent).items():
                for one in served:
                    self._add(Key(*one, who or "", day_of(now)), Count(reads, now))

    def _add(self, key: Key, more: Count) -> None:
        """Call it with the lock."""
        before = self._counts.get(key)
        if before is not None:
            self._counts[key] = Count(before.reads + more.reads, max(before.last, more.last))
        elif len(self._counts) < _MOST_KEYS:
            self._counts[key] = more
            if len(self._counts) == _MOST_KEYS:
                self._full.set()
        else:
            self._lost += more.reads

    def _run(self) -> None:
        while True:
            self._full.wait(_SECONDS)
            self._full.clear()
            try:
                self.flush()
            except Exception:
                log.exception("Reads could not be counted")
