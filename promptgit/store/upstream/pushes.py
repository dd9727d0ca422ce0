"""Pushing a batch: the upstream decides whether it is on `main`, and only three outcomes are told apart.

It landed, it did not, or nobody can say. After a push that did not succeed the upstream is asked, and its answer
counts, not the words of the refusal: at least seven are in use for a lost race.
"""

from __future__ import annotations

import logging
import random
import re
import secrets
import time
from contextlib import suppress
from dataclasses import replace

from promptgit.errors import OutcomeUnknown, PromptgitError, StorageFull, UpstreamRefused, UpstreamUnavailable
from promptgit.store.git.refs import MainMoved
from promptgit.store.git.remotes import RemoteFailed, push_main
from promptgit.store.upstream.upstream import Upstream

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds at most between two looks at an upstream that has not decided
_PUSH_SHARE = 0.75  # of the time that is left; the rest is for asking what became of a push that took all of that
_FIRST_INTERVAL, _LONGEST_INTERVAL = 1.0, 60.0  # seconds between pushes, once a host has asked for fewer
_TOO_MANY = re.compile(r"\b429\b|rate limit|too many requests", re.IGNORECASE)
# Refusals that trying again does not change. All other words are those of races, faults and overload.
_FOR_GOOD = re.compile(
    r"GH006|GH013|protected branch|hook declined|not allowed|read.only|permission|denied|forbidden"
    r"|returned error: 4(?:03|13)|authentication failed|could not read username",
    re.IGNORECASE,
)


class Pusher:
    """Pushes the batches of one node, one at a time; its methods are called under the write lock."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._repository = upstream.repository

    def deadline(self) -> float:
        """Until when a batch that begins now waits for the upstream's decision, on the monotonic clock."""
        return time.monotonic() + self._upstream.settings.timeout

    def prepare(self, deadline: float) -> None:
        """Wait until the next push may begin; then bring `main` to where the upstream's is by then.

        Call it before a batch is planned: what comes meanwhile goes along, and the plan is fresh when it is pushed.

        Raises:
            UpstreamUnavailable: the next push may not begin before *deadline*, which is on the monotonic clock.
        """
        if self._pace(deadline):
            with suppress(UpstreamUnavailable):  # the push will tell
                self._upstream.fetch(deadline)
            self._upstream.follow()

    def _pace(self, deadline: float) -> bool:
        """Wait until the next push may begin; true if that took any time."""
        state, now = self._upstream.pushes.read(), time.monotonic()
        interval = max(self._upstream.settings.interval, state.interval)
        due = state.began + interval
        if not state.began <= now < due:  # a later beginning is of before a restart of the machine
            return False
        if due > deadline:
            raise UpstreamUnavailable(f"it is pushed to every {interval:g} seconds, and not before the time is up")
        time.sleep(due - now)
        return True

    def renew(self, attempt: int, deadline: float) -> None:
        """Bring `main` to where another node has moved the upstream's; before the second *attempt* (1) pause.

        The pause has full jitter, so that nodes which collided do not collide again. *deadline* is on the monotonic
        clock.
        """
        if attempt:
            _pause(min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE))
        self._upstream.follow()
        self.prepare(deadline)

    def confirm(self, tip: str, deadline: float) -> None:
        """Make sure that the upstream's `main` is at *tip*: the state that a batch without commits has answered from.

        Raises:
            MainMoved: it is somewhere else now.
            UpstreamUnavailable: the upstream did not answer in time.
        """
        found = self._upstream.fetch(deadline)
        if found != tip and not self._repository.reaches(tip, found):
            raise MainMoved

    @staticmethod
    def unique_header() -> str:
        """A header for the first commit of a batch.

        Two nodes can plan the very same commit in the same second. Its id must tell whose push has landed.
        """
        return f"promptgit-push {secrets.token_hex(16)}"

    def land(self, old: str, new: str, deadline: float) -> None:
        """Have the upstream move its `main` from *old* to *new*, whose id this node alone can have made.

        Raises:
            MainMoved: another node was first, or the branch was rewritten; *new* is not there, and will not be.
            UpstreamUnavailable, UpstreamRefused: *new* is not there, and will not be.
            OutcomeUnknown: the answer to a push was lost, and the upstream could not be asked before *deadline*.
        """
        is_unclear, pause = False, _FIRST_PAUSE
        while True:
            start = time.monotonic()
            try:
                self._push(old, new, deadline)
            except RemoteFailed as error:
                failed = error
            else:
                return self._landed(new, start)
            is_unclear |= failed.is_sent and not failed.is_rejected
            tip = self._tip(deadline)
            if tip is not None and self._repository.reaches(tip, new):
                return self._landed(new, start)
            # Where it lacks *old* as well, it may be a copy that lags.
            if tip not in (None, old) and not self._repository.reaches(old, str(tip)):
                self._upstream.observer.pushed("raced", time.monotonic() - start)
                raise MainMoved
            is_late = time.monotonic() + pause >= deadline
            refusal = self._refusal(failed, tip == old, is_unclear, is_late)
            if refusal is None:
                self._upstream.observer.pushed("retried", time.monotonic() - start)
                _pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                try:
                    self._pace(deadline)
                except UpstreamUnavailable as error:
                    refusal = OutcomeUnknown() if is_unclear else error
            if refusal is not None:
                self._upstream.observer.pushed(refusal.code, time.monotonic() - start)
                raise refusal

    def _push(self, old: str, new: str, deadline: float) -> None:
        began = time.monotonic()
        upstream = self._upstream
        upstream.pushes.write(replace(upstream.pushes.read(), began=began))
        try:
            seconds = max(_PUSH_SHARE * (deadline - began), 0.001)
            push_main(self._repository.git, upstream.settings.url, new, seconds, expected=old)
        except OSError as error:  # git could not be started
            raise RemoteFailed(str(error)) from error
        except RemoteFailed as error:
            if _TOO_MANY.search(str(error)):
                state = upstream.pushes.read()
                longer = min(max(2 * state.interval, _FIRST_INTERVAL), _LONGEST_INTERVAL)
                log.warning("The upstream asks for fewer pushes: one in %g seconds from now on", longer)
                upstream.pushes.write(replace(state, interval=longer))
            raise

    def _tip(self, deadline: float) -> str | None:
        """Where the upstream's `main` is now; None: nobody can tell."""
        try:
            return self._upstream.fetch(deadline)
        except (UpstreamUnavailable, StorageFull):
            return None

    def _refusal(
        self, failure: RemoteFailed, is_as_expected: bool, is_unclear: bool, is_late: bool
    ) -> PromptgitError | None:
        """What the writers are told; None: to push again may help."""
        words = str(failure)
        if _FOR_GOOD.search(words) and not _TOO_MANY.search(words) and (is_as_expected or not is_unclear):
            state = self._upstream.pushes.read()
            if state.refused != words:
                log.error("The upstream refuses the push: %s", words)
                self._upstream.pushes.write(replace(state, refused=words))
            return UpstreamRefused(words)
        if is_unclear:
            return OutcomeUnknown() if is_late else None
        is_away = not failure.is_rejected and not is_as_expected
        return UpstreamUnavailable(words) if is_late or is_away else None

    def _landed(self, new: str, start: float) -> None:
        upstream = self._upstream
        upstream.observer.pushed("landed", time.monotonic() - start)
        state = upstream.pushes.read()
        shorter = state.interval / 2 if state.interval > _FIRST_INTERVAL else 0.0
        upstream.pushes.write(replace(state, interval=shorter, refused=None, acknowledged=new))


def _pause(most: float) -> None:
    time.sleep(random.uniform(0, most))  # noqa: S311  # no secret
