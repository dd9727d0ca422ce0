"""The page of those who have signed in with an account, for administrators."""

from __future__ import annotations

from collections import Counter

from flask import current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from promptgit.auth import personal
from promptgit.auth.people import People
from promptgit.http.api.tokens import all_tokens
from promptgit.http.web import access, forms
from promptgit.http.web.forms import Refusal
from promptgit.http.web.pages import blueprint
from promptgit.store.access_log import who


def _people() -> People:
    found: People = current_app.extensions["promptgit.people"]
    return found


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _page(refusal: Refusal | None = None) -> str:
    now = _people().clock()
    working = Counter(personal.person_of(token) for token in all_tokens().all() if token.state(now) == "active")
    values = {"found": _people().all(), "tokens": working, "counted": _counted, "door": access.door()}
    return render_template("web/people.html", refusal=refusal, **values)


@blueprint.get("/people")
def people() -> str:
    """Who has signed in, what they may do, and when they were here last."""
    return _page()


@blueprint.post("/people/<person_id>/end")
def end_sessions(person_id: str) -> Response:
    """End all sessions and own tokens of a person."""
    with forms.own(_page):
        someone = access.person()
        by = who(someone.rights, someone.identity)
        account, sessions, tokens = personal.end_all(person_id, _people(), all_tokens(), by=by)
        ended = f"{_counted(sessions, 'session')} and {_counted(tokens, 'token')} ended"
        flash(f"{account.name} is signed out everywhere: {ended}.")
        return redirect(url_for("web.people"), 303)
