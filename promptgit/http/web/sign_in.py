"""Signing in: a token, given once, for a session of a browser.

The session's cookie holds the token's ticket, which the gate looks at in every request: a token that is revoked
or expires takes its sessions along. Cookies open pages alone, so the API needs nothing against forged requests.
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
    """Flask's sessions; the cookie of one that began over https goes nowhere else.

    Behind a proxy the request itself does not say how the browser sent it, and headers that a proxy adds are not
    believed. But the browser says on which origin it signs in, and it can only be wrong about itself.
    """

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002  # Flask's
        """Whether the cookie is for https alone."""
        return request.is_secure or bool(session.get(_SECURE))

    def get_cookie_path(self, app: Flask) -> str:  # noqa: ARG002  # Flask's
        """The prefix under which a proxy shows the service: other applications on its host do not get the cookie."""
        return request.script_root or "/"

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of the cookie that came; without one, as with the API's requests, no signer is made."""
        return super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: FlaskResponse) -> None:
        """Send the cookie, unless nobody asked for the session: the API's answers know of none."""
        if session.accessed or session.modified:
            super().save_session(app, session, response)


def resume() -> None:
    """Let in who has signed in, where a page is asked for; called before each request."""
    if not is_asked_for() or request.endpoint == f"{blueprint.name}.static":
        return
    ticket = session.get(_TICKET)
    if ticket is not None and not access.door().resume(ticket):
        session.clear()
        flash("You were signed out: your token was revoked, or has expired.")


def to_sign_in() -> Response:
    """Lead to the page that asks for a token, and from there back here."""
    return redirect(url_for("web.sign_in", next=request.script_root + request.full_path.removesuffix("?")), 303)


def _next() -> str:
    """Where to go from here: on this service, whatever the address says."""
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
        session.clear()  # whatever was there before may be known to others
        if ticket is not None:
            session[_TICKET] = ticket
            session[_SECURE] = request.is_secure or request.headers.get("Origin", "").startswith("https://")
        return redirect(_next(), 303)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session."""
    with forms.own(_page):
        session.clear()
        flash("You are signed out.")
        return redirect(url_for("web.sign_in"), 303)
