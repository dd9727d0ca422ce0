"""Credentials: what a request is made with; a token, and its record in the file of tokens, with a hash of its secret.

The other credential is a person who has signed in with an account.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Protocol, Self

from promptgit.domain.models import Author
from promptgit.domain.names import check_prefix
from promptgit.domain.rights import Rights
from promptgit.errors import Invalid, InvalidName
from promptgit.store.records import Record

DOMAIN = "@promptgit"
"""The end of the addresses that tokens have as git's committers."""

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


class Credential(Protocol):
    """What a request is made with, once it was found to be good: a token, or the account of a person who has signed in.

    Who it is, and for how long it is good, is the business of those who keep it; all that comes after them, the gate's
    `Caller` and the `Rights` of a write included, knows no more than this.
    """

    @property
    def name(self) -> str:
        """What people call it; the server's log has it."""

    @property
    def scope(self) -> Scope:
        """What it allows."""

    @property
    def identity(self) -> Author:
        """It as git's committer."""

    @property
    def rights(self) -> Rights:
        """What a write with it may do: with its owner, and with its id as `Rights.credential`."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret; times are in seconds since 1970, *expires* None is never.

    *owner* is who answers for it. *may_move* are protected labels that it may move, *may_check* the
    checks that rules name and it may set; of the scope admin it may move and set all. It writes below *prefixes* alone;
    None: everywhere. *person* is the `Rights.credential` of the person who has made it for themselves, whose rights
    bound it in each request; None: an administrator has made it.
    """

    id: str
    name: str
    scope: Scope
    digest: str
    created: int
    expires: int | None
    revoked: int | None
    owner: str
    may_move: tuple[str, ...] = ()
    may_check: tuple[str, ...] = ()
    prefixes: tuple[str, ...] | None = None
    person: str | None = None

    @property
    def identity(self) -> Author:
        """The token as git's committer."""
        slug = re.sub(r"\W+", "-", self.name.lower()).strip("-") or self.id
        return Author(self.name, f"{slug}{DOMAIN}")

    @property
    def rights(self) -> Rights:
        """What the token may do; of the scope admin all."""
        is_admin = self.scope >= Scope.ADMIN
        return Rights(
            None if is_admin else frozenset(self.may_move),
            None if is_admin else frozenset(self.may_check),
            prefixes=self.prefixes,
            is_admin=is_admin,
            owner=self.owner,
            credential=self.id,
        )

    @property
    def ticket(self) -> str:
        """What a session holds in the token's place: it ends with the token, and tells nothing of the secret."""
        return f"{self.id}.{digest_of(f'session {self.digest}')}"

    def as_json(self) -> dict[str, object]:
        """The token as the API and the command show it; times are UTC (RFC 3339)."""
        return {
            "id": self.id,
            "name": self.name,
            "scope": self.scope.word,
            "created_at": _time(self.created),
            "expires_at": _time(self.expires),
            "revoked_at": _time(self.revoked),
            "owner": self.owner,
            "may_move": self.may_move,
            "may_check": self.may_check,
            "write_prefix": self.prefixes,
        }

    def as_logged(self) -> dict[str, object]:
        """What the access log says of the token when it is made."""
        return {
            "token": self.name,
            "id": self.id,
            "owner": self.owner,
            "scope": self.scope.word,
            "expires": _time(self.expires),
            "may_move": self.may_move,
            "may_check": self.may_check,
            "write_prefix": self.prefixes,
        }

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "active" if self.expires is None or now < self.expires else "expired"


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def prefixes_of(scope: Scope, prefixes: Iterable[str]) -> tuple[str, ...]:
    """The prefixes below which a token of this scope writes, sorted.

    Raises:
        Invalid: one of them is none, or the scope is admin, which cannot be kept to prefixes.
    """
    try:
        found = tuple(sorted({check_prefix(prefix) for prefix in prefixes}))
    except InvalidName as error:
        raise Invalid("write_prefix", f"has a prefix that {error.reason}") from None
    if scope >= Scope.ADMIN:
        raise Invalid("write_prefix", "cannot be given with the scope 'admin', which may do everything; take 'write'")
    return found


def token_of(record: Record) -> Token:
    """The token that a record of the file describes.

    Raises:
        KeyError, TypeError, AttributeError, Invalid: it describes none.
    """
    scope = Scope.of(record["scope"])
    prefixes = record.get("write_prefix")
    return Token(
        record["id"],
        record["name"],
        scope,
        record["sha256"],
        record["created"],
        record["expires"],
        record["revoked"],
        record["owner"] if "owner" in record else record["name"],  # older tokens have no owner
        tuple(record.get("may_move", ())),  # nor this and the next
        tuple(record.get("may_check", ())),
        None if prefixes is None else prefixes_of(scope, prefixes),
        record.get("person"),
    )


def check_record(record: Record) -> None:
    """Raise what a request would, were this record no token.

    Raises:
        KeyError, TypeError, AttributeError, Invalid
    """
    token = token_of(record)
    if not all(isinstance(text, str) for text in (token.id, token.name, token.digest, token.owner)):
        raise TypeError("id, name, sha256 and owner must be texts")
    if not (token.person is None or isinstance(token.person, str)):
        raise TypeError("person must be a text, or null")
    token.state(0)


def lifetime(text: str) -> int:
    """The seconds in a text such as `90d`, `12h` or `30m`.

    Raises:
        Invalid: it is nothing such.
    """
    found = _LIFETIME.fullmatch(text)
    if found is None:
        raise Invalid("expires", "is no number of up to 5 digits with m, h or d behind it; write 90d, 12h or 30m")
    return int(found[1]) * _UNITS[found[2]]


def digest_of(secret: str) -> str:
    """What the file has of a secret: its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
