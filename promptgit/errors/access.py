"""Who is refused, and what of tokens."""

from __future__ import annotations

from dataclasses import dataclass

from promptgit.errors.base import PromptgitError


@dataclass(eq=False)
class Unauthenticated(PromptgitError):
    """A token is needed, and none that is active was *presented*, or none at all."""

    code = "unauthenticated"
    presented: bool

    def __str__(self) -> str:
        if self.presented:
            return "No active token has this secret: it is wrong, was revoked, or has expired. Ask for another."
        return "A token is needed: send 'Authorization: Bearer pgt_...', or the token as the password with any user."


@dataclass(eq=False)
class TooManyFailures(PromptgitError):
    """Too many wrong tokens came from one address; a right one still works. Try after *retry_after* seconds."""

    code = "too_many_failures"
    sentence = "Too many wrong tokens came from your address. Correct it, and try again in {self.retry_after} seconds."
    retry_after: int


@dataclass(eq=False)
class Forbidden(PromptgitError):
    """The caller may not do this; *reason* says what to do."""

    code = "forbidden"
    sentence = "{self.reason}"
    reason: str


@dataclass(eq=False)
class LabelProtected(PromptgitError):
    """The label is protected, and the caller may not move it."""

    code = "label_protected"
    sentence = (
        "The label {self.label!r} is protected. To move or remove it, or to delete a prompt that has it, takes a "
        "token that was made with '--may-move {self.label}', or one of the scope 'admin'."
    )
    label: str


@dataclass(eq=False)
class OutsidePrefix(PromptgitError):
    """The token writes only below its prefixes, and the prompt is elsewhere; its *name* is None if it would get one."""

    code = "outside_prefix"
    name: str | None
    prefixes: tuple[str, ...]

    def __str__(self) -> str:
        where = " and ".join(map(repr, self.prefixes)) or "no prefix at all"
        what = "a prompt without a name, which gets a UUID," if self.name is None else f"{self.name!r}"
        return f"This token writes only below {where}, and {what} is not there. It takes another token."


@dataclass(eq=False)
class ForeignHost(PromptgitError):
    """The request is for a host that is not this one."""

    code = "foreign_host"
    host: str

    def __str__(self) -> str:
        return (
            f"The host {self.host[:200]!r} is not served here. "
            "If it means this service, put it into PROMPTGIT_ALLOWED_HOSTS."
        )


@dataclass(eq=False)
class MalformedHost(PromptgitError):
    """The request does not say with exactly one `Host` header which host it is for."""

    code = "malformed_host"
    sentence = "The Host header {self.reason}. HTTP/1.1 takes exactly one (RFC 9112, section 3.2)."
    reason: str


class CrossOrigin(PromptgitError):
    """A browser sends the request for a page of another origin."""

    code = "cross_origin"
    sentence = (
        "A page of another origin asks for this, and only pages of this service may. If its host and port are this "
        "service, put them into PROMPTGIT_ALLOWED_HOSTS; if its pages may use the API, put the origin into "
        "PROMPTGIT_CORS_ORIGINS."
    )


@dataclass(eq=False)
class TokenNotFound(PromptgitError):
    """No token has this id, and no active one this name."""

    code = "token_not_found"
    which: str

    def __str__(self) -> str:
        return f"No token has the id, and no active token the name {self.which[:60]!r}. List the tokens to find it."


@dataclass(eq=False)
class TokenNameTaken(PromptgitError):
    """A token has, or had, this name, or its address as git's committer."""

    code = "token_name_taken"
    sentence = (
        "No token can be named {self.name!r}: {self.other!r} has, or had, that name or its address {self.address!r}, "
        "and neither is given again. Choose another name."
    )
    name: str
    other: str
    address: str


@dataclass(eq=False)
class UnusableTokens(PromptgitError):
    """The tokens cannot be read, were lost, or are required and were never made; until then nobody is let in."""

    code = "unusable_tokens"
    sentence = "The tokens in {self.path} cannot be read: {self.reason}. {self.remedy}."
    path: str
    reason: str
    remedy: str = "Fix the file, or its owner"
