"""The mirror: another repository, to which `main` is pushed soon after writes, at most once in ten seconds."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from promptgit.jobs import chores
from promptgit.service.stores import store_of
from promptgit.settings import Settings
from promptgit.store.files import write_durably
from promptgit.store.git.remotes import Diverged, RemoteFailed, push_main, without_userinfo
from promptgit.store.git.repository import Repository

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_ASSURE_SECONDS = 600.0  # a mirror that was lost is noticed although nobody writes
_PUSH_SECONDS = 600.0
_LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True)
class MirrorState:
    """How far the mirror is. *behind_since* is in seconds since 1970; *failures* are those in a row."""

    pushed: str | None = None
    behind_since: float | None = None
    failures: int = 0
    error: str | None = None

    def lag(self, now: float) -> float:
        """For how many seconds something has waited to be pushed; 0: nothing does."""
        return 0.0 if self.behind_since is None else max(0.0, now - self.behind_since)


class Mirror:
    """Pushes the `main` of *repository* to *url*, and says in the file *path* how far it is.

    *clock* gives seconds since 1970. Pushes begin at least *interval* seconds apart.
    """

    def __init__(
        self,
        repository: Repository,
        url: str,
        path: Path,
        clock: Callable[[], float] = time.time,
        *,
        interval: float = 0.0,
    ) -> None:
        self._repository, self._url, self._path, self._clock = repository, url, path, clock
        self._interval = interval
        self._assured = float("-inf")

    def status(self) -> MirrorState:
        """How far the mirror is, whichever process pushes."""
        try:
            return MirrorState(**json.loads(self._path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):  # none yet; or of another version
            return MirrorState()

    def turn(self) -> float:
        """Push what is new; after how many seconds to look again. A chore, see `chores.start`."""
        state, main = self.status(), self._repository.main()
        if main == state.pushed and not state.failures and time.monotonic() - self._assured < _ASSURE_SECONDS:
            return _LOOK_SECONDS
        if main != state.pushed and state.behind_since is None:
            state = replace(state, behind_since=self._clock())
            self._note(state)
        try:
            push_main(self._repository.git, self._url, main, _PUSH_SECONDS)
        except RemoteFailed as error:
            return self._failed(state, error)
        self._assured = time.monotonic()
        if state != (done := MirrorState(pushed=main)):
            self._note(done)
        return max(self._interval, _LOOK_SECONDS)

    def _failed(self, state: MirrorState, error: RemoteFailed) -> float:
        said = str(error)
        if isinstance(error, Diverged):
            said = f"It has commits that are not on main here, and nothing is forced: {said}"
        if said != state.error:
            log.warning("The mirror %s cannot be pushed to: %s", without_userinfo(self._url), said)
        waiting = state.behind_since or self._clock()
        self._note(replace(state, behind_since=waiting, failures=state.failures + 1, error=said))
        return min(_LONGEST_PAUSE, 2.0 ** min(state.failures, 10)) * random.uniform(0.5, 1)  # noqa: S311  # no secret

    def _note(self, state: MirrorState) -> None:
        write_durably(self._path, json.dumps(asdict(state)).encode())


def of(settings: Settings) -> Mirror:
    """The mirror of a data folder."""
    path = settings.data / "mirror.json"
    return Mirror(store_of(settings).repository, settings.mirror, path, interval=settings.mirror_interval)


def start(settings: Settings) -> None:
    """Keep the mirror up to date, if there is to be one; call it in each worker."""
    if settings.mirror:
        chores.start("mirror", settings.data, of(settings).turn)
