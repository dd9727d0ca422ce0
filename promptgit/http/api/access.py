"""Access: the rules that every request has to pass; `scopes.py` has the scopes of routes.

`Gate` stands in front of all routes and finds out who calls. `expect_scope` checks the scope once the request is
routed; what is answered without routing needs the scope `read` at most. A session's cookie counts on pages alone, which
routing tells apart, too: the API accepts no cookie.

A wrong token is counted only after it was looked up, so that a valid one works whatever other clients behind the same
proxy send. Headers that a proxy adds are not trusted here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from flask import request
from werkzeug.datastructures import Authorization

from promptgit.auth import people
from promptgit.auth.credentials import Credential
from promptgit.auth.people import Attempt
from promptgit.auth.tokens import Scope, Token, Tokens
from promptgit.domain import hosts, rights
from promptgit.domain.models import Author
from promptgit.domain.rights import Rights
from promptgit.errors import (
    Forbidden,
    ForeignHost,
    MalformedHost,
    PromptgitError,
    TooManyFailures,
    Unauthenticated,
)
from promptgit.http.api.failures import Failures
from promptgit.http.api.origins import OwnOrigin
from promptgit.http.api.scopes import scope_for
from promptgit.http.observed import CREDENTIAL
from promptgit.settings import Settings
from promptgit.store.access_log import who

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from promptgit.auth.sign_ins import SignIns

log = logging.getLogger(__name__)

_PROXIED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")
CALLER = "promptgit.caller"
"""Key of the WSGI environ, set by the gate: the Caller, or the error that refuses the request."""


class Caller(NamedTuple):
    """Who calls: a credential, or None where none is needed; and the scope."""

    credential: Credential | None
    scope: Scope

    @property
    def committer(self) -> Author | None:
        """The credential's identity, as git's committer; None without a credential."""
        return None if self.credential is None else self.credential.identity

    @property
    def rights(self) -> Rights:
        """The credential's rights; without one those of an administrator's process, or of anybody."""
        if self.credential is not None:
            return self.credential.rights
        return rights.ADMINISTRATOR if self.scope >= Scope.ADMIN else rights.ANYBODY


OWNER = Caller(None, Scope.ADMIN)  # a process that has the data folder
ANYBODY = Caller(None, Scope.WRITE)  # not ADMIN: making tokens takes an admin's token, or the data folder


def expect_scope() -> None:
    """Refuse Flask's request if its route needs a scope that the caller does not have.

    Raises:
        PromptgitError: the gate refused the request.
        Forbidden: the token has another scope.
    """
    # The route, not the path as it was sent: the router takes //api/tokens for /api/tokens.
    rule = request.url_rule
    scope = scope_for(request.method, request.path if rule is None else rule.rule)
    caller: Caller | PromptgitError = request.environ[CALLER]
    if isinstance(caller, MalformedHost) or (isinstance(caller, PromptgitError) and scope is not None):
        raise caller
    if scope is None or isinstance(caller, PromptgitError):
        return
    if caller.scope >= scope:
        return
    if caller.credential is None:
        raise Forbidden(f"This takes a token of the scope {scope.word!r}. 'promptgit token' does it without one.")
    had = f"{caller.credential.name!r} has the scope {caller.scope.word!r}"
    what = "This takes" if caller.rights.is_person else "This takes a token of"
    raise Forbidden(f"{what} the scope {scope.word!r}, and {had}.")


def who_asks() -> Caller:
    """The caller of Flask's request, which the gate has let through."""
    found: Caller = request.environ[CALLER]
    return found


class Gate:
    """WSGI middleware: *inside* answers the requests of callers who may read, *flask* refuses the others.

    *sign_ins* are those with accounts, where the settings name a provider; *vouch* gives the person whom a request's
    proxy names.
    """

    def __init__(
        self,
        inside: WSGIApplication,
        flask: WSGIApplication,
        settings: Settings,
        tokens: Tokens,
        sign_ins: SignIns | None,
        vouch: Callable[[WSGIEnvironment], Credential | None],
    ) -> None:
        self._inside = inside
        self._flask = flask
        self._is_off = settings.auth == "off"
        self._hosts = frozenset(hosts.name_of(host.rpartition("://")[2]) for host in settings.own_hosts)
        self._origin = OwnOrigin(settings)
        self._tokens = tokens
        self._sign_ins = sign_ins
        self._vouch = vouch
        self._failures = Failures()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        try:
            environ[CALLER] = self._find_caller(environ)
        except PromptgitError as refusal:
            environ[CALLER] = refusal
            return self._flask(environ, start_response)
        return self._inside(environ, start_response)

    def sign_in(self, environ: WSGIEnvironment, secret: str) -> str | None:
        """The ticket, for a session, of the token with this secret; None where no token is needed.

        Raises:
            PromptgitError: no token has this secret, or a request with this token would be refused.
        """
        _expect_in_need(environ)
        token = self._authenticate(environ, secret)
        if token is None:
            return None
        self._admit(environ, token)
        self._tokens.log.note("signed_in", by=who(token.rights, token.identity))
        return token.ticket

    def leave(self, environ: WSGIEnvironment, following: str, *, silent: bool) -> tuple[str, Attempt]:
        """The provider's address, and an attempt to sign in with an account there; *silent*: only to renew a session.

        Raises:
            PromptgitError: the provider cannot be asked, or the request is refused whoever sends it.
        """
        assert self._sign_ins is not None  # the pages have no way here without
        _expect_in_need(environ)
        return self._sign_ins.begin(following, silent=silent)

    def come_back(
        self, environ: WSGIEnvironment, attempt: Attempt | None, answer: Mapping[str, str], ticket: str | None
    ) -> str:
        """The ticket of a person whom the provider sends back with *answer*: *ticket*, if its session is renewed.

        Raises:
            PromptgitError: they are not let in.
        """
        assert self._sign_ins is not None
        _expect_in_need(environ)
        return self._sign_ins.finish(attempt, answer, ticket)

    def resume(self, environ: WSGIEnvironment, ticket: str) -> bool:
        """Admit whom a session's ticket stands for, unless a header has admitted a token; False: it is not valid.

        Raises:
            MustAskAgain: it will be, once the browser has asked the provider.
            PromptgitError: the request is refused for another reason than a missing or wrong credential.
        """
        if isinstance(environ[CALLER], Caller):
            return True
        _expect_in_need(environ)
        credential: Credential | None
        if not ticket.startswith(people.PREFIX):
            credential = self._tokens.recognise(ticket)
        elif self._sign_ins is None:
            return False
        else:
            credential = self._sign_ins.resume(ticket, by_browser=environ["REQUEST_METHOD"] == "GET")
        if credential is not None:
            environ[CALLER] = self._admit(environ, credential)
        return credential is not None

    def vouch(self, environ: WSGIEnvironment) -> bool:
        """Admit whom a trusted proxy names, unless a header has admitted a token; False: it names nobody.

        Raises:
            PromptgitError: what the proxy says lets nobody in, or the request is refused for another reason.
        """
        if isinstance(environ[CALLER], Caller):
            return True
        _expect_in_need(environ)
        person = self._vouch(environ)
        if person is not None:
            environ[CALLER] = self._admit(environ, person)
        return person is not None

    def sign_out(self, environ: WSGIEnvironment, ticket: str) -> None:
        """End a session, and note it if it was resumed. A token stays; its ticket is for the browser to forget.

        Raises:
            PromptgitError: the session of an account goes on, because that cannot be written.
        """
        if self._sign_ins is not None and ticket.startswith(people.PREFIX):
            self._sign_ins.end(ticket)
        caller = environ[CALLER]
        if isinstance(caller, Caller) and caller.credential is not None:
            self._tokens.log.note("signed_out", by=who(caller.rights, caller.committer))

    def _find_caller(self, environ: WSGIEnvironment) -> Caller:
        host = environ.get("HTTP_HOST")
        _expect_one_host(environ, host)
        self._origin.expect(environ)
        header = environ.get("HTTP_AUTHORIZATION")
        secret = None if header is None else _secret(header)
        token = None if self._is_off else self._authenticate(environ, secret)
        if token is not None:
            return self._admit(environ, token)
        self._expect_own_host(host, None)
        self._expect_local(environ)
        return ANYBODY

    def _admit(self, environ: WSGIEnvironment, credential: Credential) -> Caller:
        self._expect_own_host(environ.get("HTTP_HOST"), credential)
        environ[CREDENTIAL] = credential.name
        return Caller(credential, credential.scope)

    def _authenticate(self, environ: WSGIEnvironment, secret: str | None) -> Token | None:
        try:
            return self._tokens.authenticate(secret)
        except Unauthenticated as error:
            if error.presented:
                peer = str(environ.get("REMOTE_ADDR"))
                self._failures.count(hosts.network_of(peer))
                log.warning("A wrong token came from %s", peer)
            raise

    def _expect_local(self, environ: WSGIEnvironment) -> None:
        """Refuse other machines as long as no token exists."""
        peer = environ.get("REMOTE_ADDR", "localhost")  # missing on our Unix socket, which has a file's permissions
        is_local = hosts.is_loopback(str(peer)) and not any(name in environ for name in _PROXIED)
        if not (self._is_off or is_local):
            raise Forbidden("Without a token only this machine is served. Make one with 'promptgit token create'.")

    def _expect_own_host(self, host: str | None, credential: Credential | None) -> None:
        """Refuse a Host that is not listed; without a list, one without a credential (against DNS rebinding)."""
        if host is None:
            return  # HTTP/1.0, and no browser
        name = hosts.name_of(host)
        if name in self._hosts or hosts.is_loopback(name):
            return
        needs_none = credential is None and not (self._is_off and hosts.is_address(name))
        if self._hosts or needs_none:
            raise ForeignHost(host)


def _expect_one_host(environ: WSGIEnvironment, host: str | None) -> None:
    """Refuse a missing or repeated Host (RFC 9112, 3.2); WSGI servers join repeated headers with commas."""
    if host is None:
        if environ["SERVER_PROTOCOL"] == "HTTP/1.1":
            raise MalformedHost("is missing")
    elif "," in host:
        raise MalformedHost("is given twice")


def _expect_in_need(environ: WSGIEnvironment) -> None:
    """Raise the gate's refusal, unless it is for a missing or wrong token."""
    refusal = environ[CALLER]
    if isinstance(refusal, PromptgitError) and not isinstance(refusal, (Unauthenticated, TooManyFailures)):
        raise refusal


def _secret(header: str) -> str:
    """The secret in an Authorization header: Bearer's token, Basic's password, or its user if that is empty."""
    sent = Authorization.from_header(header)
    if sent is None:
        return ""
    if sent.type == "basic":
        return sent.password or sent.username or ""
    return sent.token or "" if sent.type == "bearer" else ""
