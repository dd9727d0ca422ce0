"""One call of a WSGI application, as ASGI sends its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_LARGEST_WHOLE = 64 << 10  # bytes; a longer answer is sent chunk by chunk
_EMPTY = (204, 304)  # without a body, and without a Content-Length


class Answer:
    """The answer to one request: *body* is all of it, or None where `next` has it chunk by chunk, until b""."""

    def __init__(self, application: WSGIApplication, environ: WSGIEnvironment) -> None:
        """Call the application.

        Raises:
            Deferred: it cannot answer yet.
            Exception: whatever it raises before the first byte of the body.
        """
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: bytes | None = None
        self._context = copy_context()  # the application's own: what it has set in it, its later steps see
        self._chunks: Iterable[bytes] = ()
        self._context.run(self._begin, application, environ)

    def next(self) -> bytes:
        """The next chunk that is not empty; b"": there is no more."""
        return self._context.run(self._next)

    def rest(self) -> bytes:
        """All that is left; it is closed then."""
        try:
            return b"".join(iter(self.next, b""))
        finally:
            self.close()

    def close(self) -> None:
        """Call it once the answer is sent, or nobody wants the rest; not where `body` has all of it."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            self._context.run(close)

    def adopt(self) -> None:
        """Copy the application's context variables to the caller's context: its log lines get the request's id."""
        for variable, value in self._context.items():
            variable.set(value)

    def _begin(self, application: WSGIApplication, environ: WSGIEnvironment) -> None:
        self._chunks = application(environ, self._start)
        close = getattr(self._chunks, "close", lambda: None)
        try:
            self._iterator: Iterator[bytes] = iter(self._chunks)
            self._first = next(self._iterator, b"")
            size = next((int(value) for name, value in self.headers if name == b"content-length"), None)
            if self.status in _EMPTY or (size is not None and size <= _LARGEST_WHOLE):
                self.body = self._first + b"".join(self._iterator)
        except BaseException:
            close()
            raise
        if self.body is not None:
            close()

    def _next(self) -> bytes:
        chunk, self._first = self._first, b""
        return chunk or next((chunk for chunk in self._iterator if chunk), b"")

    def _start(self, status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
        self.status = int(status[:3])
        self.headers = [(_name(name), value.encode("latin-1")) for name, value in headers]
        return _write


@lru_cache(maxsize=256)
def _name(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _write(data: bytes) -> object:
    raise NotImplementedError("PEP 3333's write() is for applications from before it; yield the bytes instead")
