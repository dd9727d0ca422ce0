"""httpx2, set up the same way for both clients; its requests and answers."""

from __future__ import annotations

import os
from typing import Any, TypedDict
from urllib.parse import urlsplit

import httpx2

from promptgit.client.errors import ServerAway
from promptgit.client.steps import Request, Response

CONNECT_SECONDS = 5.0
# A server waits 10 seconds for its write lock before it answers with 503.
READ_SECONDS = 30.0
# For a `get` that has something else to answer with: the cache, the folder or a fallback.
STAND_IN_SECONDS = 2.0
# The server closes a connection that was idle for 5 seconds; the client does so before.
_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=4.0)

_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


def environment(name: str) -> str | None:
    """`PROMPTGIT_URL` or `PROMPTGIT_TOKEN`; empty is None. Nothing else in the client reads the environment."""
    return os.environ.get(name) or None


class Options(TypedDict):
    """The arguments that both of httpx2's clients take."""

    base_url: str
    headers: dict[str, str]
    timeout: httpx2.Timeout
    limits: httpx2.Limits


def address(url: str | None, token: str | None) -> tuple[str, str | None]:
    """The server's address and the token; the one that is not given comes from the environment.

    Raises:
        ValueError: there is no address, or the address or the token cannot be one.
    """
    url, token = url or environment("PROMPTGIT_URL"), token or environment("PROMPTGIT_TOKEN")
    if not url:
        raise ValueError("Where is the server? Give Client(url), or set PROMPTGIT_URL.")
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no address of a server; give one such as http://127.0.0.1:8000.")
    if token and not (token.isascii() and token.isprintable()):
        raise ValueError("The token has a character that no token has; copy it again.")
    return url.rstrip("/"), token


def options(url: str, token: str | None, timeout: float) -> Options:
    """How to reach a server; *timeout* is how long an answer may take, in seconds."""
    headers = {"User-Agent": "promptgit-client"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return {"base_url": url, "headers": headers, "timeout": _timeout(timeout), "limits": _LIMITS}


def arguments(request: Request) -> dict[str, Any]:
    """A request as the arguments of the method `request` of httpx2's clients."""
    body = {} if request.body is None else {"json": request.body}
    limit = {} if request.timeout is None else {"timeout": _timeout(request.timeout)}
    query, headers = request.query, request.headers
    return {"method": request.method, "url": request.path, "params": query, "headers": headers, **body, **limit}


def _timeout(seconds: float) -> httpx2.Timeout:
    return httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))


def response(answer: httpx2.Response) -> Response:
    """httpx2's answer, whose body was read, as the verbs take it."""
    return Response(answer.status_code, {key.lower(): value for key, value in answer.headers.items()}, answer.content)


def away(error: httpx2.RequestError, url: str) -> ServerAway:
    """Why the server at *url* gave no answer; without the password that the URL may have."""
    parts = urlsplit(url)
    where = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    failure = ServerAway(f"{where}: {error or type(error).__name__}.", not isinstance(error, _NOT_SENT))
    failure.__cause__ = error
    return failure
