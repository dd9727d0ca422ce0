"""Tokens: who may use the service. A file of the data folder keeps them, and of each secret only a hash.

A secret has 256 random bits, so that one SHA-256 is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

from promptgit.auth.token_file import TokenFile
from promptgit.domain.labels import check as check_label
from promptgit.domain.models import Author
from promptgit.domain.names import fold
from promptgit.domain.rights import Rights
from promptgit.domain.texts import check_identity
from promptgit.errors import Invalid, TokenNameTaken, TokenNotFound, Unauthenticated, UnusableTokens
from promptgit.settings import Settings
from promptgit.store.records import Record

PREFIX = "pgt_"
MAX_NAME = 60  # characters

_TICK_NS = 50_000_000  # of a file system's clock, generously
_LIFETIME = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_UNITS = {"m": 60, "h": 3_600, "d": 86_400}


class Scope(IntEnum):
    """What a token allows; each includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3

    @classmethod
    def of(cls, word: str) -> Self:
        """The scope that a word means.

        Raises:
            Invalid: it means none.
        """
        try:
            return cls[word.upper()]
        except KeyError:
            raise Invalid("scope", f"is none of {', '.join(cls.words())}") from None

    @classmethod
    def words(cls) -> list[str]:
        """All scopes, in words."""
        return [scope.word for scope in cls]

    @property
    def word(self) -> str:
        """How it is written."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret; times are in seconds since 1970, *expires* None is never.

    *may_move* are protected labels that it may move; of the scope admin it may move all.
    """

    id: str
    name: str
    scope: Scope
    digest: str
    created: int
    expires: int | None
    revoked: int | None
    may_move: tuple[str, ...] = ()

    @property
    def identity(self) -> Author:
        """The token as git's committer."""
        slug = re.sub(r"\W+", "-", self.name.lower()).strip("-") or self.id
        return Author(self.name, f"{slug}@promptgit")

    @property
    def rights(self) -> Rights:
        """What the token may do; of the scope admin all."""
        is_admin = self.scope >= Scope.ADMIN
        return Rights(
            None if is_admin else frozenset(self.may_move),
            None if is_admin else frozenset(),
            is_admin=is_admin,
            owner=self.name,
            credential=self.id,
        )

    @property
    def ticket(self) -> str:
        """What a session holds in the token's place: it ends with the token, and tells nothing of the secret."""
        return f"{self.id}.{_digest(f'session {self.digest}')}"

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "active" if self.expires is None or now < self.expires else "expired"


def lifetime(text: str) -> int:
    """The seconds in a text such as `90d`, `12h` or `30m`.

    Raises:
        Invalid: it is nothing such.
    """
    found = _LIFETIME.fullmatch(text)
    if found is None:
        raise Invalid("expires", "is no number of up to 5 digits with m, h or d behind it; write 90d, 12h or 30m")
    return int(found[1]) * _UNITS[found[2]]


def tokens_of(settings: Settings) -> Tokens:
    """The tokens that let others use the service, as the settings want it."""
    path = Path(settings.tokens) if settings.tokens else None
    return Tokens(settings.data, required=settings.auth == "required", path=path)


class Tokens:
    """The tokens of one data folder; several processes may read and change them at the same time.

    *clock* gives seconds since 1970. Where a token is *required*, nobody is let in before one was made. A file of
    tokens at *path* is distributed by an administrator, and only read.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float] = time.time,
        *,
        required: bool = False,
        path: Path | None = None,
    ) -> None:
        self.file = TokenFile(folder, _checked, path)
        self.path = self.file.path
        self._clock = clock
        self._required = required
        # Replaced as a whole, for threads read it without a lock: what the file looked like, and what was in it.
        self._known: tuple[tuple[int, ...] | None, Mapping[str, Token]] = (None, {})

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
        digest = _digest(secret)
        token = known.get(digest)
        if token is None or not hmac.compare_digest(token.digest, digest) or token.state(self._clock()) != "active":
            raise Unauthenticated(presented=True)
        return token

    def recognise(self, ticket: str) -> Token | None:
        """The active token that has this ticket; None: it was revoked, has expired, or never was.

        Raises:
            UnusableTokens: the file cannot be read.
        """
        token = next((one for one in self.all() if ticket.startswith(f"{one.id}.")), None)
        if token is None or not hmac.compare_digest(token.ticket, ticket) or token.state(self._clock()) != "active":
            return None
        return token

    def all(self) -> list[Token]:
        """Every token that was ever made, oldest first."""
        return list((self._read() or {}).values())

    def create(
        self, name: str, scope: Scope, seconds: int | None = None, may_move: Iterable[str] = ()
    ) -> tuple[Token, str]:
        """Make a token that expires after *seconds* (None: never); gives it and its secret, which is kept nowhere.

        Raises:
            Invalid: the name or a label breaks a rule.
            TokenNameTaken: a token that is active has the name.
        """
        name = check_identity("name", name, 1, MAX_NAME)
        movable = _check_movable(may_move)
        secret = PREFIX + secrets.token_urlsafe(32)
        with self.file.changing() as records:
            now = int(self._clock())
            tokens = [_token(record) for record in records]
            if any(fold(token.name) == fold(name) and token.state(now) == "active" for token in tokens):
                raise TokenNameTaken(name)
            record: Record = {
                "id": _free_id({token.id for token in tokens}),
                "name": name,
                "scope": scope.word,
                "sha256": _digest(secret),
                "created": now,
                "expires": None if seconds is None else now + seconds,
                "revoked": None,
                "may_move": movable,
            }
            records.append(record)
        return _token(record), secret

    def revoke(self, which: str) -> Token:
        """End the token with this id, or the active one with this name. One that was revoked stays so.

        Raises:
            TokenNotFound: there is none.
            UnusableTokens: the file cannot be read, or was lost.
        """
        if not self.all():
            raise TokenNotFound(which)
        with self.file.changing() as records:
            now = int(self._clock())
            for record in sorted(records, key=lambda record: record["id"] != which):  # an id before a name
                token = _token(record)
                if which == token.id or (which == token.name and token.state(now) == "active"):
                    if token.revoked is None:
                        record["revoked"] = now
                    return _token(record)
        raise TokenNotFound(which)

    def _read(self) -> Mapping[str, Token] | None:
        """The tokens by the digests of their secrets; None: no token was ever made, and none is required."""
        mark = self.file.mark()
        seen, known = self._known
        if mark is not None and mark == seen:
            return known
        records = self.file.load() if mark is not None or self.file.remembers() else None
        if records is None:
            if self._required:
                raise UnusableTokens(
                    str(self.path),
                    "no token was made yet, and PROMPTGIT_AUTH is 'required'",
                    "Make one with 'promptgit token create'",
                )
            return None
        known = {token.digest: token for token in map(_token, records)}
        # What changed a moment ago may change again within the clock's tick, and look the same.
        is_settled = mark is not None and time.time_ns() - max(mark[1:3]) > _TICK_NS
        self._known = (mark if is_settled else None, known)
        return known


def _checked(record: Record) -> None:
    """Raise what a request would, were this record no token."""
    token = _token(record)
    if not all(isinstance(text, str) for text in (token.id, token.name, token.digest)):
        raise TypeError("id, name and sha256 must be texts")
    token.state(0)


def _token(record: Record) -> Token:
    return Token(
        record["id"],
        record["name"],
        Scope.of(record["scope"]),
        record["sha256"],
        record["created"],
        record["expires"],
        record["revoked"],
        tuple(record.get("may_move", ())),  # which older tokens do not have
    )


def _check_movable(labels: Iterable[str]) -> list[str]:
    found = sorted(set(labels))
    try:
        for label in found:
            check_label(label)
    except Invalid as error:
        raise Invalid("may_move", f"has a label that {error.reason}") from None
    return found


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _free_id(taken: set[str]) -> str:
    while (found := secrets.token_hex(4)) in taken:
        pass
    return found
