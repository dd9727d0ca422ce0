"""`Promptgit-Head`: which commit of `main` an answer reflects, and from which commit on a request is to be answered.

The value is the commit's place in the first-parent history of `main`, counted from 1, and its id. A client that sends
back the one with the highest place sees what it has seen before and what it has written itself, whichever process, or
whichever of several machines, answers.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from flask import request
from werkzeug.http import parse_cache_control_header

from promptgit.deferral import AT_ONCE, Deferred
from promptgit.errors import (
    HeadLost,
    HeadNotReached,
    MalformedHead,
    PromptgitError,
    StorageFull,
    Unavailable,
    UpstreamUnavailable,
)
from promptgit.http.api.scopes import SAFE
from promptgit.store.index import change_queries
from promptgit.store.index.connections import head_of
from promptgit.store.index.positions import Position, Positions
from promptgit.store.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "Promptgit-Head"

_SENT = "HTTP_PROMPTGIT_HEAD"
_REFUSAL = "promptgit.head"  # the key of the environ under which the refusal of the header is, for `expect_head`
_VALUE = re.compile(r"([0-9]{1,18})-([0-9a-f]{40})", re.ASCII)


class Heads:
    """A WSGI application that adds the header to every answer below /api; *flask* refuses what is sent wrongly.

    With an upstream, a request with a Promptgit-Head that is not here, or with `Cache-Control: no-cache`, is answered
    after a fetch, for which it waits at most *seconds*; at most *waiters* wait at the same time.
    """

    def __init__(
        self, inside: WSGIApplication, flask: WSGIApplication, store: Store, *, seconds: float, waiters: int
    ) -> None:
        self._inside = inside
        self._flask = flask
        self._index = store.index
        self._main = store.repository.main
        self._positions = Positions(store.index, store.repository.main_file)
        self._upstream = store.upstream
        self._seconds = seconds
        self._places = threading.BoundedSemaphore(waiters)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        if not environ["PATH_INFO"].startswith("/api/"):
            return self._inside(environ, start_response)
        is_write = environ["REQUEST_METHOD"] not in SAFE
        wants_newest = self._upstream is not None and _refuses_caches(environ)
        before = None if is_write else self._positions.known()  # what is read from now on is at least as new
        if wants_newest or _SENT in environ or not (is_write or before):
            with self._index.without_waiting() if environ.get(AT_ONCE) else nullcontext():
                before = self._look(environ, wants_newest)

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            head = self._position() if is_write else before
            if head is not None:
                headers.append((HEADER, "{}-{}".format(*head)))
            return start_response(status, headers, *failure)

        return (self._flask if _REFUSAL in environ else self._inside)(environ, start)

    def _look(self, environ: WSGIEnvironment, wants_newest: bool) -> Position | None:
        """Where `main` is, after a fetch for a client that *wants_newest*; a refusal is noted in the environ."""
        try:
            if wants_newest:
                self._refresh(environ)
            if _SENT in environ:
                self._expect(environ)
        except PromptgitError as refusal:
            environ[_REFUSAL] = refusal
        return self._position()

    def _position(self) -> Position | None:
        """Where `main` is; None where the index cannot be read: the request's own answer then says why."""
        try:
            return self._positions.current()
        except PromptgitError:
            return None

    def _expect(self, environ: WSGIEnvironment) -> None:
        found = _VALUE.fullmatch(environ[_SENT])
        if found is None:
            raise MalformedHead
        place, commit = int(found[1]), found[2]
        if self._has(place, commit):
            return
        if self._upstream is not None:
            try:
                self._refresh(environ)
            except Unavailable as error:
                raise HeadNotReached(commit) from error
            if self._has(place, commit):
                return
        if self._index.read(head_of) != self._main():
            raise HeadNotReached(commit)  # the disk is full, and the index cannot follow
        raise HeadLost(commit)

    def _has(self, place: int, commit: str) -> bool:
        return (place, commit) == self._positions.current() or (
            self._index.read(change_queries.number_of, commit) == place
        )

    def _refresh(self, environ: WSGIEnvironment) -> None:
        """Bring `main` to where the upstream's is.

        Raises:
            Unavailable: that could not be done in time, or too many requests wait for it.
        """
        assert self._upstream is not None
        if environ.get(AT_ONCE):
            raise Deferred
        if not self._places.acquire(blocking=False):
            raise UpstreamUnavailable("too many requests of this process wait for it")
        try:
            self._upstream.refresh(time.monotonic() + self._seconds)
        except StorageFull as error:
            raise UpstreamUnavailable("the disk of this node is full, so that nothing can be fetched") from error
        finally:
            self._places.release()


def _refuses_caches(environ: WSGIEnvironment) -> bool:
    """True if the client wants what is there now, not a copy (RFC 9111, 5.2.1.4)."""
    sent = environ.get("HTTP_CACHE_CONTROL")
    return sent is not None and parse_cache_control_header(sent).no_cache is not None


def expect_head() -> None:
    """Refuse Flask's request if the header that it sends is none, or names a commit that is not on `main`.

    Raises:
        MalformedHead, HeadLost, HeadNotReached, UpstreamUnavailable
    """
    refusal: PromptgitError | None = request.environ.get(_REFUSAL)
    if refusal is not None and request.routing_exception is None:  # 404 and 405 say more
        raise refusal
