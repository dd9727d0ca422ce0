"""An ASGI application (asgi.readthedocs.io/en/latest/specs) in front of a WSGI one.

Quick requests are answered on the event loop. Any other request gets a thread only once its body is here, and gives
it back before its client reads the answer: a slow client costs a connection and a little memory, never a thread.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from io import BytesIO
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from promptgit.deferral import (
    AT_ONCE,
    HEAD_ALONE,
    INDEX_SECONDS,
    OVERLOADED,
    WAITS,
    Deferred,
    announced,
    announcement,
    deadline,
)
from promptgit.serving.answers import Answer
from promptgit.serving.bodies import Receive, Unavailable, receive_body
from promptgit.serving.environ import environ_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

T = TypeVar("T")
Send = Callable[[dict[str, Any]], Awaitable[None]]

_NICE = 4  # nice(2): readers get two fifths of the event loop's share where both want the processor
_SMALL_BODY = 64 << 10  # bytes; the application is asked whether it wants a larger body before that is received
_LINGER_SECONDS = 2.0  # a client that still sends gets so long to read why it was refused (RFC 9112, 9.6)
_LOOK_SECONDS = 0.1  # how often the application is asked whether it can go on
_MOST_WAITING = 1_000  # clients that wait for something to happen
_CLOSE = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one process. Times are in seconds, sizes in bytes."""

    client_seconds: float  # how long a client may keep the server waiting for a body
    lock_seconds: float  # how long a request that writes may wait for others, from when all of it is here
    body: int  # the application refuses a body that is longer
    readers: int  # threads
    writers: int  # threads
    waiting_writers: int  # requests that write, with and without a thread; one more is refused


class Bridge:
    """The ASGI application. *is_quick* and *is_write* look at a request's environ alone.

    What *is_quick* takes is called on the event loop first, with AT_ONCE. What *is_write* takes has threads of its own,
    so that requests that wait for each other keep nobody else waiting. *started* is called on the event loop.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        is_quick: Callable[[WSGIEnvironment], bool],
        is_write: Callable[[WSGIEnvironment], bool],
        limits: Limits,
        started: Callable[[], object] = lambda: None,
    ) -> None:
        self._application = application
        self._is_quick, self._is_write, self._limits, self._started = is_quick, is_write, limits, started
        self._readers = ThreadPoolExecutor(limits.readers, "reader", initializer=_step_back)
        self._writers = ThreadPoolExecutor(limits.writers, "writer")
        self._writing = self._waiting = 0
        self._ends = False

    def end(self) -> None:
        """Close each connection after its next answer, and answer whoever waits for something to happen."""
        self._ends = True

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""
        if scope["type"] == "lifespan":
            return await self._live(receive, send)
        if scope["type"] != "http":
            raise NotImplementedError(f"promptgit speaks HTTP alone, not ASGI's {scope['type']}")
        environ = environ_of(scope)
        size = int(environ.get("CONTENT_LENGTH") or 0) if "HTTP_TRANSFER_ENCODING" not in environ else sys.maxsize
        if not size:
            environ["wsgi.input"] = BytesIO()
            if self._is_quick(environ):
                with suppress(Deferred):  # else a thread can wait
                    return await self._send(Answer(self._application, environ | {AT_ONCE: True}), receive, send)
            return await self._send(await self._ask(environ, monotonic()), receive, send)
        if size > _SMALL_BODY:
            with suppress(Deferred):
                return await self._send(await self._ask_early(environ), receive, send, more_comes=True)
        body, more = await receive_body(receive, self._limits.client_seconds, self._limits.body)
        with body:
            environ["wsgi.input"] = body
            # What the body took was spent on the client, not on others.
            return await self._send(await self._ask(environ, monotonic()), receive, send, more_comes=more)

    async def _ask(self, environ: WSGIEnvironment, start: float) -> Answer:
        """Call the application in a thread, again while it defers its answer. *start*: when the request was whole."""
        is_write = self._is_write(environ)
        if is_write and self._writing >= self._limits.waiting_writers:
            return await self._in_thread(self._readers, environ | {OVERLOADED: True})
        self._writing += is_write
        request = object()
        announcement.set(request)  # the threads have a copy of this task's context
        if is_write and self._writing <= self._limits.writers:  # else it has to wait for a thread
            announced.add(request)
        try:
            environ[WAITS] = True
            until = start + self._limits.lock_seconds if is_write else None
            while True:
                try:
                    pool = self._writers if is_write else self._readers
                    return await self._in_thread(pool, environ, until)
                except Deferred as deferred:
                    environ[WAITS] = await self._wait(deferred, start + deferred.seconds)
        finally:
            self._writing -= is_write
            announced.discard(request)

    async def _ask_early(self, environ: WSGIEnvironment) -> Answer:
        """The answer of an application that does not want the body; Deferred if it does."""
        return await self._in_thread(self._readers, environ | {HEAD_ALONE: True, "wsgi.input": Unavailable(Deferred())})

    async def _in_thread(
        self, pool: ThreadPoolExecutor, environ: WSGIEnvironment, until: float | None = None
    ) -> Answer:
        def call() -> Answer:
            deadline.set(monotonic() + INDEX_SECONDS if until is None else until)
            return Answer(self._application, environ)

        return await asyncio.get_running_loop().run_in_executor(pool, copy_context().run, call)

    async def _wait(self, deferred: Deferred, until: float) -> bool:
        """Wait for what the application waits for; False if it takes too long, or too many wait."""
        if self._waiting >= _MOST_WAITING:
            return False
        self._waiting += 1
        try:
            while not self._ends and monotonic() < until:
                if deferred.ready is None or deferred.ready():
                    return True
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self._waiting -= 1
        return False

    async def _send(self, answer: Answer, receive: Receive, send: Send, *, more_comes: bool = False) -> None:
        """Send an answer. Where *more_comes* of the body, which nobody wants, the connection is closed behind it."""
        headers = [*answer.headers, _CLOSE] if more_comes or self._ends else answer.headers
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.body is not None and not more_comes:
            return await send({"type": "http.response.body", "body": answer.body})
        if more_comes:
            return await self._refuse(answer, receive, send)
        gone = asyncio.ensure_future(_gone(receive))
        try:
            while not gone.done() and (chunk := await self._run(answer.next)):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                # Servers wait for room before they send: now the client has read most of the chunk, or has gone.
                await send({"type": "http.response.body", "body": b"", "more_body": True})
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        except Exception:
            answer.adopt()
            raise  # the server closes the connection, without the end of the answer
        finally:
            gone.cancel()
            await self._run(answer.close)

    async def _refuse(self, answer: Answer, receive: Receive, send: Send) -> None:
        """Send the body of a refusal. Closed at once, the connection would be reset by what the client still sends."""
        body = answer.body if answer.body is not None else await self._run(answer.rest)
        await send({"type": "http.response.body", "body": body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while (await receive()).get("more_body"):
                    pass
        await send({"type": "http.response.body", "body": b""})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._started()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._readers.shutdown(wait=False)
        self._writers.shutdown(wait=False)
        await send({"type": "lifespan.shutdown.complete"})

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, call)


async def _gone(receive: Receive) -> None:
    """Wait until the client has gone. Its request is whole: nothing else can come."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere it is the process that has a priority
        thread = threading.get_native_id()
        # A server that was started with a lower priority must not try to raise it: only root may.
        os.setpriority(os.PRIO_PROCESS, thread, max(_NICE, os.getpriority(os.PRIO_PROCESS, thread)))
