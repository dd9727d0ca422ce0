"""Less memory for several processes, each with many threads, of one program."""

from __future__ import annotations

import contextlib
import ctypes
import gc

# Of malloc.h, see mallopt(3): it would give each thread an arena of its own, of which each keeps what it once had,
# and take ever larger pieces for such as it keeps.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MALLOC = {_M_ARENA_MAX: 1, _M_MMAP_THRESHOLD: 64 << 10, _M_TRIM_THRESHOLD: 128 << 10}


def share_memory() -> None:
    """Have the workers, once they are forked, share what is imported, and keep little memory for themselves."""
    gc.collect()
    gc.freeze()  # collections in the workers do not touch what is shared
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        for parameter, value in _MALLOC.items():
            ctypes.CDLL(None).mallopt(parameter, value)
