"""What is refused of git's protocol."""

from __future__ import annotations

from dataclasses import dataclass

from promptgit.errors.base import PromptgitError, Unavailable


@dataclass(eq=False)
class ClonesBusy(Unavailable):
    """As many clones and fetches as may run at once are under way."""

    code = "clones_busy"
    retry_after = 5
    sentence = "{self.most} clones or fetches are under way, and that is the most (PROMPTGIT_GIT_CLONES). Try again."
    most: int


class PushRefused(PromptgitError):
    """Somebody pushes over HTTP."""

    code = "push_refused"
    sentence = "This repository is read only: nothing can be pushed. Save prompts through the API at /api/prompts."


class SmartProtocolOnly(PromptgitError):
    """What is asked for is not of git's smart protocol for reading."""

    code = "smart_protocol_only"
    sentence = "Only git's smart HTTP protocol is served here: 'git clone' the address that ends in /prompts.git."


@dataclass(eq=False)
class MalformedGitRequest(PromptgitError):
    """A request of git's protocol that cannot be understood."""

    code = "malformed_git_request"
    sentence = "The git client's request {self.reason}."
    reason: str


@dataclass(eq=False)
class GitRequestTooLarge(PromptgitError):
    """A git client asks for too much at once; *limit* is in bytes, unpacked."""

    code = "git_request_too_large"
    sentence = "The git client's request has more than {self.limit:,} bytes. Fetch all with a plain 'git clone'."
    limit: int
