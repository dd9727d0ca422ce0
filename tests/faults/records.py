"""What clients keep of what they sent and were told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """What one attempt was answered by which node; status 0: the connection broke.

    *began* and *ended* are on the monotonic clock; *release* is the number of a release.
    """

    node: int
    status: int
    code: str = ""
    number: int = 0
    commit: str = ""
    content: str | None = None
    description: str = ""
    head: str = ""
    labels: tuple[tuple[str, int], ...] = ()
    release: int = 0
    began: float = 0.0
    ended: float = 0.0

    @property
    def is_done(self) -> bool:
        """True if the node says that it is so now."""
        return 200 <= self.status < 300

    @property
    def is_unclear(self) -> bool:
        """True if the write may be there."""
        return self.status == 0 or self.status == 500 or self.code == "outcome_unknown"


@dataclass(slots=True)
class Write:
    """A write under one key, which is also the message of its commit, with all its attempts.

    *again* is what a repeat after the acknowledgement was answered.
    """

    kind: str
    key: str
    prompt: str
    method: str
    path: str
    body: Mapping[str, Any]
    if_match: str = ""
    attempts: list[Told] = field(default_factory=list)
    again: Told | None = None

    @property
    def acknowledged(self) -> Told | None:
        """The answer that says that it is done."""
        return self.attempts[-1] if self.attempts[-1].is_done else None


@dataclass(frozen=True, slots=True)
class Read:
    """A read of a prompt, with the Promptgit-Head that was sent."""

    prompt: str
    sent: str
    told: Told


@dataclass
class Records:
    """What all clients have recorded."""

    writes: list[Write] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """How many writes and reads; the attempts of a write are not counted."""
        return len(self.writes) + len(self.reads)
