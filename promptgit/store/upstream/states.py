"""What the processes of a node tell each other of the upstream: small files in the repository's folder.

None of it is needed after a restart, or where the disk does not take it: a push that was accepted, and a fetch that was
made, are not undone by that.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from promptgit.store.files import write_state

log = logging.getLogger(__name__)

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class FetchState:
    """How the last fetch went: when it began, on the monotonic clock, and its error; written under the fetch lock.

    *reached_at* is when the upstream answered last; *away_since* when it failed to answer for the first time after
    that, None if it answers. Both are in seconds since 1970.
    """

    began: float = 0.0
    error: str | None = None
    reached_at: float | None = None
    away_since: float | None = None


@dataclass(frozen=True, slots=True)
class PushState:
    """How the last pushes went; written under the write lock.

    *began* is when the last one began, on the monotonic clock. The host has asked for *interval* seconds between two.
    *refused* are its words, if it has refused the last push for good. *acknowledged* is the last commit that the
    upstream accepted from this node. Since *behind_since*, in seconds since 1970, the upstream's `main` lacks commits
    that it had; *vanished* are former tips of `main` with commits that it had accepted from this node.
    """

    began: float = 0.0
    interval: float = 0.0
    refused: str | None = None
    acknowledged: str | None = None
    behind_since: float | None = None
    vanished: tuple[str, ...] = ()


class StateFile(Generic[S]):
    """One state, of the dataclass *kind*, in the file *path*."""

    def __init__(self, path: Path, kind: type[S]) -> None:
        self._path = path
        self._kind = kind

    def read(self) -> S:
        """The state; the first one if there is none that can be read, or another version of promptgit wrote it."""
        try:
            return self._kind(**json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return self._kind()

    def write(self, state: S) -> None:
        """Put a state in the place of the last one, which stays where the disk is full; one process does so at a time.

        What a push has done is told by the upstream, not by this: nothing fails for it.
        """
        try:
            write_state(self._path, json.dumps(asdict(cast(Any, state))).encode())
        except OSError:
            log.exception("The state of the upstream could not be noted")
