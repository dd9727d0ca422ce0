"""What the service speaks of: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a version, as git keeps it."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Version:
    """The Nth commit that changed a prompt's blob.

    `timestamp` is the author's date, aware and in UTC; `commit` and `blob` are hexadecimal ids.
    """

    id: UUID
    prompt_id: UUID
    number: int
    timestamp: datetime
    description: str
    author: Author
    commit: str
    blob: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt and its newest version.

    `moved` is the commit that renamed it since that version, if one did.
    """

    id: UUID
    name: str
    path: str
    created_at: datetime
    newest: Version
    moved: str | None


@dataclass(frozen=True, slots=True)
class Removal:
    """The deletion of a prompt: who, when and why."""

    timestamp: datetime
    description: str
    author: Author
    commit: str
