"""When a request is sent again: after a 502, 503 or 504, or when the answer was lost; a few times, for some seconds.

Every attempt at a write has the same `Idempotency-Key`, so that the server does it once, and answers each as the first.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from promptgit.client.errors import GATEWAY, ServerAway, refusal
from promptgit.client.steps import Request, Response, Steps, Wait


@dataclass(frozen=True, slots=True)
class Retries:
    """At most *count* more attempts, the last of which begins within *seconds* after the first.

    The pauses double from *pause* seconds on, each with jitter; where the server says `Retry-After`, none is shorter.
    """

    count: int = 3
    seconds: float = 10
    pause: float = 0.1

    def answer(self, request: Request, clock: Callable[[], float]) -> Steps[Response]:
        """Send a request, and again where that may help; the last answer.

        Raises:
            ServerAway: there was no answer.
        """
        deadline = clock() + self.seconds
        for attempt in range(self.count + 1):
            response, after = None, 0.0
            try:
                response = yield request
            except ServerAway as error:
                failure = error
            else:
                assert response is not None
                if response.status not in GATEWAY:
                    return response
                after = _seconds(response.headers.get("retry-after"))
            pause = after + self.pause * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311  # spreads clients
            if attempt == self.count or clock() + pause > deadline:
                break
            yield Wait(pause)
        if response is None:
            raise failure
        return response


def expect(response: Response) -> Response:
    """An answer that is no error."""
    if response.status < 300 or response.status == 304:
        return response
    raise refusal(response.status, response.body)


def _seconds(text: str | None) -> float:
    """Retry-After in seconds; as a date (RFC 9110, 10.2.3) it is not used by promptgit, and not read."""
    return float(text) if text and text.isascii() and text.isdigit() else 0.0
