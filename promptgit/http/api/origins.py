"""From which pages a browser may send requests: this service's own, and for the API those of listed origins.

`Sec-Fetch-Site` (Fetch Metadata) decides where it is sent, because only the browser knows scheme and port of both
sides. Old browsers never send it, others not over plain HTTP to other machines: then the `Origin` is compared with the
`Host`, by name and port. The scheme cannot be known behind a proxy, whose headers are not trusted here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from promptgit.domain import hosts
from promptgit.domain.hosts import Origin
from promptgit.errors import CrossOrigin
from promptgit.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ADMITTED = "promptgit.cors"  # key of the WSGI environ: the origin, if it is listed for the API
_PREFLIGHT = [
    ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        "Access-Control-Allow-Headers",
        "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Promptgit-Head, Promptgit-Wants, "
        "X-Request-ID",
    ),
    ("Access-Control-Max-Age", "600"),  # seconds
]
_EXPOSED = (
    "ETag, Link, Location, Promptgit-Dropped, Promptgit-Head, Retry-After, X-Last-Commit, X-Request-ID, X-Total-Count"
)


class OwnOrigin:
    """Recognises the pages of this service: their host is the `Host`, or one of the settings' `allowed_hosts`."""

    def __init__(self, settings: Settings) -> None:
        listed = settings.own_hosts
        self._origins = frozenset(hosts.origin_of(one) for one in listed if "://" in one)
        self._places = frozenset(hosts.split(one) for one in listed if "://" not in one)

    def expect(self, environ: WSGIEnvironment) -> None:
        """Refuse a request that a browser sends for a page of another origin, except for following a link.

        Raises:
            CrossOrigin
        """
        site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
        if (site is None and origin is None) or _ADMITTED in environ:
            return
        if site is None:
            found = hosts.origin_of(origin or "")
            is_own = found is not None and self._is_own(found, environ)
        else:
            is_link = environ["REQUEST_METHOD"] in ("GET", "HEAD") and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
            is_own = site in ("same-origin", "none") or is_link
        if not is_own:
            raise CrossOrigin

    def _is_own(self, origin: Origin, environ: WSGIEnvironment) -> bool:
        default = hosts.default_port(origin.scheme)
        if not default or (environ["wsgi.url_scheme"] == "https" != origin.scheme):
            return False
        name, port = hosts.split(environ.get("HTTP_HOST", ""))
        if origin.name == name and origin.port == (default if port is None else port):
            return True
        if origin in self._origins or (origin.name, origin.port) in self._places:
            return True
        # A proxy may replace the Host. If it did not, the ports of both must agree, as above.
        return origin.name != name and origin.port == default and (origin.name, None) in self._places


class Cors:
    """WSGI middleware that lets pages of other origins use the API in a browser (the CORS protocol of Fetch).

    Only paths below /api are shared; not the pages, which accept cookies, and not clones.
    """

    def __init__(self, application: WSGIApplication, origins: frozenset[Origin]) -> None:
        self._application = application
        self._origins = origins

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        if not self._origins or not environ["PATH_INFO"].startswith("/api/"):
            return self._application(environ, start_response)
        sent = environ.get("HTTP_ORIGIN", "")
        told = []
        if hosts.origin_of(sent) in self._origins:
            environ[_ADMITTED] = sent
            told += [("Access-Control-Allow-Origin", sent), ("Access-Control-Expose-Headers", _EXPOSED)]
            if environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ:
                # A preflight has no token, and needs no other answer.
                start_response("204 No Content", [("Vary", "Origin"), *told, *_PREFLIGHT])
                return []

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            varies = ", ".join([*(value for name, value in headers if name == "Vary"), "Origin"])
            others = [header for header in headers if header[0] != "Vary"]
            return start_response(status, [*others, ("Vary", varies), *told], *failure)

        return self._application(environ, start)
