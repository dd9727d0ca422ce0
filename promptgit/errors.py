"""Every refusal, as a tree of exceptions that carry data. Nothing here knows HTTP.

    PromptgitError
     ├─ PromptNotFound, VersionNotFound
     ├─ PromptDeleted
     ├─ Invalid
     │   └─ InvalidName
     ├─ ContentTooLarge
     ├─ NameTaken, PathBlocked
     ├─ StaleVersion
     ├─ Unavailable
     │   ├─ LockTimeout, WriteContended
     │   ├─ IndexBusy
     │   ├─ NotReady
     │   └─ ClonesBusy
     ├─ PushRefused, SmartProtocolOnly
     ├─ MalformedGitRequest, GitRequestTooLarge
     ├─ StorageFull
     ├─ UnusableRepository
     ├─ Unauthenticated, TooManyFailures
     ├─ Forbidden, ForeignHost, CrossOrigin
     ├─ TokenNotFound, TokenNameTaken, UnusableTokens
     └─ BadLine

`code` is a fixed word per kind of error, `str()` a sentence that says what to do.
Arguments all go to `super().__init__`, so that every error pickles.
"""

from __future__ import annotations

from datetime import datetime


class PromptgitError(Exception):
    """What promptgit refuses, or cannot do."""

    code = "error"


class PromptNotFound(PromptgitError):
    """No prompt has this id."""

    code = "prompt_not_found"

    def __init__(self, prompt_id: str) -> None:
        super().__init__(prompt_id)
        self.prompt_id = prompt_id

    def __str__(self) -> str:
        return f"No prompt has the id {self.prompt_id[:60]!r}. List the prompts to find its id."


class VersionNotFound(PromptgitError):
    """The prompt has no version of this number."""

    code = "version_not_found"

    def __init__(self, name: str, number: str, newest: int) -> None:
        super().__init__(name, number, newest)
        self.name, self.number, self.newest = name, number, newest

    def __str__(self) -> str:
        return f"{self.name!r} has no version {self.number[:40]}: its versions are 1 to {self.newest}."


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
    """Another prompt has this name, or one that cannot stand beside it in a clone."""

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
    """A file or folder that is no prompt lies where the prompt's file would be."""

    code = "path_blocked"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"Something else lies at {self.path!r} in the repository. Choose another name."


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


class Unavailable(PromptgitError):
    """The service cannot do it now; nothing was written. Try again after *retry_after* seconds."""

    code = "unavailable"
    retry_after = 1


class LockTimeout(Unavailable):
    """The write lock was not had in time."""

    code = "write_lock_timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"Another writer held the write lock for {self.seconds:g} seconds. Nothing was written; try again."


class WriteContended(Unavailable):
    """Somebody who does not hold the write lock kept moving `main`."""

    code = "write_contended"

    def __str__(self) -> str:
        return "Others kept moving main, without the write lock. Nothing was written; try again."


class IndexBusy(Unavailable):
    """The index is being brought up to date by another process."""

    code = "index_busy"

    def __str__(self) -> str:
        return "The index is being rebuilt from git. Try again."


class NotReady(Unavailable):
    """Requests cannot be answered now; *reason* says why."""

    code = "not_ready"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"Not ready to serve: {self.reason.removesuffix('.')}."


class ClonesBusy(Unavailable):
    """As many clones and fetches as may run at once are under way."""

    code = "clones_busy"
    retry_after = 5

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most

    def __str__(self) -> str:
        return f"{self.most} clones or fetches are under way, and that is the most (PROMPTGIT_GIT_CLONES). Try again."


class PushRefused(PromptgitError):
    """Somebody pushes over HTTP."""

    code = "push_refused"

    def __str__(self) -> str:
        return "This repository is read only: nothing can be pushed. Save prompts through the API at /api/prompts."


class SmartProtocolOnly(PromptgitError):
    """What is asked for is not of git's smart protocol for reading."""

    code = "smart_protocol_only"

    def __str__(self) -> str:
        return "Only git's smart HTTP protocol is served here: 'git clone' the address that ends in /prompts.git."


class MalformedGitRequest(PromptgitError):
    """A request of git's protocol that cannot be understood."""

    code = "malformed_git_request"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The git client's request {self.reason}."


class GitRequestTooLarge(PromptgitError):
    """A git client asks for too much at once; *limit* is in bytes, unpacked."""

    code = "git_request_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"The git client's request has more than {self.limit:,} bytes. Fetch all with a plain 'git clone'."


class StorageFull(PromptgitError):
    """The disk is full. Nothing was written."""

    code = "storage_full"

    def __str__(self) -> str:
        return "The disk is full. Nothing was written; reads go on. Make room and try again."


class UnusableRepository(PromptgitError):
    """The folder holds no repository that can be opened."""

    code = "unusable_repository"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"The repository {self.path} cannot be used: {self.reason}"


class Unauthenticated(PromptgitError):
    """A token is needed, and none that is active was *presented*, or none at all."""

    code = "unauthenticated"

    def __init__(self, presented: bool) -> None:
        super().__init__(presented)
        self.presented = presented

    def __str__(self) -> str:
        if self.presented:
            return "No active token has this secret: it is wrong, was revoked, or has expired. Ask for another."
        return "A token is needed: send 'Authorization: Bearer pgt_...', or the token as the password with any user."


class TooManyFailures(PromptgitError):
    """Too many wrong tokens came from one address; a right one still works. Try after *retry_after* seconds."""

    code = "too_many_failures"

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"Too many wrong tokens came from your address. Correct it, and try again in {self.retry_after} seconds."


class Forbidden(PromptgitError):
    """The caller may not do this; *reason* says what to do."""

    code = "forbidden"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class ForeignHost(PromptgitError):
    """The request is for a host that is not this one."""

    code = "foreign_host"

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    def __str__(self) -> str:
        return (
            f"The host {self.host[:200]!r} is not served here. "
            "If it means this service, put it into PROMPTGIT_ALLOWED_HOSTS."
        )


class CrossOrigin(PromptgitError):
    """A browser sends the request for a page of another origin."""

    code = "cross_origin"

    def __str__(self) -> str:
        return (
            "A page of another origin asks for this, and only pages of this service may. "
            "If its host is this service, put it into PROMPTGIT_ALLOWED_HOSTS."
        )


class TokenNotFound(PromptgitError):
    """No token has this id, and no active one this name."""

    code = "token_not_found"

    def __init__(self, which: str) -> None:
        super().__init__(which)
        self.which = which

    def __str__(self) -> str:
        return f"No token has the id, and no active token the name {self.which[:60]!r}. List the tokens to find it."


class TokenNameTaken(PromptgitError):
    """An active token has this name."""

    code = "token_name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"An active token is named {self.name!r}. Choose another name, or revoke that token first."


class UnusableTokens(PromptgitError):
    """The file of the tokens cannot be read; until it can, nobody is let in."""

    code = "unusable_tokens"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"The tokens in {self.path} cannot be read: {self.reason}. Mend the file, or its owner."


class BadLine(PromptgitError):
    """A line of an import that cannot be taken; *number* counts from 1."""

    code = "bad_line"

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(number, reason)
        self.number, self.reason = number, reason

    def __str__(self) -> str:
        return f"Line {self.number}: {self.reason}"


class BackupRefused(PromptgitError):
    """A backup cannot be made there."""

    code = "backup_refused"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"No backup can be made at {self.path}: {self.reason}"


class SigningFailed(Unavailable):
    """The commit could not be signed."""

    code = "signing_failed"

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"Nothing can be signed with the key {self.key} (PROMPTGIT_SIGNING_KEY): {self.reason}."
