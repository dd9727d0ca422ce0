"""A TOML file that says what people may do, by what an OpenID provider, or a proxy, says of them.

    claim = "groups"                # where nothing else is said

    [[roles]]
    value = "prompt-writers"
    scope = "write"
    write_prefix = ["support/"]
    may_move = ["staging"]
    may_check = ["eval"]

    [[roles]]
    claim = "email"
    value = "ada@example.org"
    scope = "admin"

All roles that somebody has add up. Who has none is not let in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from promptgit.auth.accounts import Grant
from promptgit.auth.credentials import Scope, prefixes_of
from promptgit.domain.labels import check as check_label
from promptgit.domain.labels import check_characters
from promptgit.errors import Invalid

Claims = Mapping[str, Any]

_FILE_KEYS = {"claim", "verified_claim", "roles"}
_ROLE_KEYS = {"claim", "value", "scope", "write_prefix", "may_move", "may_check"}
_YES = (True, "true", "1")  # Cognito and Entra send texts; Entra's 1 equals True


@dataclass(frozen=True, slots=True)
class Role:
    """Who has *value* in *claim* may do what *grant* says."""

    claim: str
    value: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class Roles:
    """What the file says. *verified_claim* says of somebody whether their address was verified."""

    roles: tuple[Role, ...]
    verified_claim: str = "email_verified"

    @classmethod
    def load(cls, path: str, setting: str = "PROMPTGIT_OIDC_ROLES") -> Self:
        """What the file at *path*, which *setting* names, says.

        Raises:
            ValueError: it cannot be read or understood; the sentence says what is wrong where.
        """
        try:
            tree = tomllib.loads(Path(path).read_bytes().decode())
        except OSError as error:
            raise ValueError(f"{setting}: {path} cannot be read: {error.strerror}.") from error
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{setting}: {path} is no TOML: {error}.") from error
        try:
            return cls._of(tree)
        except ValueError as error:
            raise ValueError(f"{setting}: in {path} {error}.") from error

    @property
    def claims(self) -> frozenset[str]:
        """The claims by which the roles are found."""
        return frozenset(role.claim for role in self.roles)

    def grant_of(self, claims: Claims) -> Grant | None:
        """What somebody with these claims may do; None: they have none of the roles."""
        return Grant.sum_of(role.grant for role in self.roles if role.value in _values(claim_of(claims, role.claim)))

    def is_verified(self, claims: Claims) -> bool:
        """True if the provider says that it has verified the address."""
        return claim_of(claims, self.verified_claim) in _YES

    @classmethod
    def _of(cls, tree: dict[str, Any]) -> Self:
        _expect_keys(tree, _FILE_KEYS, "the file")
        usual = _text(tree.get("claim", "groups"), "'claim'")
        verified = _text(tree.get("verified_claim", "email_verified"), "'verified_claim'")
        tables = tree.get("roles")
        if not isinstance(tables, list) or not tables:
            raise ValueError("there is no role; write at least one [[roles]], or nobody can sign in")
        return cls(tuple(_role(table, f"role {number}", usual) for number, table in enumerate(tables, 1)), verified)


def claim_of(claims: Claims, name: str) -> object:
    """The claim of this name; or, where there is none, what dots lead to: `realm_access.roles`. None: neither."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def _role(table: object, where: str, usual: str) -> Role:
    if not isinstance(table, dict):
        raise ValueError(f"{where} is no table; write [[roles]]")
    _expect_keys(table, _ROLE_KEYS, where)
    for key in ("value", "scope"):
        if key not in table:
            raise ValueError(f"{where} has no {key!r}")
    try:
        scope = Scope.of(_text(table["scope"], f"'scope' of {where}"))
        may_move = _checked(table, "may_move", check_label, where)
        may_check = _checked(table, "may_check", lambda name: check_characters("check", name), where)
        prefixes = prefixes_of(scope, _texts(table, "write_prefix", where)) if "write_prefix" in table else None
    except Invalid as error:
        raise ValueError(f"{where} is wrong: {f'{error}'.rstrip('.')}") from error
    if scope < Scope.WRITE and (may_move or may_check or prefixes is not None):
        raise ValueError(f"{where} has the scope 'read', which changes nothing; give it 'write', or leave the rest out")
    if prefixes == ():
        raise ValueError(f"'write_prefix' of {where} is empty; leave it out, or give the scope 'read'")
    claim = _text(table.get("claim", usual), f"'claim' of {where}")
    return Role(claim, _text(table["value"], f"'value' of {where}"), Grant(scope, may_move, may_check, prefixes))


def _checked(table: dict[str, Any], key: str, check: Callable[[str], str], where: str) -> tuple[str, ...]:
    return tuple(sorted({check(text) for text in _texts(table, key, where)}))


def _texts(table: dict[str, Any], key: str, where: str) -> list[str]:
    found = table.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f"{key!r} of {where} is no list of texts")
    return [_text(one, f"{key!r} of {where}") for one in found]


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{what} is {value!r}, and no text")
    return value


def _expect_keys(table: dict[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(table) - known):
        raise ValueError(f"{where} has {unknown[0]!r}; known are {', '.join(sorted(known))}")


def _values(claim: object) -> tuple[object, ...]:
    """The values of a claim, which is one or a list of them."""
    return tuple(claim) if isinstance(claim, list) else (claim,)
