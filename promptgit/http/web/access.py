"""Who uses the pages, and what that person may do; all pages ask here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app
from flask_wtf import CSRFProtect
from werkzeug.exceptions import Forbidden

from promptgit.domain.models import Author, Prompt
from promptgit.domain.rights import Rights
from promptgit.errors import OutsidePrefix

csrf = CSRFProtect()
"""Checks that a form came from a page of ours: it has a token that belongs to the cookie of the session."""


@dataclass(frozen=True, slots=True)
class Person:
    """The person at the browser; *identity* is None where no token is needed.

    *rights* are those of their token.
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
    and raises a refusal; `sign_out` notes the end of a session. `resume` admits the holder of a ticket; False: its
    token was revoked, or has expired.
    """

    who_asks: Callable[[], Person]
    sign_in: Callable[[str], str | None]
    sign_out: Callable[[], None]
    resume: Callable[[str], bool]


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
