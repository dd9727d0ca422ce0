"""A stop that cuts no answer off: no new connections, then a second to answer, and then uvicorn's own stop.

uvicorn closes its listening socket and all idle connections as soon as it is told to stop. The kernel resets what waits
in the socket's queue then, and what a client sends at that instant. So a worker goes on for DRAIN_SECONDS before, and
closes each connection behind its next answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any

DRAIN_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SO_ATTACH_FILTER = 26  # socket(7); Python has no name for it
_DROP_ALL = struct.pack("=HBBI", 0x06, 0, 0, 0)  # one instruction of BPF: return 0, "keep nothing of the packet"


def accept_no_more(listeners: Iterable[socket.socket]) -> None:
    """Have the kernel ignore new connections, while those that wait to be accepted stay (Linux).

    Whoever tries meanwhile tries again a second later, and is refused, instead of being reset in the queue.
    """
    if sys.platform != "linux":
        return
    code = ctypes.create_string_buffer(_DROP_ALL)
    program = struct.pack("@HP", 1, ctypes.addressof(code))
    for listener in listeners:
        with contextlib.suppress(OSError):  # the sandboxes of some containers forbid it
            listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def hold_signals_at_forks() -> None:
    """Block stop signals around each fork, so that a child gets one only after `drain_first` has set its handlers."""
    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS),
    )


def drain_first(begin: Callable[[], object]) -> None:
    """On SIGTERM call *begin* at once, and the present handler of SIGTERM after DRAIN_SECONDS.

    Call it on the event loop, once the server has its handlers. Ctrl-C, which a terminal sends to all processes, is
    the master's matter.
    """
    loop = asyncio.get_running_loop()
    end: Any = signal.getsignal(signal.SIGTERM)

    def drain(number: int, _: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one more changes nothing
        loop.call_soon_threadsafe(begin)
        loop.call_soon_threadsafe(loop.call_later, DRAIN_SECONDS, end, number, None)

    signal.signal(signal.SIGTERM, drain)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
