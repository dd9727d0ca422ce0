"""What is refused of git's protocol."""

from __future__ import annotations

from promptgit.errors.base import PromptgitError, Unavailable


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
