"""Signing in with an account: from the provider's answer to a session, and what it may do now.

Once an hour the provider is asked anew what somebody may do: with the refresh token that it gave, or else by sending
the browser there, without a question to the person. While it is away, what it said last holds for another hour.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace

from cryptography.fernet import Fernet, InvalidToken

from promptgit.auth.accounts import NO_ROLE, Account, account_id, check_address
from promptgit.auth.openid import Claims, Client, Provider
from promptgit.auth.people import Attempt, MustAskAgain, People
from promptgit.auth.people_rows import Session
from promptgit.auth.roles import Roles
from promptgit.domain.texts import MAX_AUTHOR_NAME, check_identity
from promptgit.errors import Invalid, PromptgitError, SignInRefused
from promptgit.settings import Settings

log = logging.getLogger(__name__)

ROLES = 3_600  # seconds for which the provider's word holds
GRACE = 3_600  # seconds more for which it does while the provider cannot be asked
ATTEMPT = 600  # seconds in which somebody has to come back from the provider

_RETRY = 60  # seconds between two attempts to ask, within the grace


def sign_ins_of(settings: Settings, people: People, key: bytes) -> SignIns:
    """Signing in as the settings want it; *key* encrypts refresh tokens.

    Raises:
        ValueError: the file of roles, or that of the secret, cannot be understood.
    """
    client = Client(
        settings.oidc_client_id,
        settings.oidc_secret,
        settings.oidc_scopes,
        f"{settings.public_url}/sign-in/callback",
    )
    provider = Provider(settings.oidc_issuer, client, people.clock)
    return SignIns(provider, Roles.load(settings.oidc_roles), people, key)


class SignIns:
    """People who sign in with the accounts of one provider."""

    def __init__(self, provider: Provider, roles: Roles, people: People, key: bytes) -> None:
        self._provider = provider
        self._roles = roles
        self._people = people
        # A key of its own: what signs cookies does not encrypt.
        self._fernet = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"promptgit refresh tokens\0" + key).digest()))
        self._over: set[str] = set()  # secrets of sessions that have ended, which a full disk has kept
        self._wanted = roles.claims | {"email", "name", roles.verified_claim.partition(".")[0]}

    def begin(self, following: str, *, silent: bool) -> tuple[str, Attempt]:
        """The address to send somebody to, and what to remember until they come back and go on to *following*.

        Raises:
            ProviderUnavailable
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        address = self._provider.address(state=state, nonce=nonce, verifier=verifier, silent=silent)
        return address, Attempt(state, nonce, verifier, int(self._people.clock()), silent, following)

    def finish(self, attempt: Attempt | None, answer: Mapping[str, str], secret: str | None) -> str:
        """The secret of the session of somebody who comes back with the provider's *answer*.

        *attempt* is the one with the answer's `state`. A silent one renews the session with *secret*, and ends it if
        the provider would not speak without asking, or speaks of somebody else; another one ends it in any case.

        Raises:
            SignInRefused: it says why.
            ProviderUnavailable
            LockTimeout, StorageFull, StorageFailed
        """
        if attempt is None or self._people.clock() - attempt.began > ATTEMPT:
            raise SignInRefused(
                "This sign-in was not begun in this browser, or took more than ten minutes. Begin it again."
            )
        if not attempt.silent:
            begun = self._people.begin(*self._redeem(attempt, answer))
            if secret is not None:
                self._people.end(secret)
            return begun
        if secret is None:
            raise SignInRefused("Your session has ended. Sign in again.")
        try:
            account, renewal = self._redeem(attempt, answer)
            if self._people.renew(secret, account, renewal) is None:
                raise SignInRefused("Your session has ended, or you are somebody else at the provider. Sign in again.")
        except SignInRefused:
            self._end(secret)
            raise
        return secret

    def resume(self, secret: str, *, by_browser: bool) -> Account | None:
        """Whose session this is, with what they may do now; None: it has ended.

        *by_browser*: the browser can be sent to the provider, for it asks for a page.

        Raises:
            MustAskAgain: it goes on once the browser has been there.
            ProviderUnavailable: the provider cannot be asked, and has not been for too long.
        """
        session = self._people.session(secret)
        if session is None or session.account.issuer != self._provider.issuer:
            return None
        if secret in self._over:
            return None
        age = self._people.clock() - session.asked
        holds = not session.account.is_shut_out  # as when they have tried to sign in once more
        if holds and age < ROLES:
            return session.account
        in_grace = holds and age < ROLES + GRACE
        try:
            return self._renewed(session, by_browser=by_browser, in_grace=in_grace)
        except (MustAskAgain, SignInRefused):
            raise
        except PromptgitError as error:
            if not in_grace:
                raise
            log.warning("What %s may do is as of an hour ago: %s", session.account.email, error)
            return session.account

    def end(self, secret: str) -> None:
        """End a session; that at the provider, and those in other browsers, go on.

        Raises:
            LockTimeout, StorageFull, StorageFailed: it goes on.
        """
        self._people.end(secret)

    def _renewed(self, session: Session, *, by_browser: bool, in_grace: bool) -> Account | None:
        was_tried = session.tried > session.asked and self._people.clock() - session.tried < _RETRY
        can_ask = by_browser or session.renewal is not None
        # Otherwise another request has asked a moment ago, or asks now.
        if in_grace and not (can_ask and not was_tried and self._people.try_(session)):
            return session.account
        if session.renewal is not None:
            try:
                answer = self._provider.ask_again(
                    self._decrypted(session.renewal), session.account.subject, wanted=self._wanted
                )
            except (SignInRefused, InvalidToken):
                with _in_any_case("the browser has to ask"):
                    self._people.doubt(session.secret)  # only the browser can bring another
                raise MustAskAgain from None
            return self._kept(session, answer.claims, answer.refresh_token)
        if by_browser:
            self._provider.expect_reachable()
        raise MustAskAgain

    def _kept(self, session: Session, claims: Claims, refresh_token: str | None) -> Account | None:
        """The person with what the provider says of them now; None: nothing that lets them in."""
        try:
            account = self._account_of(claims)
        except SignInRefused as refusal:
            log.warning("The session of %s ends: %s", session.account.email, refusal)
            self._end(session.secret)
            return None
        renewal = session.renewal if refresh_token is None else self._encrypted(refresh_token)
        return self._people.renew(session.secret, account, renewal)

    def _redeem(self, attempt: Attempt, answer: Mapping[str, str]) -> tuple[Account, str | None]:
        if answer.get("iss", self._provider.issuer) != self._provider.issuer:  # RFC 9207
            raise SignInRefused("Another provider has answered. Begin again.")
        if "code" not in answer:
            reason = answer.get("error", "no code")[:100]
            raise SignInRefused(f"The provider has not signed you in ({reason}). Sign in again.")
        found = self._provider.redeem(
            answer["code"], nonce=attempt.nonce, verifier=attempt.verifier, wanted=self._wanted
        )
        renewal = None if found.refresh_token is None else self._encrypted(found.refresh_token)
        return self._account_of(found.claims), renewal

    def _account_of(self, claims: Claims) -> Account:
        """The person whom the provider describes so.

        Raises:
            SignInRefused: they have no verified address, or no role. Their tokens rest.
        """
        try:
            return self._described(claims)
        except SignInRefused:
            with _in_any_case("somebody is shut out"):
                self._people.shut_out(account_id(self._provider.issuer, claims["sub"]))
            raise

    def _described(self, claims: Claims) -> Account:
        email = claims.get("email")
        if not isinstance(email, str) or not email:
            raise SignInRefused("The provider does not tell your e-mail address, which commits need. Ask who runs it.")
        if not self._roles.is_verified(claims):
            raise SignInRefused("The provider has not verified your e-mail address. Verify it there first.")
        grant = self._roles.grant_of(claims)
        if grant is None:
            raise SignInRefused(NO_ROLE)
        email = check_address(email)
        account = Account(self._provider.issuer, claims["sub"], email, email, grant)
        for claim in ("name", "preferred_username"):
            if isinstance(name := claims.get(claim), str):
                with suppress(Invalid):  # one that git cannot store
                    return replace(account, name=check_identity("name", name, 1, MAX_AUTHOR_NAME))
        return account

    def _end(self, secret: str) -> None:
        """End a session that the provider speaks for no more; where that cannot be written, in this process."""
        with _in_any_case("a session has ended"):
            self._people.end(secret)
            return
        self._over.add(secret)

    def _encrypted(self, token: str) -> str:
        return self._fernet.encrypt(token.encode()).decode()

    def _decrypted(self, renewal: str) -> str:
        return self._fernet.decrypt(renewal).decode()


@contextmanager
def _in_any_case(what: str) -> Iterator[None]:
    """Go on where it cannot be written: a full disk lets nobody in."""
    try:
        yield
    except PromptgitError as error:
        log.error("That %s cannot be written down: %s", what, error)
