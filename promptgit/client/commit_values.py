"""What commits of several changes, and promotions, answer with, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from promptgit.client.json_value import Value


@dataclass(frozen=True, slots=True)
class ChangeResult(Value):
    """What one change of a commit did to a prompt; `name` and `version_number` are the prompt's after that commit.

    `prompt_id` is None in a dry run where only the commit decides it.
    """

    prompt_id: str | None
    name: str
    version_number: int
    changed: bool


class Committed(NamedTuple):
    """A commit, None where nothing had to change or in a dry run, and what each change did, in order."""

    commit: str | None
    results: tuple[ChangeResult, ...]


@dataclass(frozen=True, slots=True)
class Promotion(Value):
    """A prompt's label was pointed from one version at another; `before` is None where it pointed nowhere."""

    prompt_id: str
    name: str
    before: int | None
    after: int


class Promoted(NamedTuple):
    """A commit, None where nothing had to move or in a dry run, and the prompts whose label moves, by name."""

    commit: str | None
    results: tuple[Promotion, ...]
