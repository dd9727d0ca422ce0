"""Fetching the upstream's `main`, and bringing `main` here to where that is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from filelock import FileLock, Timeout

from promptgit.errors import PromptgitError, StorageFull, UpstreamUnavailable
from promptgit.store.files import expect_room, is_full
from promptgit.store.git.orphans import has_no_owner
from promptgit.store.git.remotes import RemoteFailed, fetch_main, without_userinfo
from promptgit.store.git.repository import Repository
from promptgit.store.locks import WriteLock
from promptgit.store.observer import Observer
from promptgit.store.upstream.states import FetchState, PushState, StateFile

log = logging.getLogger(__name__)

REF = "refs/promptgit/upstream"
"""The upstream's `main`, as the last fetch found it."""

_POLL_SECONDS = 0.01
_LEFT_SECONDS = 60.0  # git holds its lock of a ref for some milliseconds


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """Where the upstream is, and how long it is waited for.

    A write waits at most *timeout* seconds for the upstream's decision, and so long a host's copies may lag behind what
    it has accepted. Two pushes of a node begin at least *interval* seconds apart.
    """

    url: str
    timeout: float = 60.0
    interval: float = 0.0


class Upstream:
    """The upstream of one repository, whose folder several threads and processes may use at the same time.

    *clock* gives seconds since 1970.
    """

    def __init__(
        self,
        settings: UpstreamSettings,
        repository: Repository,
        write_lock: WriteLock,
        clock: Callable[[], float],
        observer: Observer,
    ) -> None:
        self.settings = settings
        self.shown_url = without_userinfo(settings.url)
        self.repository = repository
        self.observer = observer
        self.write_lock = write_lock
        self.clock = clock
        self.fetches = StateFile(repository.path / "promptgit-fetch", FetchState)
        self.pushes = StateFile(repository.path / "promptgit-push", PushState)

    def fetch(self, deadline: float) -> str:
        """Fetch the upstream's `main`; its commit, as the upstream had it at some moment during this call.

        One fetch at a time runs on a node: callers that come meanwhile wait for the next one, which serves all of them.
        *deadline* is on the monotonic clock.

        Raises:
            UpstreamUnavailable: the upstream did not answer, or not in time.
            StorageFull: there is no room for what it sent.
        """
        arrived = time.monotonic()
        try:
            lock = FileLock(self.repository.path / "promptgit-fetch.lock", poll_interval=_POLL_SECONDS)
            with lock.acquire(timeout=max(deadline - arrived, 0)):
                state = self.fetches.read()
                if not arrived <= state.began <= time.monotonic():
                    state = self._fetch(state, deadline)
        except Timeout:
            raise UpstreamUnavailable("another fetch took too long") from None
        except (RemoteFailed, OSError) as error:  # for want of time, or of room
            raise UpstreamUnavailable(str(error)) from error
        if state.error is not None:
            raise unavailable(state.error)
        tip = self.repository.own_refs.get(REF)
        assert tip is not None
        return tip

    def _fetch(self, state: FetchState, deadline: float) -> FetchState:
        began, now = time.monotonic(), self.clock()
        if began >= deadline:
            raise RemoteFailed("there was no time left to ask it")  # which says nothing of the upstream
        try:
            self.free(REF)
            fetch_main(self.repository.git, self.settings.url, REF, deadline - began)
        except (RemoteFailed, OSError) as error:
            if time.monotonic() >= deadline and deadline - began < self.settings.timeout / 2:
                raise  # it had little time: that says nothing of the upstream, and those who wait ask again
            if state.error is None:
                log.warning("The upstream %s cannot be fetched from: %s", self.shown_url, error)
            state = replace(state, began=began, error=str(error), away_since=state.away_since or now)
        else:
            if state.error is not None:
                log.info("The upstream %s answers again", self.shown_url)
            state = FetchState(began, reached_at=now)
        self.observer.fetched(state.error is None, time.monotonic() - began)
        self.fetches.write(state)
        return state

    def free(self, ref: str) -> None:
        """Remove git's lock of *ref*, which one fetch at a time moves, if that was killed: every later one would fail.

        Where it cannot be told whether the fetch of a node that was killed is still alive, its lock stays for a minute.
        """
        lock = self.repository.path / f"{ref}.lock"
        with suppress(FileNotFoundError):
            if time.time() - lock.stat().st_mtime > _LEFT_SECONDS or has_no_owner(lock, self.repository.path):
                lock.unlink()
                log.warning("A fetch was killed, and its lock %s was removed", lock)

    def refresh(self, deadline: float | None = None) -> None:
        """Fetch, and bring `main` to where the upstream's is; *deadline* is on the monotonic clock.

        Raises:
            UpstreamUnavailable: the upstream did not answer in time.
            LockTimeout, MainLocked, StorageFull, StorageFailed, OutcomeUnknown: `main` could not be moved here.
        """
        deadline = time.monotonic() + self.settings.timeout if deadline is None else deadline
        tip = self.fetch(deadline)
        if tip != self.repository.main() or self.pushes.read().behind_since is not None:
            with self.write_lock.held(deadline):
                self.follow()

    def follow(self) -> None:
        """Bring `main` to where the last fetch found the upstream's; call it under the write lock.

        `main` here has only commits that the upstream has accepted. If the upstream's `main` lacks some of them,
        somebody has rewritten that branch, or put an older state of it back; the commits are kept under
        refs/promptgit/lost/. An older state may also come from a copy of the host's that lags: then `main` here stays
        as it is for `timeout` seconds.

        Raises:
            MainLocked, StorageFull, StorageFailed, OutcomeUnknown: `main` could not be moved.
        """
        repository = self.repository
        main, tip, state = repository.main(), repository.own_refs.get(REF), self.pushes.read()
        assert tip is not None
        behind_since = None
        if main != tip:
            expect_room(repository.path)  # else reads would be refused until the index can follow
        if main != tip and not repository.reaches(tip, main):
            if repository.reaches(main, tip):
                now = self.clock()
                behind_since = min(state.behind_since or now, now)  # the clock may have been set back
            if behind_since is None or self.clock() - behind_since >= self.settings.timeout:
                behind_since = None
                state = self._lose(state, main, tip)
        if main != tip and behind_since is None:
            repository.bring_main(main, tip, int(self.clock()))
        if behind_since != state.behind_since:
            self.pushes.write(replace(state, behind_since=behind_since))

    def _lose(self, state: PushState, main: str, tip: str) -> PushState:
        """Keep a tip of `main` that the upstream does not have any more, and raise the alarm."""
        self.repository.own_refs.keep_lost(main)
        if state.acknowledged is not None and not self.repository.reaches(tip, state.acknowledged):
            log.error(
                "The upstream %s no longer has %s, which it had accepted from this node. Its main is at %s now; what "
                "it lost is kept under refs/promptgit/lost/%s",
                *(self.shown_url, state.acknowledged, tip, main),
            )
            state = replace(state, acknowledged=None, vanished=(*state.vanished, main))
        else:
            log.error("main was rewritten at the upstream %s: from %s to %s", self.shown_url, main, tip)
        self.pushes.write(state)
        return state

    def vanished(self) -> list[str]:
        """Kept tips of `main` with commits that the upstream has lost after it had accepted them from this node."""
        kept = set(self.repository.own_refs.kept_tips())
        return [tip for tip in self.pushes.read().vanished if tip in kept]

    def warnings(self) -> list[str]:
        """What an operator should know; a sentence each."""
        fetched, pushed = self.fetches.read(), self.pushes.read()
        found = [
            f"The upstream no longer has commits that it had accepted from this node, up to {tip}, which is kept under "
            f"refs/promptgit/lost/{tip}. Push them again, or remove that ref; see docs/many-machines.md."
            for tip in self.vanished()
        ]
        if fetched.error is not None:
            since = "" if fetched.away_since is None else f" since {_time(fetched.away_since)}"
            found.append(
                f"The upstream has not answered{since}: {fetched.error.removesuffix('.')}. "
                "Reads go on, from the local copy."
            )
        if pushed.refused is not None:
            found.append(f"The upstream refuses pushes from this node. It says: {pushed.refused}")
        if pushed.behind_since is not None:
            found.append(
                f"Since {_time(pushed.behind_since)} the upstream's main lacks commits that it had accepted. It is "
                f"followed after {self.settings.timeout:g} seconds."
            )
        return found


def unavailable(words: str) -> PromptgitError:
    """The error for what git has said of a fetch that did not succeed."""
    own = [line for line in words.splitlines() if not line.startswith("remote:")]
    return StorageFull() if is_full(RemoteFailed("\n".join(own))) else UpstreamUnavailable(words)


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
