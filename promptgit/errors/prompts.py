"""What is refused of prompts and their versions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from promptgit.errors.base import PromptgitError


@dataclass(eq=False)
class PromptNotFound(PromptgitError):
    """No prompt has this id (or, to a client, this name).

    *advice* says where an id was asked for what to do; a client and the commands take names as well.
    """

    code = "prompt_not_found"
    prompt_id: str
    advice: str = ""

    def __str__(self) -> str:
        what = "id" if self.advice else "name or id"
        return f"No prompt has the {what} {self.prompt_id[:200]!r}. {self.advice or 'List the prompts to find it.'}"


@dataclass(eq=False)
class NameNotFound(PromptgitError):
    """No prompt has this name."""

    code = "name_not_found"
    name: str

    def __str__(self) -> str:
        return f"No prompt has the name {self.name[:200]!r}. List the prompts to find it."


@dataclass(eq=False)
class VersionNotFound(PromptgitError):
    """The prompt has no version of this number."""

    code = "version_not_found"
    name: str
    number: str
    newest: int

    def __str__(self) -> str:
        return f"{self.name!r} has no version {self.number[:40]}: its versions are 1 to {self.newest}."


@dataclass(eq=False)
class LabelNotFound(PromptgitError):
    """The prompt has no such label."""

    code = "label_not_found"
    sentence = "{self.name!r} has no label {self.label!r}."
    name: str
    label: str


@dataclass(eq=False)
class CommitNotFound(PromptgitError):
    """No commit of `main`'s first-parent history is meant: it never was there, `main` was rewritten, or began later.

    *commit* is what was asked for, an id or a time; *advice* is a sentence.
    """

    code = "commit_not_found"
    sentence = "{self.commit!r} names no commit in the first-parent history of main. {self.advice}"
    commit: str
    advice: str


class MalformedPath(PromptgitError):
    """The path of a request that writes is not UTF-8."""

    code = "malformed_path"
    sentence = "The path is not UTF-8. Percent-encode the UTF-8 bytes of a name, such as caf%C3%A9."


class MalformedHead(PromptgitError):
    """The request's Promptgit-Head is not written as answers have it."""

    code = "malformed_head"
    sentence = "The Promptgit-Head is not '<number>-<commit>'. Send back what an answer had, or leave it out."


@dataclass(eq=False)
class HeadLost(PromptgitError):
    """The commit that the request's Promptgit-Head names is not in the first-parent history of `main` at that place."""

    code = "head_lost"
    sentence = (
        "The commit {self.commit!r} is not in the first-parent history of main at that place: main was rewritten. "
        "Leave the Promptgit-Head out, and read again what you know."
    )
    commit: str


@dataclass(eq=False)
class PromptDeleted(PromptgitError):
    """The prompt was deleted; its versions remain."""

    code = "prompt_deleted"
    sentence = (
        "{self.name!r} was deleted at {self.when:%Y-%m-%dT%H:%M:%SZ}. "
        "Its versions can still be read; revert to one of them to bring it back."
    )
    prompt_id: str
    name: str
    newest: int
    when: datetime


@dataclass(eq=False)
class Invalid(PromptgitError):
    """A field breaks a rule."""

    code = "invalid"
    sentence = "The {self.field} {self.reason}."
    field: str
    reason: str


@dataclass(eq=False)
class InvalidName(Invalid):
    """A name breaks a rule.

    It is *character* at *place* (1 is the first) where one character is to blame.
    """

    code = "invalid_name"
    field: str = dataclasses.field(default="name", init=False)
    character: str | None = None
    place: int | None = None


@dataclass(eq=False)
class ContentTooLarge(PromptgitError):
    """The content has more bytes in UTF-8 than the service takes."""

    code = "content_too_large"
    sentence = (
        "The content has {self.size:,} bytes, and {self.limit:,} are the most. "
        "Shorten it, or raise PROMPTGIT_MAX_CONTENT_BYTES."
    )
    size: int
    limit: int


@dataclass(eq=False)
class NameTaken(PromptgitError):
    """Another prompt has this name, or one that a clone cannot hold together with it.

    *prompt_id* is that prompt's; None: it would get the name *taken* by the same request.
    """

    code = "name_taken"
    name: str
    taken: str
    prompt_id: str | None

    def __str__(self) -> str:
        if self.prompt_id is None:
            return (
                f"The name {self.name!r} cannot stand beside {self.taken!r}, which another change of this request "
                "gives. Choose another."
            )
        if self.name == self.taken:
            return (
                f"The name {self.name!r} is taken by the prompt {self.prompt_id}. Choose another, or save to that one."
            )
        return (
            f"The name {self.name!r} cannot stand beside {self.taken!r} (the prompt {self.prompt_id}) "
            "in a clone on every system. Choose another."
        )


@dataclass(eq=False)
class PathBlocked(PromptgitError):
    """A file cannot be written at its path: something else lies there, or git could not check it out.

    *reason* is the end of a sentence that begins with the path; None: something else lies there.
    """

    code = "path_blocked"
    path: str
    reason: str | None = None

    def __str__(self) -> str:
        if self.reason is None:
            return f"Something else lies at {self.path!r} in the repository. Choose another name."
        return f"The path {self.path!r} {self.reason}. Nothing was written; rename the prompt, or repair it with git."


@dataclass(eq=False)
class Unresolvable(PromptgitError):
    """The prompt's references cannot be replaced: one leads to no text, or in a circle, or there are too many."""

    code = "unresolvable"
    sentence = "{self.name!r} {self.reason}. Change the prompt, or read it without its references resolved."
    name: str
    reason: str


@dataclass(eq=False)
class Referenced(PromptgitError):
    """Other prompts refer to the prompt, or to the label, that would go: their references would lead nowhere.

    Nothing was written. *label* is None where the prompt itself would go; *by* are the names of the others, sorted.
    """

    code = "referenced"
    name: str
    label: str | None
    by: Sequence[str]

    def __str__(self) -> str:
        what = f"The label {self.label!r} of {self.name!r}" if self.label else f"{self.name!r}"
        shown = ", ".join(map(repr, self.by[:3])) + (f" and {len(self.by) - 3:,} more" if len(self.by) > 3 else "")
        return (
            f"{what} is referred to by {shown}, whose references would lead nowhere, so nothing was written. "
            "Change these first, in the same commit if you like, or say force."
        )


@dataclass(eq=False)
class StaleVersion(PromptgitError):
    """The prompt gained a version after the one that the caller had seen.

    Nothing was written: read *current*, merge, save again.
    """

    code = "stale_version"
    sentence = (
        "{self.name!r} is at version {self.current}, which is not the one that If-Match names. "
        "Read it, merge, and save again."
    )
    name: str
    current: int


class KeyReused(PromptgitError):
    """The Idempotency-Key was used for another request in the last 24 hours. Nothing was written."""

    code = "key_reused"
    sentence = (
        "This Idempotency-Key was used for another request in the last 24 hours. Send a new key with each write; "
        "only a repeat of the very same request has the same one."
    )


class WeakETag(StaleVersion):
    """If-Match names the newest version, but by a weak ETag, which never matches in If-Match (RFC 9110, 13.1.1).

    Nothing was written.
    """

    code = "weak_etag"
    sentence = (
        'If-Match has a weak ETag (W/"..."), and a write takes a strong one (RFC 9110, 13.1.1). A proxy that '
        'compresses answers makes ETags weak: send the version\'s number instead, If-Match: "{self.current}", '
        "or let the proxy leave /api uncompressed."
    )


@dataclass(eq=False)
class Untranslatable(PromptgitError):
    """The prompt cannot be told in the form of the program that asks, which would use it with another meaning."""

    code = "untranslatable"
    sentence = "This prompt cannot be given to LiteLLM: {self.reason}."
    reason: str
