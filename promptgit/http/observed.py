"""The id of each request, its line in the access log, its metrics."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

from promptgit import logs
from promptgit.deferral import Deferred
from promptgit.domain.usage import Served

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("promptgit.access")

CREDENTIAL = "promptgit.credential"
"""Key of the WSGI environ: the name of the client's token, if one was accepted."""

ROUTE = "promptgit.route"
"""Key of the WSGI environ: the route of a request that was answered without Flask."""

SERVED = "promptgit.served"
"""Key of the WSGI environ: a tuple with a `Served` for each version whose content the answer has, or a 304 confirms."""

_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_LONGEST_PATH = 250  # characters, so that a line is written to a pipe in one piece

Count = Callable[[str, str, int, float], None]
"""Called for each request with its method, route (or an empty text), status and seconds."""

CountReads = Callable[[tuple[Served, ...], str | None], None]
"""Called for each answer with contents: the versions that it had, and the name of the credential that asked."""


class Observed:
    """WSGI middleware. A request ends when the last byte of its answer is sent, or when the client is gone.

    A client's own `X-Request-ID` is kept if it is short and plain. The query is not logged: it can hold
    the texts of searches.
    """

    def __init__(self, app: WSGIApplication, count: Count, count_reads: CountReads) -> None:
        self._app = app
        self.count = count
        self.count_reads = count_reads

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        given = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _PLAIN.fullmatch(given) else f"{random.getrandbits(64):016x}"
        logs.request_id.set(request_id)  # not reset: the server logs more of this request later in this thread
        answer = _ObservedAnswer(environ, self.count, self.count_reads)

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], object]:
            answer.status = int(status[:3])
            # Until Flask returns, its request is there, with the rule that the router has found.
            rule = getattr(environ.get("werkzeug.request"), "url_rule", None)
            answer.route = environ.get(ROUTE) if rule is None else rule.rule
            headers.append(("X-Request-ID", request_id))
            return start_response(status, headers, *exc_info)

        try:
            answer.chunks = self._app(environ, start)
        except Deferred:
            raise  # not answered yet: the server calls again
        except BaseException:
            answer.close()
            raise
        return answer


class _ObservedAnswer:
    """The chunks of an answer; when it is closed, the request is counted and logged."""

    __slots__ = ("_count", "_count_reads", "_environ", "_size", "_start", "_whole", "chunks", "route", "status")

    def __init__(self, environ: WSGIEnvironment, count: Count, count_reads: CountReads) -> None:
        self._environ = environ
        self._count = count
        self._count_reads = count_reads
        self._size = 0
        self._whole = False
        self._start = perf_counter()
        self.route: str | None = None
        self.status = 500
        self.chunks: Iterable[bytes] = ()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self._size += len(chunk)
            yield chunk
        self._whole = True

    def close(self) -> None:
        """Called by the server when the answer is sent, or the client is gone."""
        try:
            if hasattr(self.chunks, "close"):
                self.chunks.close()
        finally:
            seconds = perf_counter() - self._start
            self._count(self._environ["REQUEST_METHOD"], self.route or "", self.status, seconds)
            served = self._environ.get(SERVED)
            if served is not None and self.status in (200, 304) and self._environ["REQUEST_METHOD"] != "HEAD":
                self._count_reads(served, self._environ.get(CREDENTIAL))
            if log.isEnabledFor(logging.INFO):
                self._log(seconds)

    def _log(self, seconds: float) -> None:
        environ = self._environ
        # WSGI has the path as bytes in Latin-1 (PEP 3333).
        path = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
        fields = {
            "method": environ["REQUEST_METHOD"],
            "path": path[:_LONGEST_PATH],
            "route": self.route,
            "status": self.status,
            "bytes": self._size,
            "remote": environ.get("REMOTE_ADDR"),
            "who": environ.get(CREDENTIAL),
            **({} if self._whole else {"aborted": True}),
            "milliseconds": round(seconds * 1000, 3),
        }
        log.info("%s %s %d", fields["method"], fields["path"], fields["status"], extra={"fields": fields})
