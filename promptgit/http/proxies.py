"""X-Forwarded-* headers are trusted from the proxies that the settings list, and from no other client."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

from promptgit.domain import hosts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_IS_LISTED = "promptgit.proxy"
_FOR = "HTTP_X_FORWARDED_FOR"
_SAID = (_FOR, "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PREFIX", "HTTP_X_REAL_IP")


class Proxies:
    """WSGI middleware: the client's address, scheme, host and path prefix are those that a listed proxy says.

    *prefix* is the path under which clients see the service. A proxy may keep it in the path, or remove it.
    """

    def __init__(self, app: WSGIApplication, listed: str, prefix: str) -> None:
        self._app = app
        self._listed = hosts.Proxies(listed)
        self._prefix = prefix
        # The last value of each header is the proxy's own; for X-Forwarded-For see `_client`.
        self._believing = ProxyFix(self._believed, x_for=1, x_proto=1, x_host=1, x_prefix=1)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        if self._listed.has(environ.get("REMOTE_ADDR")):
            environ[_IS_LISTED] = True
            if _FOR in environ:
                environ[_FOR] = self._client(environ[_FOR])
            return self._believing(environ, start_response)
        if self._prefix:
            return self._prefixed(environ, start_response)
        return self._app(environ, start_response)

    def _believed(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for name in _SAID:  # else the gate takes the client for one behind an unknown proxy
            environ.pop(name, None)
        return self._prefixed(environ, start_response)

    def _prefixed(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self._prefix:
            environ["SCRIPT_NAME"] = self._prefix
        prefix, path = environ["SCRIPT_NAME"], environ["PATH_INFO"]
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            environ["PATH_INFO"] = path[len(prefix) :] or "/"
        return self._app(environ, start_response)

    def _client(self, addresses: str) -> str:
        """The client's address, from the value of X-Forwarded-For.

        Each proxy appends the address that it was called from. So the client is the rightmost address that is not a
        listed proxy; whatever stands to the left of it, the client may have sent itself.
        """
        *others, last = [address.strip() for address in addresses.split(",")]
        while others and self._listed.has(last):
            last = others.pop()
        return last


def headers_of(environ: WSGIEnvironment) -> Sequence[tuple[bytes, bytes]]:
    """All headers of a request as a listed proxy has sent them; none if somebody else has sent the request.

    None either under a server that does not tell them: in the environ, a header with "_" in its name poses as another.
    """
    return environ["asgi.scope"]["headers"] if _IS_LISTED in environ and "asgi.scope" in environ else ()
