"""Following the upstream: every few seconds, and soon after a host says that its `main` has moved."""

from __future__ import annotations

import logging
import random
import threading

from promptgit.errors import PromptgitError
from promptgit.store.store import Store

log = logging.getLogger(__name__)

_MOST_DELAY_SECONDS = 0.5


class Follower:
    """Brings the `main` of *store*, which has an upstream, to where that is; *seconds* lie between two looks."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._is_nudged = threading.Lock()

    def turn(self) -> float:
        """Follow; after how many seconds to look again. A chore, see `chores.start`."""
        assert self._store.upstream is not None
        try:
            self._store.upstream.refresh()
        except PromptgitError as error:
            log.info("The upstream was not followed: %s", error)  # why it does not answer was logged where it failed
        finally:
            self._store.close()  # what this thread has opened
        return self._seconds

    def nudge(self) -> None:
        """Follow soon, in another thread. A host tells all nodes at once: each waits for a random moment first."""
        if self._is_nudged.acquire(blocking=False):
            timer = threading.Timer(random.uniform(0, _MOST_DELAY_SECONDS), self._follow)  # noqa: S311  # no secret
            timer.daemon = True  # a process that ends does not wait for the upstream
            timer.start()

    def _follow(self) -> None:
        self._is_nudged.release()  # what the host tells from here on is not seen by this fetch
        self.turn()
