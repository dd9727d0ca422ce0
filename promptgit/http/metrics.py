"""Metrics for Prometheus.

Each process adds up counts and durations; several processes do so in files of a shared folder
(prometheus_client's multiprocess mode). Gauges are measured at each scrape.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Histogram,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from promptgit.store import state
from promptgit.store.observer import Observer
from promptgit.store.store import Store

log = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_LATEST
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)

disable_created_metrics()  # else each metric has a second series, with the time of its first value

_process = "parent"  # part of the names of this process's files


def share(folder: Path) -> None:
    """Add up the values of this process and of those forked from it; call it before any `Metrics` is made.

    *folder* is empty at first; each process keeps its values in its own files there.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # where the library looks
    _prepare(folder)
    values.ValueClass = values.MultiProcessValue(lambda: _process)


def count_as(process: int) -> None:
    """Use the files of this number from now on; call it after the fork. No other living process has the number.

    A process with the number of a dead one continues its values, so that files do not pile up.
    """
    global _process  # the library reads it for each value
    _process = str(process)
    _prepare(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))


def _prepare(folder: Path) -> None:
    """Make the files of this process, each by one rename.

    prometheus_client creates a file empty and fills it afterwards; a scrape in between would fail.
    """
    for kind in ("counter", "histogram"):
        file = folder / f"{kind}_{_process}.db"
        if not file.exists():
            fresh = file.with_suffix(".new")
            MmapedDict(str(fresh)).close()
            fresh.rename(file)


class Metrics:
    """What one process counts and measures."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        try:
            MultiProcessCollector(self._registry)
            own = None  # all the processes' values come from the folder
        except ValueError:
            own = self._registry  # no folder is shared
        self._requests = Histogram(
            "promptgit_http_request_duration_seconds",
            "Requests, and how long each took to its last byte.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=own,
        )
        self._children: dict[tuple[str, str, int], Histogram] = {}
        self.writer = _WriterMetrics(own)
        self._gauges = _Gauges()
        self._registry.register(self._gauges)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; *route* is its URL rule, or empty if it has none."""
        key = (method, route, status)
        histogram = self._children.get(key)
        if histogram is None:
            # Clients invent methods; each would be a series of its own.
            shown = method if method in METHODS else "other"
            histogram = self._requests.labels(shown, route, status)
            if shown == method:
                self._children[key] = histogram
        histogram.observe(seconds)

    def gauge(self, name: str, documentation: str, measure: Callable[[], float]) -> None:
        """Add a gauge, measured at each scrape: that must cost little, whatever the size of the history."""
        self._gauges.all.append((f"promptgit_{name}", documentation, measure))

    def watch(self, store: Store) -> None:
        """Add the gauges of a store."""
        self.gauge("prompts", "Prompts that are there.", lambda: store.index.peek(state.totals).prompts)
        self.gauge("versions", "Versions of all prompts.", lambda: store.index.peek(state.totals).versions)
        self.gauge(
            "index_lag_seconds",
            "Since when main has commits that the index has not; 0 if it has all. The next request takes them in.",
            lambda: state.lag(store),
        )
        self.gauge("index_bytes", "What the index takes on disk.", lambda: state.index_bytes(store))
        self.gauge("packs", "Packs of the repository.", lambda: state.packs(store)[0])
        self.gauge("repository_bytes", "What the repository's packs take on disk.", lambda: state.packs(store)[1])
        self.gauge("disk_free_bytes", "Room on the disk of the data folder.", lambda: state.free_bytes(store))

    def text(self) -> bytes:
        """All metrics, in Prometheus' text format."""
        return generate_latest(self._registry)


class _WriterMetrics(Observer):
    """Metrics of the writer's batches."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        self._lock_wait = Histogram(
            "promptgit_write_lock_wait_seconds",
            "How long batches waited for the write lock of all processes.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._size = Histogram(
            "promptgit_write_batch_commits", "Commits that a batch made.", buckets=_BATCH_SIZES, registry=registry
        )
        self._duration = Histogram(
            "promptgit_write_batch_duration_seconds",
            "How long a batch held the write lock.",
            buckets=_SECONDS,
            registry=registry,
        )

        self._pushes = Histogram(
            "promptgit_upstream_push_seconds",
            "Pushes to the upstream, by outcome: landed, raced, retried, or the code of the error.",
            ("outcome",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._fetches = Histogram(
            "promptgit_upstream_fetch_seconds",
            "Fetches from the upstream, by outcome: done or failed.",
            ("outcome",),
            buckets=_SECONDS,
            registry=registry,
        )

    def pushed(self, outcome: str, seconds: float) -> None:
        self._pushes.labels(outcome).observe(seconds)

    def fetched(self, is_done: bool, seconds: float) -> None:
        self._fetches.labels("done" if is_done else "failed").observe(seconds)

    def waited(self, seconds: float) -> None:
        self._lock_wait.observe(seconds)

    def wrote(self, commits: int, seconds: float) -> None:
        self._size.observe(commits)
        self._duration.observe(seconds)


class _Gauges(Collector):
    def __init__(self) -> None:
        self.all: list[tuple[str, str, Callable[[], float]]] = []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for name, documentation, measure in self.all:
            try:
                yield GaugeMetricFamily(name, documentation, measure())
            except Exception as error:  # a gauge that fails must not hide the others
                log.warning("%s cannot be measured: %r", name, error)
