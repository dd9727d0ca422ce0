"""The page of somebody's own tokens; administrators see all tokens there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import current_app, flash, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from promptgit.auth import personal
from promptgit.auth.accounts import Account
from promptgit.auth.people import People
from promptgit.auth.tokens import Scope, Token
from promptgit.domain.rights import PERSON
from promptgit.errors import ManagedElsewhere, TokenNotFound
from promptgit.http.api.tokens import all_tokens, own_tokens
from promptgit.http.web import access, forms
from promptgit.http.web.forms import Answer, Refusal, field, is_sent
from promptgit.http.web.pages import blueprint, number_in
from promptgit.store.access_log import who

_DAYS = (7, 30, personal.MOST_DAYS)


@dataclass(frozen=True, slots=True)
class _Row:
    """A token in a list, with what it may do now; *works* is False while its person is not let in. Times are in UTC."""

    token: Token
    works: bool
    state: str
    made: datetime
    until: datetime | None


def _people() -> People:
    found: People = current_app.extensions["promptgit.people"]
    return found


def _account() -> Account | None:
    """The person who asks, as they were last let in; None: a token asks, or nobody in particular."""
    rights = access.person().rights
    if rights.credential is None or not rights.is_person:
        return None
    return _people().account(rights.credential.removeprefix(PERSON).partition(".")[0])


def _rows(tokens: list[Token]) -> list[_Row]:
    """The tokens, newest first."""
    bound, now = personal.bound_by(_people()), datetime.now(UTC).timestamp()

    def row(token: Token) -> _Row:
        made = datetime.fromtimestamp(token.created, UTC)
        until = None if token.expires is None else datetime.fromtimestamp(token.expires, UTC)
        bounded = token if token.person is None else bound(token)
        return _Row(bounded or token, bounded is not None, token.state(now), made, until)

    return [row(token) for token in reversed(tokens)]


def _page(refusal: Refusal | None = None, made: tuple[Token, str] | None = None) -> str:
    person, account = access.person(), _account()
    # Where nobody needs a token, the file may be lost, and shuts nobody out.
    known = [] if person.identity is None else all_tokens().all()
    mine = [token for token in known if account is not None and personal.person_of(token) == account.id]
    others = [token for token in known if token not in mine] if person.rights.is_admin else []
    return render_template(
        "web/tokens.html",
        account=account,
        mine=_rows(mine),
        others=_rows(others),
        elsewhere=_elsewhere(),
        made=made,
        refusal=refusal,
        scopes=[scope.word for scope in Scope if account is not None and scope <= account.scope],
        days=_DAYS,
        most=personal.MAX_NAME,
        sent={} if made else request.form,
        chosen={name: [] if made else request.form.getlist(name) for name in ("may_move", "may_check")},
    )


def _elsewhere() -> str | None:
    """Why tokens are neither made nor ended here; None: they are."""
    try:
        own_tokens()
    except ManagedElsewhere as error:
        return f"{error}"
    return None


@blueprint.route("/tokens", methods=["GET", "POST"])
def tokens() -> Answer:
    """The tokens that somebody has made for themselves, and a form to make one; its secret is shown this once."""
    if not is_sent():
        return _page()
    with forms.own(_page):
        account = _account()
        if account is None:
            raise Forbidden("Tokens are made here by who has signed in with an account.")
        someone = access.person()
        made = personal.make(
            account,
            own_tokens(),
            field("name"),
            Scope.of(field("scope")),
            number_in(field("days"), 0),
            may_move=request.form.getlist("may_move"),
            may_check=request.form.getlist("may_check"),
            by=who(someone.rights, someone.identity),
        )
        answer = make_response(_page(made=made), 201)
        answer.cache_control.no_store = True
        return answer


@blueprint.post("/tokens/<token_id>/end")
def end_token(token_id: str) -> Response:
    """End a token: one's own, or as an administrator any."""
    with forms.own(_page):
        someone, account, known = access.person(), _account(), own_tokens()
        mine = [] if account is None else personal.tokens_of(account, known)
        if not someone.rights.is_admin and token_id not in [token.id for token in mine]:
            raise TokenNotFound(token_id)
        ended = known.revoke(token_id, by=who(someone.rights, someone.identity))
        flash(f"The token {ended.name} works no more.")
        return redirect(url_for("web.tokens"), 303)
