"""The store of a data folder, as the settings want it."""

from __future__ import annotations

from promptgit.settings import Settings
from promptgit.store.observer import Observer
from promptgit.store.store import Store
from promptgit.store.upstream.upstream import UpstreamSettings


def store_of(settings: Settings, observer: Observer | None = None) -> Store:
    """The store in the settings' folder; nothing is opened before it is used."""
    upstream = None
    if settings.upstream:
        interval = max(settings.push_interval, 0.0)
        upstream = UpstreamSettings(settings.upstream, settings.upstream_timeout, interval)
    return Store(
        settings.data,
        lock_timeout=settings.lock_timeout,
        observer=observer,
        signing_key=settings.signing_key,
        upstream=upstream,
    )
