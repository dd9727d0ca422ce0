"""Who looks at a page, and what they may do; the one place that decides it for all pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app
from flask_wtf import CSRFProtect
from werkzeug.exceptions import Forbidden

from promptgit.domain.models import Author

csrf = CSRFProtect()
"""Knows a form that came from a page of ours, by a token that the person's cookie signs."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a browser; *identity* is None where nobody needs a credential.

    *may_move* are the protected labels that they may move; None: all.
    """

    identity: Author | None
    may_read: bool
    may_write: bool
    may_move: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Door:
    """What the application that the pages are part of knows of the request that is being answered.

    `who_asks` sends it. `sign_in` gives the ticket of a token's secret, or raises why not; None: nobody needs one.
    `resume` lets in who brings a ticket; False: that of a token that works no more.
    """

    who_asks: Callable[[], Person]
    sign_in: Callable[[str], str | None]
    resume: Callable[[str], bool]


def door() -> Door:
    """The door that the pages were registered with."""
    found: Door = current_app.extensions["promptgit.web.door"]
    return found


def person() -> Person:
    """Who sends this request."""
    return door().who_asks()


def expect_writer() -> None:
    """Refuse somebody who may only read.

    Raises:
        Forbidden
    """
    if not person().may_write:
        raise Forbidden("You may read here, but not write.")
