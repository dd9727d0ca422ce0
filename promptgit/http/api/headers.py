"""Headers of every answer that restrict what browsers and caches do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# For answers of the API, which load nothing and are framed nowhere. Pages set a policy of their own.
PROTECTION = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
# Without this header a cache may choose for itself how long it keeps an answer, a 404 too (RFC 9111, 4.2.2).
_UNKEPT = ("Cache-Control", "private, no-cache")


class Protected:
    """WSGI middleware that adds these headers to all answers, except those that an answer sets itself."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            own = [name for name, _ in headers]
            ours = [header for header in (*PROTECTION, _UNKEPT) if header[0] not in own]
            return start_response(status, [*headers, *ours], *failure)

        return self._application(environ, start)
