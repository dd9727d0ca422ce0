"""The page of those who have signed in with an account, for administrators."""

from __future__ import annotations

from flask import current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from promptgit.auth.people import People
from promptgit.http.web import access, forms
from promptgit.http.web.forms import Refusal
from promptgit.http.web.pages import blueprint
from promptgit.store.access_log import who


def _people() -> People:
    found: People = current_app.extensions["promptgit.people"]
    return found


def _page(refusal: Refusal | None = None) -> str:
    return render_template("web/people.html", found=_people().all(), door=access.door(), refusal=refusal)


@blueprint.get("/people")
def people() -> str:
    """Who has signed in, what they may do, and when they were here last."""
    return _page()


@blueprint.post("/people/<person_id>/end")
def end_sessions(person_id: str) -> Response:
    """End all sessions of a person."""
    with forms.own(_page):
        someone = access.person()
        account, count = _people().end_all(person_id, by=who(someone.rights, someone.identity))
        ended = "one session has" if count == 1 else f"{count} sessions have"
        flash(f"{account.name} is signed out everywhere: {ended} ended.")
        return redirect(url_for("web.people"), 303)
