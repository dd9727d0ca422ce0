"""Who is refused, and what of tokens."""

from __future__ import annotations

from promptgit.errors.base import PromptgitError


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


class LabelProtected(PromptgitError):
    """The label is protected, and the caller may not move it."""

    code = "label_protected"

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label

    def __str__(self) -> str:
        return (
            f"The label {self.label!r} is protected. To move or remove it, or to delete a prompt that has it, takes a "
            f"token that was made with '--may-move {self.label}', or one of the scope 'admin'."
        )


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


class MalformedHost(PromptgitError):
    """The request does not say with exactly one `Host` header which host it is for."""

    code = "malformed_host"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The Host header {self.reason}. HTTP/1.1 takes exactly one (RFC 9112, section 3.2)."


class CrossOrigin(PromptgitError):
    """A browser sends the request for a page of another origin."""

    code = "cross_origin"

    def __str__(self) -> str:
        return (
            "A page of another origin asks for this, and only pages of this service may. If its host and port are this "
            "service, put them into PROMPTGIT_ALLOWED_HOSTS; if its pages may use the API, put the origin into "
            "PROMPTGIT_CORS_ORIGINS."
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
    """The tokens cannot be read, were lost, or are required and were never made; until then nobody is let in."""

    code = "unusable_tokens"

    def __init__(self, path: str, reason: str, remedy: str = "Mend the file, or its owner") -> None:
        super().__init__(path, reason, remedy)
        self.path, self.reason, self.remedy = path, reason, remedy

    def __str__(self) -> str:
        return f"The tokens in {self.path} cannot be read: {self.reason}. {self.remedy}."
