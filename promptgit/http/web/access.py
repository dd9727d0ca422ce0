"""Who uses the pages, and what that person may do; all pages ask here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import current_app
from flask_wtf import CSRFProtect
from werkzeug.exceptions import Forbidden

from promptgit.auth.people import Attempt
from promptgit.domain.models import Author, Prompt
from promptgit.domain.rights import Rights
from promptgit.errors import OutsidePrefix

csrf = CSRFProtect()
"""Checks that a form came from a page of ours: it has a token that belongs to the cookie of the session."""


@dataclass(frozen=True, slots=True)
class Person:
    """The person at the browser; *identity* is None where no token is needed.

    *rights* are those of their token, or of their account.
    """

    identity: Author | None
    may_read: bool
    may_write: bool
    rights: Rights

    def may_write_to(self, prompt: Prompt) -> bool:
        """True if this person may change *prompt*."""
        return self.may_write and self.rights.may_write_to(prompt.name)


@dataclass(frozen=True, slots=True)
class Door:
    """How the pages reach the access control of the application, for the request that is being answered.

    `who_asks` gives its sender. `sign_in` gives the ticket for the secret of a token, or None where no token is needed,
    and raises a refusal; `sign_out` ends the session with a ticket. `resume` admits the holder of a ticket; False: its
    token was revoked, or has expired, or the session of an account has ended.

    With accounts people `leave` for the address of their provider, silently or not, and `come_back` with its answer for
    a ticket, to go on to where the attempt says; the ticket that they have is renewed if they left silently.
    *provider* is what people call it; None: there is none. `vouch` admits whom a trusted proxy names in the header
    *proxy*; False: it names nobody, as where that is None. *is_secure*: browsers reach this service over https.
    """

    who_asks: Callable[[], Person]
    sign_in: Callable[[str], str | None]
    sign_out: Callable[[str], None]
    resume: Callable[[str], bool]
    leave: Callable[[str, bool], tuple[str, Attempt]]
    come_back: Callable[[Attempt | None, Mapping[str, str], str | None], str]
    vouch: Callable[[], bool]
    provider: str | None
    proxy: str | None
    is_secure: bool


def door() -> Door:
    """The door that the pages were registered with."""
    found: Door = current_app.extensions["promptgit.web.door"]
    return found


def person() -> Person:
    """Who sends this request."""
    return door().who_asks()


def expect_writer(prompt: Prompt | None = None) -> None:
    """Refuse somebody who may only read, or may not write to *prompt*.

    Raises:
        Forbidden, OutsidePrefix
    """
    someone = person()
    if not someone.may_write:
        raise Forbidden("You may read here, but not write.")
    if prompt is not None and not someone.may_write_to(prompt):
        raise OutsidePrefix(prompt.name, someone.rights.prefixes or ())
