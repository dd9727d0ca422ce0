"""Accounts: what an OpenID provider, or a trusted proxy, says of a person, and what the person's roles allow."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Self

from promptgit.auth.credentials import DOMAIN, Scope
from promptgit.domain.models import Author
from promptgit.domain.names import fold
from promptgit.domain.rights import PERSON, Rights, person_as_owner
from promptgit.domain.texts import check_identity
from promptgit.errors import Invalid, SignInRefused

_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
NO_ROLE = "Your account has no role that lets you in here. Ask who runs this service for one."
"""Why somebody is not let in whom nothing in the roles means."""

_MOST_ADDRESS = 254  # characters


@dataclass(frozen=True, slots=True)
class Grant:
    """What roles allow: a scope, the protected labels that may be moved, the checks that may be set.

    *prefixes* are the beginnings of names below which alone it writes; None: everywhere.
    """

    scope: Scope
    may_move: tuple[str, ...] = ()
    may_check: tuple[str, ...] = ()
    prefixes: tuple[str, ...] | None = None

    def within(self, most: Grant) -> Grant:
        """What this one allows as far as *most* does, too."""
        scope = min(self.scope, most.scope)
        if most.scope >= Scope.ADMIN:
            return replace(self, scope=scope)
        return Grant(
            scope,
            tuple(label for label in self.may_move if label in most.may_move),
            tuple(check for check in self.may_check if check in most.may_check),
            _common(self.prefixes, most.prefixes),
        )

    @classmethod
    def sum_of(cls, grants: Iterable[Grant]) -> Self | None:
        """What several allow together; None: there are none. Prefixes of one do not bound what another allows."""
        given = list(grants)
        if not given:
            return None
        scope = max(grant.scope for grant in given)
        writing = [grant.prefixes for grant in given if grant.scope >= Scope.WRITE]
        below = [prefixes for prefixes in writing if prefixes is not None]
        is_bounded = bool(writing) and len(below) == len(writing)
        return cls(
            scope,
            tuple(sorted({label for grant in given for label in grant.may_move})),
            tuple(sorted({check for grant in given for check in grant.may_check})),
            tuple(sorted({prefix for prefixes in below for prefix in prefixes})) if is_bounded else None,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A person who has signed in; *name*, *email* and *grant* are as of the last time that the provider was asked.

    *issuer* is empty of somebody whom a proxy names by an address: *subject* is that address, folded.
    *is_shut_out*: the last word about the person was that they are not let in; until they are again, their tokens rest.
    *endings* counts how often an administrator has ended the person's sessions, *ended* is the last time.
    *first_seen* and *last_seen* are sign-ins and uses of sessions, to the minute. All times are in seconds since 1970.
    """

    issuer: str
    subject: str
    name: str
    email: str
    grant: Grant
    first_seen: int = 0
    last_seen: int = 0
    endings: int = 0
    ended: int | None = None
    is_shut_out: bool = False

    @property
    def id(self) -> str:
        """What the person is found by: 24 hexadecimal digits, the same on every machine."""
        return account_id(self.issuer, self.subject)

    @property
    def owner(self) -> str:
        """The person as the owner of credentials."""
        return self.subject if not self.issuer else person_as_owner(self.issuer, self.subject)

    @property
    def scope(self) -> Scope:
        """What the roles allow."""
        return self.grant.scope

    @property
    def identity(self) -> Author:
        """The person as git's committer."""
        return Author(self.name, self.email)

    @property
    def last_seen_at(self) -> datetime:
        """When the person was here last, in UTC."""
        return datetime.fromtimestamp(self.last_seen, UTC)

    def as_json(self, sessions: int) -> dict[str, object]:
        """The person, with the number of open sessions, as the API and the command show them."""
        return {
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "owner": self.owner,
            "scope": self.scope.word,
            "may_move": list(self.grant.may_move),
            "may_check": list(self.grant.may_check),
            "write_prefix": None if self.rights.prefixes is None else list(self.rights.prefixes),
            "first_seen_at": _time(self.first_seen),
            "last_seen_at": _time(self.last_seen),
            "sessions": sessions,
            "ended_at": None if self.ended is None else _time(self.ended),
        }

    @property
    def credential(self) -> str:
        """The id behind what the person does until the next ending: approvals from before an ending do not count."""
        return f"{PERSON}{self.id}.{self.endings}"

    @property
    def rights(self) -> Rights:
        """What the person may do; of the scope admin all."""
        is_admin = self.scope >= Scope.ADMIN
        return Rights(
            None if is_admin else frozenset(self.grant.may_move),
            None if is_admin else frozenset(self.grant.may_check),
            prefixes=None if is_admin else self.grant.prefixes,
            is_admin=is_admin,
            owner=self.owner,
            credential=self.credential,
        )


def check_address(address: str) -> str:
    """*address*, if it can be a person's in commits.

    Raises:
        SignInRefused
    """
    try:
        address = check_identity("email", address, 3, _MOST_ADDRESS)
    except Invalid as error:
        raise SignInRefused(f"Your e-mail address cannot stand in a commit: it {error.reason}.") from error
    if not _ADDRESS.fullmatch(address) or fold(address).endswith(DOMAIN):
        raise SignInRefused(f"{address!r} cannot be a person's e-mail address here: {DOMAIN} is for tokens.")
    for place, character in enumerate(address, 1):
        if not _is_unmistakable(character):
            raise SignInRefused(
                f"Your e-mail address could be taken for another one: it has U+{ord(character):04X} at place {place}."
            )
    return address


def _is_unmistakable(character: str) -> bool:
    """False of a character that cannot be seen, and of one that means an ASCII letter where case does not count.

    U+017F, the long s, is 's' then: whoever has an address with it would be somebody else.
    """
    if character.isascii():
        return True
    return unicodedata.category(character) != "Cf" and not any(map(str.isascii, fold(character)))


def _common(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The prefixes below which names are below a prefix of both; None: everywhere."""
    if one is None or other is None:
        return other if one is None else one
    pairs = ((ours, theirs) for ours in one for theirs in other)
    return tuple(
        sorted({max(pair, key=len) for pair in pairs if pair[0].startswith(pair[1]) or pair[1].startswith(pair[0])})
    )


def account_id(issuer: str, subject: str) -> str:
    """The id of the account of a provider's subject."""
    return hashlib.sha256(person_as_owner(issuer, subject).encode()).hexdigest()[:24]


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
