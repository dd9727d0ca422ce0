"""Receiving the body of a request, within limits of time and size, on the event loop."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from tempfile import SpooledTemporaryFile
from time import monotonic
from typing import IO, Any, NoReturn

Receive = Callable[[], Awaitable[dict[str, Any]]]

_IN_MEMORY = 1 << 20  # bytes; more goes to a temporary file, which has no name: nothing is left of it
_BYTES_A_SECOND = 16 << 10  # a client that sends so fast is never given up


class Unavailable(io.RawIOBase):
    """A file object for a body that is not available: reading it raises *error*."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def readable(self) -> bool:
        """True: otherwise `read` would raise io.UnsupportedOperation."""
        return True

    def readinto(self, _: object) -> NoReturn:
        """Raise the error."""
        raise self._error


async def receive_body(receive: Receive, seconds: float, most: int) -> tuple[IO[bytes] | Unavailable, bool]:
    """The body, and whether more of it is to come: of one that is longer than *most* bytes, only the beginning.

    Reading it raises TimeoutError if the client kept the server waiting for *seconds*, where 16 KiB give a second
    back, and ConnectionResetError if the client went away.
    """
    body = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  # the caller closes it
    left, size, more = seconds, 0, True
    try:
        while more and size <= most:
            start = monotonic()
            async with asyncio.timeout(left):
                message = await receive()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("The body ended early")
            chunk, more = message.get("body", b""), message.get("more_body", False)
            left = min(left - (monotonic() - start) + len(chunk) / _BYTES_A_SECOND, seconds)
            size += len(chunk)
            if size > _IN_MEMORY:
                await asyncio.to_thread(body.write, chunk)  # which may have to wait for the disk
            else:
                body.write(chunk)
    except (TimeoutError, ConnectionResetError) as error:
        body.close()
        return Unavailable(error), False
    except BaseException:
        body.close()
        raise
    body.seek(0)
    return body, more
