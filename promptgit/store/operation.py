"""What the writer is asked to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from promptgit.domain.models import Request
from promptgit.store.git.commits import Edit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One write: *plan* looks at the state under the lock and says what to commit, or raises a refusal.

    With nothing to commit (None), or after the commit, *answer* reads the state that this left. Where *request* has
    made a commit before, nothing is planned: *recall* gives the answer that this commit had, by its id in hexadecimal.
    """

    plan: Callable[[sqlite3.Connection], Edit | None]
    answer: Callable[[sqlite3.Connection], T]
    request: Request | None = None
    recall: Callable[[sqlite3.Connection, str], T] | None = None
