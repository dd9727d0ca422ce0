"""Forms: a refusal shows the form again with all that the person has typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from uuid import UUID

from flask import g, redirect, render_template, request, session, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from promptgit import errors
from promptgit.domain.models import Author, Prompt
from promptgit.http.web import access
from promptgit.http.web.pages import blueprint, service
from promptgit.service.checks import Precondition
from promptgit.service.writes import Attribution

Answer = str | Response
_KEPT = 120  # characters of an author that the session keeps: browsers drop a cookie of more than 4 KB
_FAULT = "Something went wrong here; nothing that you sent is to blame. The server's log says more. Try again."
_FORGED = "This page is not of this session any more, or cookies are switched off. Look through it, and send it again."

_FIELDS: dict[type[Exception], str] = {
    errors.ContentTooLarge: "content",
    errors.LabelProtected: "label",
    errors.OutsidePrefix: "name",
    errors.PathBlocked: "name",
    errors.TokenNameTaken: "name",
    errors.TooManyFailures: "token",
    errors.Unauthenticated: "token",
    errors.VersionNotFound: "version_number",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a form was refused: a message next to *field*, or above all fields; *prompt_id* has the name already.

    *is_gated*: by the rules, which an administrator can override. *is_referenced*: by others, unless it is forced.
    *is_stale*: somebody has saved meanwhile.
    """

    field: str | None
    message: str
    prompt_id: str | None = None
    is_gated: bool = False
    is_referenced: bool = False
    is_stale: bool = False


def refusal(error: Exception) -> Refusal:
    """What a page shows of an error."""
    match error:
        case errors.Invalid(field=field):
            return Refusal(field, f"{error}")
        case errors.NameTaken(prompt_id=prompt_id):
            return Refusal("name", f"{error}", prompt_id)
        case errors.StaleVersion(current=current):
            return Refusal(None, f"Somebody saved version {current} after you opened this page.", is_stale=True)
        case errors.LabelGated():
            return Refusal(None, f"{error}", is_gated=True)
        case errors.Referenced():
            return Refusal(None, f"{error}", is_referenced=True)
        case errors.PromptgitError():
            return Refusal(_FIELDS.get(type(error)), f"{error}")
        case CSRFError():
            return Refusal(None, _FORGED)
        case HTTPException(description=str(description)):
            return Refusal(None, description)
        case _:
            return Refusal(None, _FAULT)


def form(rule: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Register a view for GET, which shows a form to a person who may write there, and for POST, which takes it."""

    def register(view: Callable[..., Answer]) -> Callable[..., Answer]:
        @blueprint.route(rule, methods=["GET", "POST"])
        @wraps(view)
        def shown_or_sent(**arguments: Any) -> Answer:
            if not is_sent():
                access.expect_writer()
                if "prompt_id" in arguments:
                    access.expect_writer(service().find(str(arguments["prompt_id"]))[0])
            return view(**arguments)

        return shown_or_sent

    return register


def is_sent() -> bool:
    """True if the person has sent the form, False if they ask for it."""
    return request.method == "POST"


def prompt_of(prompt_id: UUID) -> Prompt:
    """The prompt of a form. A deleted prompt has no form; sending one that was open before is refused on it."""
    return service().find(str(prompt_id))[0] if is_sent() else service().get(str(prompt_id))


def page(template: str, prompt: Prompt, refusal: Refusal | None = None, **values: Any) -> str:
    """A form for one prompt, with the description as it was sent."""
    return render_template(
        f"web/{template}.html", prompt=prompt, refusal=refusal, description=field("description"), **values
    )


def to_prompt(prompt: Prompt) -> Response:
    """Lead to the page of a prompt, after a form was accepted."""
    return redirect(url_for("web.prompt", prompt_id=prompt.id), 303)


@contextmanager
def showing(page: Callable[[Refusal], str], prompt: Prompt | None = None) -> Iterator[None]:
    """Refuse a person who may not write (to *prompt*), and show every error of the block on *page*: the sent form."""
    with own(page):
        access.expect_writer(prompt)
        yield


@contextmanager
def own(page: Callable[[Refusal], str]) -> Iterator[None]:
    """Refuse a form that is not from a page of ours, and show every error of the block on *page*."""
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
    """What the form says: description, author, whether to override a gate, or to force it.

    The author is kept for the next form.
    """
    person, override, force = access.person(), bool(field("override")), bool(field("force"))
    if (identity := person.identity) is not None:
        # No author: the committer, whose name may be longer than what a request may say.
        return Attribution(field("description"), None, if_match, identity, person.rights, override, force=force)
    name, email = (field(key).strip() for key in ("author.name", "author.email"))
    if len(name + email) <= _KEPT:
        session["author"] = [name, email]
    author = Author(name, email) if name or email else None
    return Attribution(field("description"), author, if_match, None, person.rights, override, force=force)


def seen() -> Precondition:
    """The prompt's newest version is still the one that the page showed."""
    commit = field("commit")
    return lambda prompt: prompt.newest.commit == commit


def shortened(prompt: Prompt) -> str:
    """A prompt's name for a message, which is kept in a cookie."""
    return prompt.name if len(prompt.name) <= 100 else f"{prompt.name[:99]}…"
