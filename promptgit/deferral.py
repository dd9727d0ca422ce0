"""How the application and the server that calls it agree on what cannot be answered yet.

WSGI has no word for that: a request whose body is still on its way, a quick read that would have to wait for a
writer, a client that waits for the next change. A server that knows these keys of the environ calls the application
again later. Under any other server no key is set, and the application waits in the thread that serves the request.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

AT_ONCE = "promptgit.at_once"
"""Key of the environ: the caller is an event loop. What would have to wait raises Deferred instead."""

HEAD_ALONE = "promptgit.head_alone"
"""Key of the environ: the body has not been received. What needs it raises Deferred, before anything is done."""

WAITS = "promptgit.waits"
"""Key of the environ: True if the server waits for `Deferred.ready`; False once that wait is over."""

OVERLOADED = "promptgit.overloaded"
"""Key of the environ: as many requests that write as may wait are waiting; refuse this one."""

deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
"""When the request that is being answered has waited for the write lock long enough, on the monotonic clock."""


class Deferred(BaseException):  # no fault: what catches every Exception must let it through
    """The application cannot answer yet. It has done nothing, and can be called again with the same request.

    Without *ready*: as soon as there is a thread, or the whole body. Otherwise once *ready* (called on the event
    loop, so it must be fast) says so, but after *seconds* at the latest.
    """

    def __init__(self, ready: Callable[[], bool] | None = None, seconds: float = 0.0) -> None:
        super().__init__()
        self.ready = ready
        self.seconds = seconds
