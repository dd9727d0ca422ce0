"""Forms: what a person sent is never lost, whatever is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import flash, g, request, session
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from promptgit import errors
from promptgit.domain.models import Author, Prompt
from promptgit.http.web import access
from promptgit.service.checks import Precondition
from promptgit.service.writes import Attribution

_KEPT = 120  # characters: a cookie of more than 4 KB would not come back
_FAULT = "Something went wrong here; nothing that you sent is to blame. The server's log says more. Try again."
_FORGED = "This page is not of this session any more, or cookies are switched off. Look through it, and send it again."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a form was refused: a message next to a field, or above all fields; and the prompt that is in the way."""

    field: str | None
    message: str
    prompt_id: str | None = None


def refusal(error: Exception) -> Refusal:
    """What a person is told of an error."""
    match error:
        case errors.Invalid(field=field):
            return Refusal(field, f"{error}")
        case errors.ContentTooLarge():
            return Refusal("content", f"{error}")
        case errors.NameTaken(prompt_id=prompt_id):
            return Refusal("name", f"{error}", prompt_id)
        case errors.PathBlocked():
            return Refusal("name", f"{error}")
        case errors.StaleVersion(current=current):
            return Refusal(None, f"Somebody saved version {current} after you opened this page.")
        case errors.LabelProtected():
            return Refusal("label", f"{error}")
        case errors.VersionNotFound():
            return Refusal("version_number", f"{error}")
        case errors.Unauthenticated() | errors.TooManyFailures():
            return Refusal("token", f"{error}")
        case errors.PromptgitError():
            return Refusal(None, f"{error}")
        case CSRFError():
            return Refusal(None, _FORGED)
        case HTTPException(description=str(description)):
            return Refusal(None, description)
        case _:
            return Refusal(None, _FAULT)


@contextmanager
def showing(page: Callable[[Refusal], str]) -> Iterator[None]:
    """Refuse who may not write, and have every error inside shown on *page*: the form, as it was sent."""
    with own(page):
        access.expect_writer()
        yield


@contextmanager
def own(page: Callable[[Refusal], str]) -> Iterator[None]:
    """Refuse a form that is none of ours, and have every error inside shown on *page*."""
    try:
        access.csrf.protect()
        yield
    except Exception as error:
        g.page = page(refusal(error))
        raise


def field(name: str) -> str:
    """A field of the form that was sent, with LF as line ends; empty if it is missing."""
    return request.form.get(name, "").replace("\r\n", "\n")


def attribution(*, if_match: Precondition | None = None) -> Attribution:
    """Why and by whom; the name is kept for the next form."""
    person = access.person()
    if (identity := person.identity) is not None:
        return Attribution(field("description"), identity, if_match, identity, person.may_move)
    name, email = (field(key).strip() for key in ("author.name", "author.email"))
    if len(name + email) <= _KEPT:
        session["author"] = [name, email]
    author = Author(name, email) if name or email else None
    return Attribution(field("description"), author, if_match, None, person.may_move)


def seen() -> Precondition:
    """That the prompt's newest version is the one that the page showed."""
    commit = field("commit")
    return lambda prompt: prompt.newest.commit == commit


def done(message: str) -> None:
    """Tell it on the next page."""
    flash(message)


def shortened(prompt: Prompt) -> str:
    """A prompt's name for a message, which is kept in a cookie."""
    return prompt.name if len(prompt.name) <= 100 else f"{prompt.name[:99]}…"
