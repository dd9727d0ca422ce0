"""Signing in: a token, given once, for a session of a browser.

The session's cookie holds the token's ticket, which the gate checks at every request: when a token is revoked or
expires, its sessions end. Cookies count on pages alone, so the API needs no protection against forged requests.
"""

from __future__ import annotations

import re

from flask import Flask, Request, flash, redirect, render_template, request, session, url_for
from flask import Response as FlaskResponse
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from werkzeug.wrappers import Response

from promptgit.http.web import access, forms
from promptgit.http.web.forms import Answer, Refusal, field, is_sent
from promptgit.http.web.pages import blueprint, is_asked_for

_TICKET, _SECURE = "ticket", "secure"
# A path of this service. Browsers take a backslash for a slash, drop tabs and newlines, and leave after two slashes.
_OWN = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]{0,2000}")


class Sessions(SecureCookieSessionInterface):
    """Flask's sessions; the cookie of a session that began over https is sent over https alone.

    Behind a proxy the request does not say how the browser sent it, and headers that a proxy adds are not trusted here.
    But the browser sends its `Origin` when it signs in, and a false one harms its own session alone.
    """

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002  # Flask's
        """True if the cookie is for https alone."""
        return request.is_secure or bool(session.get(_SECURE))

    def get_cookie_path(self, app: Flask) -> str:  # noqa: ARG002  # Flask's
        """The prefix under which a proxy shows the service: other applications on its host do not get the cookie."""
        return request.script_root or "/"

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of the request's cookie; no signer is made without one, as in requests of the API."""
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: FlaskResponse) -> None:
        """Send the cookie if the view used the session, as no view of the API does."""
        if session.accessed or session.modified:
            super().save_session(app, session, response)


def resume() -> None:
    """Admit a person who has signed in, on pages alone; called before each request."""
    if not is_asked_for() or request.endpoint == f"{blueprint.name}.static":
        return
    ticket = session.get(_TICKET)
    if ticket is not None and not access.door().resume(ticket):
        session.clear()
        flash("You were signed out: your token was revoked, or has expired.")


def to_sign_in() -> Response:
    """Redirect to the page that asks for a token, and from there back to this address."""
    return redirect(url_for("web.sign_in", next=request.script_root + request.full_path.removesuffix("?")), 303)


def _next() -> str:
    """Where to go after signing in: an address of this service, whatever the query says."""
    asked = request.args.get("next", "")
    return asked if _OWN.fullmatch(asked) else url_for("web.index")


def _page(refusal: Refusal | None = None) -> str:
    return render_template("web/sign-in.html", refusal=refusal)


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Answer:
    """Begin a session with the token that the form asks for."""
    if not is_sent():
        return redirect(_next(), 303) if access.person().may_read else _page()
    with forms.own(_page):
        ticket = access.door().sign_in(field("token").strip())
        session.clear()  # others may know the session from before
        if ticket is not None:
            session[_TICKET] = ticket
            session[_SECURE] = request.is_secure or request.headers.get("Origin", "").startswith("https://")
        return redirect(_next(), 303)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session."""
    with forms.own(_page):
        if _TICKET in session:
            access.door().sign_out()
        session.clear()
        flash("You are signed out.")
        return redirect(url_for("web.sign_in"), 303)
