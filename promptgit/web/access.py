"""Who looks at a page, and what they may do; the one place that decides it for all pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app
from flask_wtf import CSRFProtect
from werkzeug.exceptions import Forbidden

from promptgit.models import Author

csrf = CSRFProtect()
"""Knows a form that came from a page of ours, by a token that the person's cookie signs."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a browser; *identity* is None where nobody needs a credential."""

    identity: Author | None
    may_write: bool


WhoAsks = Callable[[], Person]
"""Who sends the request that is being answered."""


def person() -> Person:
    """Who sends this request, as the application that the pages are part of knows them."""
    who_asks: WhoAsks = current_app.extensions["promptgit.web.person"]
    return who_asks()


def expect_writer() -> None:
    """Refuse somebody who may only read.

    Raises:
        Forbidden
    """
    if not person().may_write:
        raise Forbidden("You may read here, but not write.")
