"""What is refused of prompts and their versions."""

from __future__ import annotations

from datetime import datetime

from promptgit.errors.base import PromptgitError


class PromptNotFound(PromptgitError):
    """No prompt has this id (or, to a client, this name).

    *advice* says where an id was asked for what to do; a client and the commands take names as well.
    """

    code = "prompt_not_found"

    def __init__(self, prompt_id: str, advice: str = "") -> None:
        super().__init__(prompt_id, advice)
        self.prompt_id, self.advice = prompt_id, advice

    def __str__(self) -> str:
        what = "id" if self.advice else "name or id"
        return f"No prompt has the {what} {self.prompt_id[:200]!r}. {self.advice or 'List the prompts to find it.'}"


class NameNotFound(PromptgitError):
    """No prompt has this name."""

    code = "name_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"No prompt has the name {self.name[:200]!r}. List the prompts to find it."


class VersionNotFound(PromptgitError):
    """The prompt has no version of this number."""

    code = "version_not_found"

    def __init__(self, name: str, number: str, newest: int) -> None:
        super().__init__(name, number, newest)
        self.name, self.number, self.newest = name, number, newest

    def __str__(self) -> str:
        return f"{self.name!r} has no version {self.number[:40]}: its versions are 1 to {self.newest}."


class LabelNotFound(PromptgitError):
    """The prompt has no such label."""

    code = "label_not_found"

    def __init__(self, name: str, label: str) -> None:
        super().__init__(name, label)
        self.name, self.label = name, label

    def __str__(self) -> str:
        return f"{self.name!r} has no label {self.label!r}."


class CommitNotFound(PromptgitError):
    """The commit is not in the first-parent history of `main`: it never was, or `main` was rewritten."""

    code = "commit_not_found"

    def __init__(self, commit: str) -> None:
        super().__init__(commit)
        self.commit = commit

    def __str__(self) -> str:
        return (
            f"The commit {self.commit[:60]!r} is not in the first-parent history of main. "
            "Begin anew, without 'after', and take what comes for all there is."
        )


class MalformedHead(PromptgitError):
    """The request's Promptgit-Head is not written as answers have it."""

    code = "malformed_head"

    def __str__(self) -> str:
        return "The Promptgit-Head is not '<number>-<commit>'. Send back what an answer had, or leave it out."


class HeadLost(PromptgitError):
    """The commit that the request's Promptgit-Head names is not in the first-parent history of `main` at that place."""

    code = "head_lost"

    def __init__(self, commit: str) -> None:
        super().__init__(commit)
        self.commit = commit

    def __str__(self) -> str:
        return (
            f"The commit {self.commit!r} is not in the first-parent history of main at that place: main was rewritten. "
            "Leave the Promptgit-Head out, and read again what you know."
        )


class PromptDeleted(PromptgitError):
    """The prompt was deleted; its versions remain."""

    code = "prompt_deleted"

    def __init__(self, prompt_id: str, name: str, newest: int, when: datetime) -> None:
        super().__init__(prompt_id, name, newest, when)
        self.prompt_id, self.name, self.newest, self.when = prompt_id, name, newest, when

    def __str__(self) -> str:
        return (
            f"{self.name!r} was deleted at {self.when:%Y-%m-%dT%H:%M:%SZ}. "
            "Its versions can still be read; revert to one of them to bring it back."
        )


class Invalid(PromptgitError):
    """A field breaks a rule."""

    code = "invalid"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field, self.reason = field, reason

    def __str__(self) -> str:
        return f"The {self.field} {self.reason}."


class InvalidName(Invalid):
    """A name breaks a rule.

    It is *character* at *place* (1 is the first) where one character is to blame.
    """

    code = "invalid_name"

    def __init__(self, reason: str, character: str | None = None, place: int | None = None) -> None:
        super().__init__("name", reason)
        self.args = (reason, character, place)
        self.character, self.place = character, place


class ContentTooLarge(PromptgitError):
    """The content has more bytes in UTF-8 than the service takes."""

    code = "content_too_large"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size, self.limit = size, limit

    def __str__(self) -> str:
        return (
            f"The content has {self.size:,} bytes, and {self.limit:,} are the most. "
            "Shorten it, or raise PROMPTGIT_MAX_CONTENT_BYTES."
        )


class NameTaken(PromptgitError):
    """Another prompt has this name, or one that a clone cannot hold together with it."""

    code = "name_taken"

    def __init__(self, name: str, taken: str, prompt_id: str) -> None:
        super().__init__(name, taken, prompt_id)
        self.name, self.taken, self.prompt_id = name, taken, prompt_id

    def __str__(self) -> str:
        if self.name == self.taken:
            return (
                f"The name {self.name!r} is taken by the prompt {self.prompt_id}. Choose another, or save to that one."
            )
        return (
            f"The name {self.name!r} cannot stand beside {self.taken!r} (the prompt {self.prompt_id}) "
            "in a clone on every system. Choose another."
        )


class PathBlocked(PromptgitError):
    """A file cannot be written at its path: something else lies there, or git could not check it out.

    *reason* is the end of a sentence that begins with the path; None: something else lies there.
    """

    code = "path_blocked"

    def __init__(self, path: str, reason: str | None = None) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        if self.reason is None:
            return f"Something else lies at {self.path!r} in the repository. Choose another name."
        return f"The path {self.path!r} {self.reason}. Nothing was written; rename the prompt, or repair it with git."


class StaleVersion(PromptgitError):
    """The prompt gained a version after the one that the caller had seen.

    Nothing was written: read *current*, merge, save again.
    """

    code = "stale_version"

    def __init__(self, name: str, current: int) -> None:
        super().__init__(name, current)
        self.name, self.current = name, current

    def __str__(self) -> str:
        return (
            f"{self.name!r} is at version {self.current}, which is not the one that If-Match names. "
            "Read it, merge, and save again."
        )


class KeyReused(PromptgitError):
    """The Idempotency-Key was used for another request in the last 24 hours. Nothing was written."""

    code = "key_reused"

    def __str__(self) -> str:
        return (
            "This Idempotency-Key was used for another request in the last 24 hours. Send a new key with each write; "
            "only a repeat of the very same request has the same one."
        )


class WeakETag(StaleVersion):
    """If-Match names the newest version, but by a weak ETag, which never matches in If-Match (RFC 9110, 13.1.1).

    Nothing was written.
    """

    code = "weak_etag"

    def __str__(self) -> str:
        return (
            'If-Match has a weak ETag (W/"..."), and a write takes a strong one (RFC 9110, 13.1.1). A proxy that '
            f'compresses answers makes ETags weak: send the version\'s number instead, If-Match: "{self.current}", '
            "or let the proxy leave /api uncompressed."
        )
