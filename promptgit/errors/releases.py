"""What is refused of gated labels, checks, rules and releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promptgit.errors.base import PromptgitError


@dataclass(eq=False)
class LabelGated(PromptgitError):
    """A rule gates the label of this prompt: only a release moves or removes it, and the prompt stays where it is."""

    code = "label_gated"
    sentence = (
        "The label {self.label!r} of {self.name!r} is gated by rules.toml: it is not moved or removed, nor its prompt "
        "renamed or deleted, but by a release. Open one with POST /api/releases or 'promptgit release open'. A token "
        "of the scope 'admin' can override the gate, with a description."
    )
    label: str
    name: str


@dataclass(eq=False)
class LabelNotGated(PromptgitError):
    """No rule gates the label of this prompt, so that it needs no release."""

    code = "label_not_gated"
    sentence = (
        "The label {self.label!r} of {self.name!r} is not gated by rules.toml, and needs no release. Move it directly."
    )
    label: str
    name: str


@dataclass(eq=False)
class CheckProtected(PromptgitError):
    """The rules name the check, and the caller may not set it."""

    code = "check_protected"
    sentence = (
        "The check {self.check!r} is one that rules.toml names. To set it takes a token that was made with "
        "'--may-check {self.check}', or one of the scope 'admin'."
    )
    check: str


@dataclass(eq=False)
class CheckNotFound(PromptgitError):
    """The version has no such check."""

    code = "check_not_found"
    sentence = "Version {self.number} of {self.name!r} has no check {self.check!r}."
    name: str
    number: int
    check: str


@dataclass(eq=False)
class RulesNotFound(PromptgitError):
    """There are no rules."""

    code = "rules_not_found"
    sentence = (
        "There is no rules.toml, so no label is gated. Write it with PUT /api/rules and 'If-None-Match: *', or "
        "'promptgit rules set'."
    )


class StaleRules(PromptgitError):
    """The rules are not those that the caller has seen."""

    code = "stale_rules"
    sentence = "rules.toml is not as you have seen it. Read it again, and send its ETag in If-Match."


@dataclass(eq=False)
class ReleaseNotFound(PromptgitError):
    """There is no release of this number."""

    code = "release_not_found"
    sentence = "There is no release {self.number}. List the releases to find it."
    number: str


@dataclass(eq=False)
class ReleaseClosed(PromptgitError):
    """The release was closed before."""

    code = "release_closed"
    sentence = "Release {self.number} is {self.state} already. Open another one."
    number: int
    state: str


@dataclass(eq=False)
class ReleaseOutdated(PromptgitError):
    """A label of the release has moved since it was opened."""

    code = "release_outdated"
    sentence = (
        "Release {self.number} is outdated: since it was opened, {self.label!r} of {self.name!r} has moved, or the "
        "prompt was renamed or deleted. It moves nothing any more; open another one."
    )
    number: int
    label: str
    name: str


@dataclass(eq=False)
class ReleaseNotReady(PromptgitError):
    """The release lacks approvals or checks; *missing* says which, a sentence each."""

    code = "release_not_ready"
    number: int
    missing: Sequence[str]

    def __str__(self) -> str:
        more = f" and {len(self.missing) - 3} more" if len(self.missing) > 3 else ""
        return f"Release {self.number} is not ready. It lacks: {'; '.join(self.missing[:3])}{more}."


@dataclass(eq=False)
class RollbackRefused(PromptgitError):
    """The release cannot be rolled back; *reason* says why."""

    code = "rollback_refused"
    sentence = "Release {self.number} cannot be rolled back: {self.reason}. Open a release instead."
    number: int
    reason: str


@dataclass(eq=False)
class SelfApproval(PromptgitError):
    """The caller has opened what is to be approved, or has written or stored a version that it ships.

    *version* is that version's number and *name* its prompt's; None: the caller has opened the release.
    """

    code = "self_approval"
    number: int
    owner: str
    version: int | None = None
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.owner!r} has {self.deed}, and cannot approve release {self.number}. Ask somebody else."

    @property
    def deed(self) -> str:
        """What the caller has done, as the end of a sentence."""
        return f"written or stored version {self.version} of {self.name!r}" if self.name else "opened it"
