"""When a request is sent again: after a 503, or when the answer was lost; a few times, for some seconds.

Every write of the API can be tried again. What that means for the answers to a create and to a save with
`if_match` is the verbs' matter: they are told whether the answer to an earlier attempt was lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from promptgit.client.errors import ServerAway, refusal
from promptgit.client.steps import Request, Response, Steps, Wait

_AGAIN = (502, 503, 504)


class Outcome(NamedTuple):
    """The last answer; *lost*: that to an earlier attempt, which may have done its work, was not seen."""

    response: Response
    lost: bool


@dataclass(frozen=True, slots=True)
class Retries:
    """At most *count* more attempts, the last of which begins within *seconds* after the first.

    The pauses double from *pause* seconds on, each with jitter; where the server says `Retry-After`, none is shorter.
    """

    count: int = 3
    seconds: float = 10
    pause: float = 0.1

    def outcome(self, request: Request, clock: Callable[[], float]) -> Steps[Outcome]:
        """Send a request, and again where that may help.

        Raises:
            ServerAway: there was no answer.
        """
        deadline, lost = clock() + self.seconds, False
        for attempt in range(self.count + 1):
            response, after = None, 0.0
            try:
                response = yield request
            except ServerAway as error:
                lost, failure = lost or error.sent, error
            else:
                assert response is not None
                if response.status not in _AGAIN:
                    return Outcome(response, lost)
                lost = lost or response.status != 503  # which says that nothing was done
                after = _seconds(response.headers.get("retry-after"))
            pause = after + self.pause * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311  # spreads clients
            if attempt == self.count or clock() + pause > deadline:
                break
            yield Wait(pause)
        if response is None:
            raise failure
        return Outcome(response, lost)

    def response(self, request: Request, clock: Callable[[], float]) -> Steps[Response]:
        """The answer to a request, if it is no error.

        Raises:
            PromptgitError: what the server refuses, by its code.
        """
        outcome = yield from self.outcome(request, clock)
        return expect(outcome.response)


def expect(response: Response) -> Response:
    """An answer that is no error."""
    if response.status < 300 or response.status == 304:
        return response
    raise refusal(response.status, response.body)


def _seconds(text: str | None) -> float:
    """Retry-After in seconds; as a date (RFC 9110, 10.2.3) it is not used by promptgit, and not read."""
    return float(text) if text and text.isascii() and text.isdigit() else 0.0
