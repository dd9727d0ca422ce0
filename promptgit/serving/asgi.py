"""`app`: promptgit for any ASGI server, with its settings from the environment: uvicorn promptgit.serving.asgi:app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from promptgit import logs
from promptgit.app import create_app, is_write, start_chores
from promptgit.http.api import direct
from promptgit.http.git_clone import LARGEST_REQUEST
from promptgit.serving.bridge import Bridge, Limits
from promptgit.settings import Settings

_WRITERS = 2  # threads that write, for each that reads: more keep more connections to the index in memory
_WRITERS_UPSTREAM = 8  # the same with an upstream: nearly all the time they wait for a push, which can carry all
_WAITING = 16  # requests that may wait to write, for each thread that writes


def bridge(flask: Flask, settings: Settings, started: Callable[[], object] = lambda: None) -> Bridge:
    """The ASGI application in front of what `create_app` gives; *started* is called on its event loop."""
    writers = settings.threads * (_WRITERS_UPSTREAM if settings.upstream else _WRITERS)
    return Bridge(
        flask,
        is_quick=direct.is_quick,
        is_write=is_write,
        limits=Limits(
            client_seconds=settings.client_timeout,
            lock_seconds=settings.lock_timeout,
            body=max(flask.config["MAX_CONTENT_LENGTH"], LARGEST_REQUEST),
            readers=settings.threads,
            writers=writers,
            waiting_writers=writers * _WAITING,
        ),
        started=started,
    )


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    settings = Settings.from_environment()
    logs.configure(settings.log_level)
    flask = create_app(settings)
    app = bridge(flask, settings, started=lambda: start_chores(settings, flask))
    globals()["app"] = app
    return app
