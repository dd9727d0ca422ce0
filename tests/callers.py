"""One service, and callers of every kind: each with the credential that it has, and the state that this is in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from flask.testing import FlaskClient

from promptgit.auth.tokens import Scope, Tokens
from tests import providers
from tests.conftest import Clock
from tests.pages import fields
from tests.providers import ADA, Provider, Site
from tests.test_personal_tokens import made, secret_in, signed_out
from tests.test_tokens import basic, bearer

READ, WRITE, ADMIN = Scope.READ, Scope.WRITE, Scope.ADMIN


@dataclass
class Callers:
    """The headers that each caller sends, by what it is called.

    *scopes* are what those may do who are let in, *on_pages* those who are let in by a cookie, on pages alone.
    """

    site: Site
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)
    on_pages: set[str] = field(default_factory=set)

    def add(self, name: str, headers: dict[str, str], scope: Scope | None = None, *, on_pages: bool = False) -> None:
        """Add a caller; without a *scope* it is let in nowhere."""
        self.headers[name] = headers
        if scope is not None:
            self.scopes[name] = scope
        if on_pages:
            self.on_pages.add(name)


def callers_of(folder: Path, provider: Provider) -> Callers:
    """A service on *folder* whose people have accounts at *provider*, with callers of every kind."""
    callers = Callers(Site(folder, provider.issuer))
    _add_tokens(callers)
    _add_sessions(callers)
    _add_people(callers, provider)
    return callers


def _add_tokens(callers: Callers) -> None:
    data = callers.site.settings.data
    tokens = Tokens(data)
    callers.add("nobody", {})
    for name, headers in {
        "wrong": bearer("pgt_" + "x" * 43),
        "empty": {"Authorization": ""},
        "of no scheme": {"Authorization": "pgt_" + "x" * 43},
        "of another scheme": {"Authorization": 'Digest username="a"'},
        "a name alone": basic("read", ""),
        "two": {"Authorization": f"Bearer {'x' * 43}, Bearer {'x' * 43}"},
    }.items():
        callers.add(name, headers)
    for scope in Scope:
        callers.add(scope.word, bearer(tokens.create(scope.word, scope)[1]), scope)
    callers.add("as a password", basic("any", tokens.create("git", READ)[1]), READ)
    callers.add("expired", bearer(Tokens(data, Clock()).create("expired", ADMIN, seconds=60)[1]))
    revoked, secret = tokens.create("revoked", ADMIN)
    tokens.revoke(revoked.id)
    callers.add("revoked", bearer(secret))
    _, secret = tokens.create("rotated", ADMIN)
    callers.add("rotated", bearer(secret))
    stored = json.loads(tokens.path.read_text())  # as a file that is distributed, with another secret
    stored["tokens"][-1]["sha256"] = "0" * 64
    del stored["seal"]
    tokens.path.write_text(json.dumps(stored))


def _add_sessions(callers: Callers) -> None:
    """Those of tokens."""
    tokens = Tokens(callers.site.settings.data)
    for scope in Scope:
        _, secret = tokens.create(f"{scope.word} session", scope)
        callers.add(f"session, {scope.word}", _cookie(_signed_in(callers.site, secret)), scope, on_pages=True)
    ended, secret = tokens.create("ended session", ADMIN)
    callers.add("session of a revoked token", _cookie(_signed_in(callers.site, secret)))
    tokens.revoke(ended.id)


def _add_people(callers: Callers, provider: Provider) -> None:
    """Those who have accounts, their sessions and their own tokens; and of somebody whom an administrator has ended."""
    provider.claims = ADA | {"sub": "boss", "name": "Boss", "email": "boss@example.org", "groups": ["admins"]}
    boss = _person(callers.site)
    callers.add("account, admin", _cookie(boss), ADMIN, on_pages=True)
    for sub, name in (("eve", "Eve"), ("ada", "Ada")):
        provider.claims = ADA | {"sub": sub, "name": name, "email": f"{sub}@example.org"}
        browser = _person(callers.site)
        is_ended = name == "Eve"
        scopes = (None, None) if is_ended else (WRITE, READ)
        said = "ended account" if is_ended else "account"
        callers.add(f"{said}, write", _cookie(browser), scopes[0], on_pages=not is_ended)
        for scope, words in zip(scopes, ("write", "read"), strict=True):
            secret = secret_in(made(browser, name=words, scope=words))
            callers.add(f"own token of an {said}, {words}", bearer(secret), scope)
        if is_ended:
            signed_out(boss, name)


def _person(site: Site) -> FlaskClient:
    browser = site.browser()
    assert providers.sign_in(browser).status_code == 303
    return browser


def _signed_in(site: Site, secret: str) -> FlaskClient:
    browser = site.browser()
    form = fields(browser.get("/sign-in").text) | {"token": secret}
    assert browser.post("/sign-in", data=form).status_code == 303
    return browser


def _cookie(browser: FlaskClient) -> dict[str, str]:
    cookie = browser.get_cookie("promptgit")
    assert cookie is not None
    return {"Cookie": f"promptgit={cookie.value}"}
