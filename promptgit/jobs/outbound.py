"""A POST to a server of somebody else's choice, which must not lead into our own network.

Every address of the host is checked, and the connection is made to one of those that were: a name that
resolves to something else a moment later changes nothing. Redirects are not followed, and the
environment's proxies are not used.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from promptgit.domain import hosts
from promptgit.errors import Invalid

_PORTS = {"http": 80, "https": 443}
_READ_BYTES = 1 << 16
_HEAD_START_SECONDS = 0.25  # the "Connection Attempt Delay" that RFC 8305, section 5, recommends


class Undelivered(Exception):
    """The server did not answer with a 2xx; the text says what it did, and has no secret."""


def check_url(url: str) -> SplitResult:
    """The parts of an address that something can be posted to.

    Raises:
        Invalid: it is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid("url", "is no address") from None
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Invalid("url", "has a character that no address has; percent-encode it, and write the host in Punycode")
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise Invalid("url", "is no http:// or https:// address with a host")
    if parts.username is not None:
        raise Invalid("url", "has a user or a password; the signature shows who sends")
    return parts


def resolve(parts: SplitResult, *, allow_private: bool) -> list[str]:
    """The addresses of a host.

    Raises:
        Undelivered: there is none, or, unless *allow_private*, one of them is not public.
    """
    assert parts.hostname
    try:
        found = socket.getaddrinfo(parts.hostname, _port(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Undelivered(f"the host {parts.hostname} cannot be resolved: {error}") from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    private = [address for address in addresses if not hosts.is_public(address)]
    if private and not allow_private:
        raise Undelivered(f"{parts.hostname} is {private[0]}, which is no public address; see --allow-private")
    return addresses


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, allow_private: bool) -> None:
    """Send *body*. It takes *seconds* at most, to the last byte of the answer; the look-up of the name is not counted.

    Raises:
        Undelivered: no 2xx came in time.
    """
    parts = check_url(url)
    addresses = resolve(parts, allow_private=allow_private)
    deadline = time.monotonic() + seconds
    late = threading.Event()
    try:
        with _connected(addresses, _port(parts), deadline) as plain, _ended_at(plain, deadline, late):
            status = _exchange(plain, parts, body, headers, deadline)
            if late.is_set():  # http.client takes headers that end early for all of them
                raise TimeoutError
    except (OSError, HTTPException, ValueError) as error:
        said = f"took more than {seconds:g} seconds" if late.is_set() else str(error) or type(error).__name__
        raise Undelivered(f"{parts.hostname}: {said}") from error
    if not 200 <= status < 300:
        also = ", and redirects are not followed" if 300 <= status < 400 else ""
        raise Undelivered(f"{parts.hostname} answered with {status}{also}")


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _connected(addresses: list[str], port: int, deadline: float) -> socket.socket:
    """A connection to the first address that accepts one, so that a dead address does not use up the others' time.

    Each address is tried `_HEAD_START_SECONDS` after the one before it, or at once if that one has failed (RFC 8305).
    """
    untried = list(addresses)
    failure = OSError("it has no address")
    with selectors.DefaultSelector() as tried, contextlib.ExitStack() as attempts:
        while untried or tried.get_map():
            if untried:
                attempt = attempts.enter_context(_attempt(untried[0]))
                if code := _failed(attempt.connect_ex((untried.pop(0), port))):
                    failure = OSError(code, os.strerror(code))
                    continue
                tried.register(attempt, selectors.EVENT_WRITE, attempt)
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no connection was accepted in time")
            for key, _ in tried.select(min(left, _HEAD_START_SECONDS) if untried else left):
                ended: socket.socket = key.data
                tried.unregister(ended)
                if not (code := ended.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                    return ended.dup()  # the attempts are all closed
                failure = OSError(code, os.strerror(code))
    raise failure


def _attempt(address: str) -> socket.socket:
    attempt = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    attempt.setblocking(False)
    return attempt


def _failed(code: int) -> int:
    return 0 if code == errno.EINPROGRESS else code


@contextlib.contextmanager
def _ended_at(plain: socket.socket, deadline: float, late: threading.Event) -> Iterator[None]:
    """End the connection at a time: time-outs of a socket count anew with each byte that trickles in."""
    other = plain.dup()  # TLS takes the first one away

    def end() -> None:
        late.set()
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        other.close()


def _exchange(
    plain: socket.socket, parts: SplitResult, body: bytes, headers: Mapping[str, str], deadline: float
) -> int:
    """The status of the answer."""
    assert parts.hostname
    plain.settimeout(max(0.001, deadline - time.monotonic()))
    used = plain
    if parts.scheme == "https":
        used = ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname)
    connection = HTTPConnection(parts.hostname, parts.port or _PORTS[parts.scheme])
    connection.default_port = _PORTS[parts.scheme]  # which the Host header leaves out
    connection.sock = used
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, dict(headers))
        with connection.getresponse() as response:
            response.read(_READ_BYTES)
            return response.status
    finally:
        connection.close()
