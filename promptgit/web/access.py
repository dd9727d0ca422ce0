"""Who looks at a page, and what they may do; the one place that decides it for all pages."""

from __future__ import annotations

from dataclasses import dataclass

from flask_wtf import CSRFProtect
from werkzeug.exceptions import Forbidden

csrf = CSRFProtect()
"""Knows a form that came from a page of ours, by a token that the person's cookie signs."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a browser; *name* is None while nobody has to sign in."""

    name: str | None
    may_write: bool


def person() -> Person:
    """Who sends this request. Everybody may write where there are no tokens."""
    return Person(None, may_write=True)


def expect_writer() -> None:
    """Refuse somebody who may only read.

    Raises:
        Forbidden
    """
    if not person().may_write:
        raise Forbidden("You may read here, but not write.")
