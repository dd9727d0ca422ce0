"""Checks, rules and releases as the API answers with them, as frozen values. Times are aware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from promptgit.client.json_value import Value
from promptgit.client.values import ReleaseItem
from promptgit.domain.models import Author


@dataclass(frozen=True, slots=True)
class Check(Value):
    """What a CI says about a version; `state` is pending, success or failure."""

    check: str
    prompt_id: str
    version_number: int
    state: str
    summary: str | None
    url: str | None
    timestamp: datetime
    author: Author
    committer: Author | None = field(default=None, kw_only=True)
    commit: str


@dataclass(frozen=True, slots=True)
class Gate(Value):
    """What a release of one label takes: approvals of so many owners, and checks. Without prefixes of every prompt."""

    approvals: int
    checks: tuple[str, ...]
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules(Value):
    """The file `rules.toml`, the gates that it makes, by label, what is wrong with it, and who changed it last.

    `commit` is what `set_rules` takes as `if_match`.
    """

    content: str
    labels: Mapping[str, Gate]
    problems: tuple[str, ...]
    commit: str


@dataclass(frozen=True, slots=True)
class Deed(Value):
    """Who did something to a release, when and why; `by` is the credential's name, promptgit where nobody did it."""

    by: str
    owner: str | None
    timestamp: datetime
    description: str


@dataclass(frozen=True, slots=True)
class Approval(Deed):
    """An approval; it does not count if its token was revoked, or if its owner counts already."""

    counts: bool


@dataclass(frozen=True, slots=True)
class AskedCheck(Value):
    """A check that the rules ask of an item of an open release; `state` is None where nobody has set it."""

    prompt_id: str
    version_number: int
    check: str
    state: str | None
    summary: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Release(Value):
    """A request to move a gated label; `missing` says in words what it lacks, `checks` what the rules ask of it.

    `state` is open, ready, outdated, released, rejected, withdrawn or overridden.
    """

    number: int
    label: str
    state: str
    description: str
    when_ready: bool
    rollback_of: int | None
    opened: Deed
    closed: Deed | None
    items: tuple[ReleaseItem, ...]
    approvals: tuple[Approval, ...]
    checks: tuple[AskedCheck, ...]
    missing: tuple[str, ...]
