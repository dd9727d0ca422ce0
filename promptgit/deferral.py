"""What the application and the server tell each other of requests that cannot be answered yet.

WSGI has no word for that: a request whose body is still on its way, a quick read that would have to wait for a
writer, a client that waits for the next change. A server that knows these keys of the environ calls the application
again later. Under any other server no key is set, and the application waits in the thread that serves the request.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

AT_ONCE = "promptgit.at_once"
"""Key of the environ, true if the caller is an event loop: a request that would have to wait raises Deferred."""

HEAD_ALONE = "promptgit.head_alone"
"""Key of the environ, true if the body has not been received: a request that needs it raises Deferred."""

WAITS = "promptgit.waits"
"""Key of the environ: True if the server can wait for `Deferred.ready`, False after it has waited long enough."""

OVERLOADED = "promptgit.overloaded"
"""Key of the environ, true if the server's queue of requests that wait to write is full: refuse this one."""

INDEX_SECONDS = 10.0
"""How many seconds a read may wait while another thread or process brings the index up to `main`."""

deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
"""Until when the request of this context may wait for other requests, in seconds of time.monotonic().

The wait for the write lock and the wait for the index share this deadline. None: each wait has its own limit alone.
"""

announced: set[object] = set()
"""This process's requests that write, each from when the server has all of it until the writer has its operation."""

announcement: ContextVar[object] = ContextVar("announcement", default=None)
"""This context's request in `announced`."""


class Deferred(BaseException):  # no fault: what catches every Exception must let it through
    """Raised by the application, which cannot answer this request yet and has changed nothing.

    The server calls the application again with the same request: if *ready* is None, in a thread and with the whole
    body; otherwise as soon as *ready* returns True, or *seconds* have passed. *ready* must not block: the server calls
    it on its event loop.
    """

    def __init__(self, ready: Callable[[], bool] | None = None, seconds: float = 0.0) -> None:
        super().__init__()
        self.ready = ready
        self.seconds = seconds
