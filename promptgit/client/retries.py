"""When a request is sent again: after a 502, 503 or 504, or when there was no answer; a few times, for some seconds.

Every attempt at a write has the same `Idempotency-Key`: the server does the write once, and answers each attempt alike.
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

    The first pause is *pause* seconds, each further one twice as long, with jitter; a `Retry-After` is added to it.
    """

    count: int = 3
    seconds: float = 10
    pause: float = 0.1

    def answer(self, request: Request, clock: Callable[[], float]) -> Steps[Response]:
        """Send a request, and again where that may help; gives the last answer.

        Raises:
            ServerAway: the last attempt had no answer.
        """
        deadline = clock() + self.seconds
        for attempt in range(self.count + 1):
            answer, after = (yield request), 0.0
            if isinstance(answer, Response):
                if answer.status not in GATEWAY:
                    return answer
                after = _seconds(answer.headers.get("retry-after"))
            pause = after + self.pause * 2**attempt * random.uniform(0.5, 1.5)  # noqa: S311  # spreads clients
            if attempt == self.count or clock() + pause > deadline:
                break
            yield Wait(pause)
        if isinstance(answer, ServerAway):
            raise answer
        assert answer is not None
        return answer


def expect(response: Response) -> Response:
    """The answer, unless it is an error, which is raised."""
    if response.status < 300 or response.status == 304:
        return response
    raise refusal(response.status, response.body)


def _seconds(text: str | None) -> float:
    """Retry-After in seconds; a date (RFC 9110, 10.2.3), which promptgit never sends, counts as 0."""
    return float(text) if text and text.isascii() and text.isdigit() else 0.0
