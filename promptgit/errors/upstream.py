"""Refusals of a node that has an upstream."""

from __future__ import annotations

from dataclasses import dataclass

from promptgit.errors.base import PromptgitError, Unavailable


@dataclass(eq=False)
class UpstreamUnavailable(Unavailable):
    """The upstream cannot be reached, or did not decide in time. Nothing was written."""

    code = "upstream_unavailable"
    sentence = "The upstream cannot be reached: {self.reason}. Nothing was written; try again."
    retry_after = 5
    reason: str


@dataclass(eq=False)
class UpstreamRefused(Unavailable):
    """The Git host refuses pushes from this node; *words* is the host's own message. Nothing was written."""

    code = "upstream_refused"
    sentence = "The upstream refuses the push, and nothing was written. It says: {self.words}"
    retry_after = 60  # somebody has to change a rule or a credential first
    words: str


@dataclass(eq=False)
class HeadNotReached(Unavailable):
    """The commit of the request's Promptgit-Head is not here yet, and could not be fetched in time."""

    code = "head_not_reached"
    sentence = (
        "The commit {self.commit} is not on this node yet, and could not be fetched in time. "
        "Try again, or leave the Promptgit-Head out to be answered from an older state."
    )
    commit: str


@dataclass(eq=False)
class ManagedElsewhere(PromptgitError):
    """The records (*what*: tokens, hooks) come from a file that an administrator distributes; no call changes them."""

    code = "managed_elsewhere"
    sentence = (
        "The {self.what} of this node come from a file that is distributed to all nodes. "
        "Change that file, and distribute it; see docs/many-machines.md."
    )
    what: str
