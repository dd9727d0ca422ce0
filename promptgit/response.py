"""What goes out on a connection: the application's answer, or the refusal of what never reached it."""

from __future__ import annotations

import logging
from http import HTTPStatus

from gunicorn import util
from gunicorn.http import errors
from gunicorn.http.wsgi import Response

from promptgit.api import problems
from promptgit.api.headers import PROTECTION
from promptgit.client_socket import ClientSocket

log = logging.getLogger(__name__)

# What gunicorn refuses before the application sees it; the first that fits.
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (errors.InvalidResponseHeader, 500),  # ours, though a kind of InvalidHeader
    (errors.InvalidResponseHeaderName, 500),
    (errors.LimitRequestLine, 414),
    (errors.LimitRequestHeaders, 431),
    (errors.ExpectationFailed, 417),
    (errors.UnsupportedTransferCoding, 501),
    (errors.ForbiddenProxyRequest, 403),
    (errors.ConfigurationProblem, 500),
    (errors.ParseException, 400),
)


class Answer(Response):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's response, whose head goes out with the first bytes of its body, or at the end where it has none."""

    _head = b""
    headers_sent: bool

    def send_headers(self) -> None:
        """Make the head, once."""
        if not self.headers_sent:
            lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
            self._head = "".join(lines).encode("latin-1")
            self.headers_sent = True

    def _emit_body(self, data: bytes) -> None:
        framed = b"%X\r\n%b\r\n" % (len(data), data) if self.chunked else data
        self.sock.sendall(self._head + framed)
        self._head = b""

    def close(self) -> None:
        """Send what is left to be sent."""
        self.send_headers()
        end = b"0\r\n\r\n" if self.chunked else b""
        self.sock.sendall(self._head + end)
        self._head = b""


def status_of(error: Exception) -> int:
    """The status of the refusal that an error means."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def refuse(client: ClientSocket, status: int, error: Exception, request_id: str) -> int:
    """Send a problem document as the last answer on a connection; how many bytes its body has."""
    detail = problems.FAULT if status == 500 else f"The request is refused: {error}".rstrip(".") + "."
    body = problems.document(status, detail)
    fields = (
        ("Connection", "close"),
        ("X-Request-ID", request_id),
        ("Content-Type", problems.MEDIA_TYPE),
        ("Content-Length", len(body)),
        *PROTECTION,
    )
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in fields)]
    head = "\r\n".join([*lines, "", ""])
    try:
        util.write_nonblock(client, head.encode() + body)
    except OSError as gone:
        log.debug("A refused client has gone: %r", gone)
    return len(body)
