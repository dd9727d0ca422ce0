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
from dataclasses import replace

from promptgit.errors import OutcomeUnknown, PromptgitError, UpstreamRefused, UpstreamUnavailable
from promptgit.store.git.refs import MainMoved
from promptgit.store.git.remotes import RemoteFailed, push_main
from promptgit.store.upstream.upstream import Upstream

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds at most between two looks at an upstream that has not decided
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

    def pace(self, deadline: float) -> None:
        """Wait until the next push may begin; *deadline* is on the monotonic clock.

        Raises:
            UpstreamUnavailable: that is not before *deadline*.
        """
        state, now = self._upstream.pushes.read(), time.monotonic()
        interval = max(self._upstream.settings.interval, state.interval)
        due = state.began + interval
        if state.began <= now < due:  # else it is of before a restart of the machine
            if due > deadline:
                raise UpstreamUnavailable(f"it is pushed to every {interval:g} seconds, and not before the time is up")
            time.sleep(due - now)

    def renew(self, attempt: int) -> None:
        """Take over what another node was first with; from the second *attempt* on (0 is the first) after a pause.

        The pause has full jitter, so that nodes which collided do not collide again.
        """
        if attempt:
            time.sleep(random.uniform(0, min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)))  # noqa: S311  # no secret
        self._upstream.follow()

    def confirm(self, tip: str) -> None:
        """Make sure that *tip*, of which the answers of a batch without commits speak, is the upstream's `main`.

        Raises:
            MainMoved: it is somewhere else now.
            UpstreamUnavailable: the upstream did not answer in time.
        """
        try:
            found = self._upstream.fetch(time.monotonic() + self._upstream.settings.timeout)
        except RemoteFailed as error:
            raise UpstreamUnavailable(str(error)) from error
        if found != tip and not self._repository.reaches(tip, found):
            raise MainMoved

    @staticmethod
    def unique_header() -> str:
        """A header for the first commit of a batch.

        Two nodes can plan the very same commit in the same second. Its id must tell whose push has landed.
        """
        return f"promptgit-push {secrets.token_hex(16)}"

    def land(self, old: str, new: str) -> None:
        """Have the upstream move its `main` from *old* to *new*, which no other node can have made.

        Raises:
            MainMoved: another node was first, or the branch was rewritten; *new* is not there, and will not be.
            UpstreamUnavailable, UpstreamRefused: *new* is not there, and will not be.
            OutcomeUnknown: the answer to a push was lost, and the upstream could not be asked in time.
        """
        deadline = time.monotonic() + self._upstream.settings.timeout
        is_unclear, pause = False, _FIRST_PAUSE
        while True:
            start = time.monotonic()
            try:
                self._push(old, new, deadline)
            except RemoteFailed as error:
                failure = error
            else:
                return self._landed(new, start)
            is_unclear |= failure.is_sent and not failure.is_rejected
            tip = self._tip(deadline)
            if tip is not None and self._repository.reaches(tip, new):
                return self._landed(new, start)
            # Where it lacks *old* as well, it may be a copy that lags.
            if tip not in (None, old) and not self._repository.reaches(old, str(tip)):
                self._upstream.observer.pushed("raced", time.monotonic() - start)
                raise MainMoved
            rest = random.uniform(0, pause)  # noqa: S311  # no secret
            is_late = time.monotonic() + rest >= deadline
            if (refusal := self._refusal(failure, tip == old, is_unclear, is_late)) is not None:
                self._upstream.observer.pushed(refusal.code, time.monotonic() - start)
                raise refusal
            self._upstream.observer.pushed("retried", time.monotonic() - start)
            time.sleep(rest)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _push(self, old: str, new: str, deadline: float) -> None:
        try:
            self.pace(deadline)
        except UpstreamUnavailable as error:
            raise RemoteFailed(error.reason) from error
        began = time.monotonic()
        upstream = self._upstream
        upstream.pushes.write(replace(upstream.pushes.read(), began=began))
        try:
            push_main(self._repository.git, upstream.settings.url, new, max(deadline - began, 0.001), expected=old)
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
        except RemoteFailed:
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
