"""Signing in: with a token, given once, or with an account at an OpenID provider; for a session of a browser.

Whom a trusted proxy names in each request needs no session.

The session's cookie holds a ticket, which the gate checks at every request: that of a token ends with it, that of an
account with its session. Cookies count on pages alone, so the API needs no protection against forged requests.
"""

from __future__ import annotations

import re
from dataclasses import asdict

from flask import Flask, Request, flash, redirect, render_template, request, session, url_for
from flask import Response as FlaskResponse
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from promptgit.auth import people
from promptgit.auth.people import Attempt, MustAskAgain
from promptgit.errors import ProviderUnavailable, SignInRefused
from promptgit.http.web import access, forms
from promptgit.http.web.forms import Answer, Refusal, field, is_sent
from promptgit.http.web.pages import blueprint, is_asked_for

_TICKET, _SECURE, _ATTEMPTS = "ticket", "secure", "attempts"
_MOST_ATTEMPTS = 3  # that a browser keeps, as for tabs: a cookie has 4 KB
_MOST_NEXT = 400  # characters of an address that is kept in the cookie
# A path of this service. Browsers take a backslash for a slash, drop tabs and newlines, and leave after two slashes.
# Who signs in or out need not be known.
_DOORS = {f"{blueprint.name}.{name}" for name in ("sign_in", "sign_out", "leave", "come_back")}
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


def resume() -> Response | None:
    """Admit a person who has signed in, here or at a trusted proxy, on pages alone; called before each request.

    The answer, if there is one, sends the browser to the provider, which says what the person may do now.
    """
    if not is_asked_for() or request.endpoint == f"{blueprint.name}.static":
        return None
    try:
        if access.door().vouch():
            return None
    except SignInRefused:
        if request.endpoint not in _DOORS:  # a token would do
            raise
    ticket = session.get(_TICKET)
    try:
        if ticket is None or access.door().resume(ticket):
            return None
    except (MustAskAgain, ProviderUnavailable) as error:
        if request.endpoint in _DOORS:
            return None
        if isinstance(error, ProviderUnavailable):
            raise
        # What is sent is refused: the browser could not send it again.
        return _leave(_here(), silent=True) if request.method == "GET" else None
    session.clear()
    flash(
        "You were signed out: your session has ended."
        if ticket.startswith(people.PREFIX)
        else "You were signed out: your token was revoked, or has expired."
    )
    return None


def to_sign_in() -> Response:
    """Redirect to the page that asks for a token, and from there back to this address."""
    return redirect(url_for("web.sign_in", next=_here()), 303)


def _here() -> str:
    return request.script_root + request.full_path.removesuffix("?")


def _next() -> str:
    """Where to go after signing in: an address of this service, whatever the query says."""
    asked = request.args.get("next", "")
    return asked if _OWN.fullmatch(asked) else url_for("web.index")


def _page(refusal: Refusal | None = None, following: str | None = None) -> str:
    return render_template("web/sign-in.html", refusal=refusal, door=access.door(), following=following or _next())


def _leave(following: str, *, silent: bool) -> Response:
    """Send the browser to the provider, and remember what for."""
    is_kept = _OWN.fullmatch(following) and len(following) <= _MOST_NEXT
    address, attempt = access.door().leave(following if is_kept else url_for("web.index"), silent)
    if access.door().is_secure:  # the provider sends the browser there, whatever it came by
        session[_SECURE] = True
    session[_ATTEMPTS] = [*session.get(_ATTEMPTS, ()), asdict(attempt)][-_MOST_ATTEMPTS:]
    return redirect(address, 303)


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


def _expect_provider() -> None:
    """Refuse what is only there where people have accounts.

    Raises:
        NotFound
    """
    if access.door().provider is None:
        raise NotFound


@blueprint.get("/sign-in/account")
def leave() -> Answer:
    """Go to the provider, to sign in with an account there."""
    _expect_provider()
    with forms.own(_page):
        return _leave(_next(), silent=False)


@blueprint.get("/sign-in/callback")
def come_back() -> Answer:
    """Begin a session, or renew it, with what the provider says. Each attempt is good for one answer."""
    _expect_provider()
    kept = [Attempt(**one) for one in session.get(_ATTEMPTS, ())]
    attempt = next((one for one in kept if one.state == request.args.get("state")), None)
    session[_ATTEMPTS] = [asdict(one) for one in kept if one is not attempt]
    following = attempt.following if attempt else url_for("web.index")
    if attempt is None and _TICKET in session:  # who goes back with the browser's button is signed in
        return redirect(following, 303)
    with forms.own(lambda refusal: _page(refusal, following)):
        answer = {name: request.args[name] for name in ("code", "error", "iss") if name in request.args}
        ticket = access.door().come_back(attempt, answer, session.get(_TICKET))
        if ticket != session.get(_TICKET):
            session.clear()  # others may know the session from before
            session[_TICKET] = ticket
            session[_SECURE] = access.door().is_secure
        return redirect(following, 303)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session."""
    with forms.own(_page):
        if _TICKET in session:
            access.door().sign_out(session[_TICKET])
        session.clear()
        flash("You are signed out.")
        return redirect(url_for("web.sign_in"), 303)
