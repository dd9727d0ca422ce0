"""Tokens: who may use the service. A file of the data folder keeps them, and of each secret only a hash.

A secret has 256 random bits, so that one SHA-256 is enough: there is nothing to guess.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from promptgit.auth.accounts import Grant
from promptgit.auth.credentials import DOMAIN, check_record, digest_of, prefixes_of, token_of
from promptgit.auth.credentials import Scope as Scope
from promptgit.auth.credentials import Token as Token
from promptgit.auth.credentials import lifetime as lifetime
from promptgit.auth.token_file import TokenFile
from promptgit.domain.labels import check as check_label
from promptgit.domain.labels import check_characters
from promptgit.domain.names import fold
from promptgit.domain.rights import ADMINISTRATOR, same_person
from promptgit.domain.texts import check_identity
from promptgit.errors import Invalid, TokenNameTaken, TokenNotFound, Unauthenticated, UnusableTokens
from promptgit.settings import Settings
from promptgit.store.access_log import AccessLog, Who, who
from promptgit.store.files import Mark, is_settled
from promptgit.store.records import Record

PREFIX = "pgt_"
MAX_NAME = 60  # characters
MAX_OWNER = 200  # characters

Bound = Callable[[Token], Token | None]
"""A person's own token with no more than that person may do now; None: it does not work now."""


def tokens_of(settings: Settings, bound: Bound = lambda _token: None) -> Tokens:
    """The tokens that let others use the service, as the settings want it."""
    path = Path(settings.tokens) if settings.tokens else None
    alone = not settings.has_accounts
    return Tokens(settings.data, required=settings.auth == "required", path=path, alone=alone, bound=bound)


class Tokens:
    """The tokens of one data folder; several processes may read and change them at the same time.

    *clock* gives seconds since 1970. Where a token is *required*, nobody is let in before one was made. A file of
    tokens at *path* is distributed by an administrator, and only read. Where they are not *alone*, people have
    accounts: then nobody gets in without either, also before a token was made. *bound* is asked about tokens that
    people have made for themselves.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float] = time.time,
        *,
        required: bool = False,
        path: Path | None = None,
        alone: bool = True,
        bound: Bound = lambda _token: None,
    ) -> None:
        self.file = TokenFile(folder, check_record, path)
        self.path = self.file.path
        self.log = AccessLog(folder, clock)
        self.clock = clock
        self._required = required
        self._alone = alone
        self._bound = bound
        # Replaced as a whole, for threads read it without a lock: what the file looked like, and what was in it.
        self._known: tuple[Mark | None, Mapping[str, Token]] = (None, {})

    def are_made(self) -> bool:
        """True if a token was ever made: from then on everybody needs one, also when the file was lost."""
        return self.file.was_made()

    def expect_usable(self) -> None:
        """Refuse if nobody can be let in.

        Raises:
            UnusableTokens: it says why, and what to do.
        """
        self._read()

    def authenticate(self, secret: str | None) -> Token | None:
        """The token with this secret; None where no token was ever made, so that nobody needs one.

        Raises:
            Unauthenticated: there is no such token, or it was revoked, or has expired.
            UnusableTokens: the file cannot be read or was lost, or a required token was never made. Nobody is let in.
        """
        known = self._read()
        if known is None:
            return None
        if secret is None:
            raise Unauthenticated(presented=False)
        digest = digest_of(secret)
        token = self._working(known.get(digest), lambda token: hmac.compare_digest(token.digest, digest))
        if token is None:
            raise Unauthenticated(presented=True)
        return token

    def recognise(self, ticket: str) -> Token | None:
        """The active token that has this ticket; None: it was revoked, has expired, or never was.

        Raises:
            UnusableTokens: the file cannot be read.
        """
        token = next((one for one in self.all() if ticket.startswith(f"{one.id}.")), None)
        return self._working(token, lambda token: hmac.compare_digest(token.ticket, ticket))

    def with_id(self, credential: str) -> Token | None:
        """The token with this id, also one that has ended; None: there is none.

        Raises:
            UnusableTokens: the file cannot be read.
        """
        return next((token for token in self.all() if token.id == credential), None)

    def addresses_of(self, owner: str) -> frozenset[str]:
        """The addresses that an owner's tokens, ended ones too, have as git's committers.

        Raises:
            UnusableTokens: the file cannot be read.
        """
        return frozenset(token.identity.email for token in self.all() if same_person(token.owner) == same_person(owner))

    def all(self) -> list[Token]:
        """Every token that was ever made, oldest first."""
        return list((self._read() or {}).values())

    def create(
        self,
        name: str,
        scope: Scope,
        seconds: int | None = None,
        *,
        owner: str | None = None,
        may_move: Iterable[str] = (),
        may_check: Iterable[str] = (),
        write_prefix: Iterable[str] | None = None,
        by: Who | None = None,
    ) -> tuple[Token, str]:
        """Make a token that expires after *seconds* (None: never); gives it and its secret, which is kept nowhere.

        Without an *owner* its name is the owner. With *write_prefix* it writes below these prefixes alone.
        *by* is who makes it; None: the user of this process. The access log has it before the token is there.

        Raises:
            Invalid: the name, the owner, a label, a check or a prefix breaks a rule.
            TokenNameTaken: a token has, or had, the name or its address.
            StorageFull, StorageFailed, LockTimeout: no token was made, though the access log may have an entry.
        """
        name = check_identity("name", name, 1, MAX_NAME)
        owner = _check_owner(name if owner is None else owner)
        movable = _checked("may_move", "label", check_label, may_move)
        checkable = _checked("may_check", "check", partial(check_characters, "check"), may_check)
        prefixes = None if write_prefix is None else prefixes_of(scope, write_prefix)
        return self.make(name, Grant(scope, movable, checkable, prefixes), seconds, owner=owner, by=by)

    def make(
        self,
        name: str,
        grant: Grant,
        seconds: int | None,
        *,
        owner: str,
        person: str | None = None,
        by: Who | None = None,
    ) -> tuple[Token, str]:
        """The same of what was checked; *person* is `Token.person`.

        Raises:
            TokenNameTaken, StorageFull, StorageFailed, LockTimeout, ManagedElsewhere: as `create` does.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        with self.file.changing() as records:
            now = int(self.clock())
            tokens = [token_of(record) for record in records]
            record: Record = {
                "id": _free_id({token.id for token in tokens}),
                "name": name,
                "scope": grant.scope.word,
                "sha256": digest_of(secret),
                "created": now,
                "expires": None if seconds is None else now + seconds,
                "revoked": None,
                "owner": owner,
                "may_move": list(grant.may_move),
                "may_check": list(grant.may_check),
                "write_prefix": None if grant.prefixes is None else list(grant.prefixes),
            }
            if person is not None:
                record["person"] = person
            made = token_of(record)
            _expect_new(made, tokens)
            records.append(record)
            self.log.append("token_created", by=by or _process(), **made.as_logged())
        return made, secret

    def revoke(self, which: str, *, by: Who | None = None) -> Token:
        """End the token with this id, or the active one with this name. One that was revoked stays so.

        *by* is who ends it; None: the user of this process. It ends also where the access log cannot have an entry.

        Raises:
            TokenNotFound: there is none.
            UnusableTokens: the file cannot be read, or was lost.
        """
        if not self.all():
            raise TokenNotFound(which)
        with self.file.changing() as records:
            now = int(self.clock())
            # An id before a name.
            for record in sorted(records, key=lambda record: record["id"] != which):
                token = token_of(record)
                if which == token.id or (which == token.name and token.state(now) == "active"):
                    if token.revoked is None:
                        record["revoked"] = now
                    break
            else:
                raise TokenNotFound(which)
        if token.revoked is None:
            self.log.note("token_revoked", by=by or _process(), token=token.name, id=token.id, owner=token.owner)
        return token_of(record)

    def _working(self, token: Token | None, is_meant: Callable[[Token], bool]) -> Token | None:
        """The token, if it is meant and active, with no more than who has made it may do now."""
        if token is None or not is_meant(token) or token.state(self.clock()) != "active":
            return None
        return token if token.person is None else self._bound(token)

    def _read(self) -> Mapping[str, Token] | None:
        """The tokens by the digests of their secrets; None: no token was ever made, and none is required."""
        mark = self.file.mark()
        seen, known = self._known
        if mark is not None and mark == seen:
            return known
        records = self.file.load() if mark is not None or self.file.remembers() else None
        if records is None:
            if not self._alone:
                return {}
            if self._required:
                raise UnusableTokens(
                    str(self.path),
                    "no token was made yet, and PROMPTGIT_AUTH is 'required'",
                    "Make one with 'promptgit token create'",
                )
            return None
        known = {token.digest: token for token in map(token_of, records)}
        self._known = (mark if mark is not None and is_settled(mark) else None, known)
        return known


def _process() -> Who:
    return who(ADMINISTRATOR, None)


def _expect_new(made: Token, tokens: Iterable[Token]) -> None:
    """Refuse a token whose name or address another one has, or had: commits would be taken for that one's.

    Raises:
        TokenNameTaken
    """
    address = fold(made.identity.email)
    for token in tokens:
        if fold(token.name) == fold(made.name) or fold(token.identity.email) == address:
            raise TokenNameTaken(made.name, token.name, token.identity.email)


def _check_owner(owner: str) -> str:
    checked = check_identity("owner", owner, 1, MAX_OWNER)
    if fold(checked).endswith(DOMAIN):
        raise Invalid("owner", f"ends in {DOMAIN!r}, which are addresses of tokens; name a person or a team")
    return checked


def _checked(field: str, noun: str, check: Callable[[str], str], texts: Iterable[str]) -> tuple[str, ...]:
    try:
        return tuple(sorted({check(text) for text in texts}))
    except Invalid as error:
        raise Invalid(field, f"has a {noun} that {error.reason}") from None


def _free_id(taken: set[str]) -> str:
    while (found := secrets.token_hex(4)) in taken:
        pass
    return found
