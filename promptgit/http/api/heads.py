"""`Promptgit-Head`: which commit of `main` an answer reflects, and from which commit on a request is to be answered.

The value is the commit's place in the first-parent history of `main`, counted from 1, and its id. A client that sends
back the one with the highest place sees what it has seen before and what it has written itself, whichever process, or
whichever of several machines, answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from flask import request

from promptgit.deferral import AT_ONCE
from promptgit.errors import HeadLost, MalformedHead, PromptgitError
from promptgit.http.api.access import SAFE
from promptgit.store.index import change_queries
from promptgit.store.index.index import Index

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "Promptgit-Head"

_SENT = "HTTP_PROMPTGIT_HEAD"
_REFUSAL = "promptgit.head"  # the key of the environ under which the refusal of the header is, for `expect_head`
_VALUE = re.compile(r"([0-9]{1,18})-([0-9a-f]{40})", re.ASCII)


class Heads:
    """A WSGI application that adds the header to every answer below /api; *flask* refuses what is sent wrongly."""

    def __init__(self, inside: WSGIApplication, flask: WSGIApplication, index: Index) -> None:
        self._inside = inside
        self._flask = flask
        self._index = index

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        if not environ["PATH_INFO"].startswith("/api/"):
            return self._inside(environ, start_response)
        is_write = environ["REQUEST_METHOD"] not in SAFE
        before = None  # what is read from now on is at least as new
        if _SENT in environ or not (is_write or (before := self._index.known_position())):
            with self._index.without_waiting() if environ.get(AT_ONCE) else nullcontext():
                before = self._look(environ)

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            head = self._position() if is_write else before
            if head is not None:
                headers.append((HEADER, "{}-{}".format(*head)))
            return start_response(status, headers, *failure)

        return (self._flask if _REFUSAL in environ else self._inside)(environ, start)

    def _look(self, environ: WSGIEnvironment) -> tuple[int, str] | None:
        """Find out where `main` is, and whether what the request sends can be answered; if not, note why."""
        try:
            if _SENT in environ:
                self._expect(environ[_SENT])
        except PromptgitError as refusal:
            environ[_REFUSAL] = refusal
        return self._position()

    def _position(self) -> tuple[int, str] | None:
        """Where `main` is; None where the index cannot be read, which the answer itself says better."""
        try:
            return self._index.position()
        except PromptgitError:
            return None

    def _expect(self, sent: str) -> None:
        found = _VALUE.fullmatch(sent)
        if found is None:
            raise MalformedHead
        place, commit = int(found[1]), found[2]
        if (place, commit) != self._index.position() and self._index.read(change_queries.number_of, commit) != place:
            raise HeadLost(commit)


def expect_head() -> None:
    """Refuse Flask's request if the header that it sends is none, or names a commit that is not on `main`.

    Raises:
        MalformedHead, HeadLost
    """
    refusal: PromptgitError | None = request.environ.get(_REFUSAL)
    if refusal is not None and request.routing_exception is None:  # 404 and 405 say more
        raise refusal
