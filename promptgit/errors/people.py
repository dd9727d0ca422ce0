"""Who cannot sign in with an account, and why."""

from __future__ import annotations

from dataclasses import dataclass

from promptgit.errors.base import PromptgitError, Unavailable


@dataclass(eq=False)
class SignInRefused(PromptgitError):
    """The OpenID provider's answer lets nobody in; *reason* is a sentence that says what to do."""

    code = "sign_in_refused"
    sentence = "{self.reason}"
    reason: str


@dataclass(eq=False)
class ProviderUnavailable(Unavailable):
    """The OpenID provider could not be asked, or what it said could not be understood."""

    code = "provider_unavailable"
    sentence = (
        "{self.issuer}, which knows the people who sign in here, cannot be asked now: {self.reason}. Try again in a "
        "minute; tokens work meanwhile."
    )
    issuer: str
    reason: str


@dataclass(eq=False)
class UserHeaderRefused(PromptgitError):
    """The header by which a proxy says who somebody is can be understood in more than one way."""

    code = "user_header_refused"
    sentence = (
        "The header {self.header}, in which the proxy says who you are, {self.reason}. Have the proxy remove "
        "all such headers that clients send."
    )
    header: str
    reason: str


@dataclass(eq=False)
class PersonNotFound(PromptgitError):
    """Nobody who has signed in has this id or address."""

    code = "person_not_found"
    which: str

    def __str__(self) -> str:
        return f"Nobody with the id or the address {self.which[:200]!r} has signed in. List the people to find them."
