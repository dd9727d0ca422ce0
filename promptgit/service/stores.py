"""The store of a data folder, as the settings want it."""

from __future__ import annotations

from pathlib import Path

from promptgit.settings import Settings
from promptgit.store.observer import Observer
from promptgit.store.store import Store
from promptgit.store.upstream.upstream import UpstreamSettings


def store_of(settings: Settings, observer: Observer | None = None) -> Store:
    """The store in the settings' folder; nothing is opened before it is used."""
    upstream = None
    if settings.upstream:
        upstream = UpstreamSettings(_absolute(settings.upstream), settings.upstream_timeout, settings.upstream_interval)
    return Store(
        settings.data,
        lock_timeout=settings.lock_timeout,
        observer=observer,
        signing_key=settings.signing_key,
        upstream=upstream,
    )


def _absolute(url: str) -> str:
    """A path on this machine made absolute; an address as it is (`host:path`, which ssh takes, is one)."""
    return url if ":" in url.partition("/")[0] else str(Path(url).absolute())
