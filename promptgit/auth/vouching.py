"""People whom a trusted proxy names in a header of each request: it has signed them in, and vouches for them."""

from __future__ import annotations

from collections.abc import Sequence

from promptgit.auth.accounts import NO_ROLE, Account, Grant, account_id, check_address
from promptgit.auth.credentials import Scope
from promptgit.auth.people import People
from promptgit.auth.roles import Roles
from promptgit.domain.names import fold
from promptgit.errors import SignInRefused, UserHeaderRefused
from promptgit.settings import Settings

_NAMESPACE = "accounts.google.com:"  # in which Google's Identity-Aware Proxy puts addresses


class Vouching:
    """What a proxy says of who sends a request, and what they may do by that.

    Raises:
        ValueError: the file of roles cannot be understood, or asks for what the proxy does not say.
    """

    def __init__(self, settings: Settings) -> None:
        self._header, self._groups = settings.user_header, settings.user_groups_header
        self._everybody = [Grant(Scope.of(settings.user_scope))] if settings.user_scope else []
        self._roles = Roles.load(settings.user_roles, "PROMPTGIT_USER_ROLES") if settings.user_roles else Roles(())
        known = {"email", "groups"} if self._groups else {"email"}
        if unknown := sorted(self._roles.claims - known):
            raise ValueError(
                f"PROMPTGIT_USER_ROLES: {settings.user_roles} has a role by {unknown[0]!r}, which the proxy does not "
                "say: it says 'email', and 'groups' in the header of PROMPTGIT_USER_GROUPS_HEADER."
            )

    def person_in(self, headers: Sequence[tuple[bytes, bytes]], people: People) -> Account | None:
        """Whom the headers of a request name; None: nobody. *people* keeps what they may do.

        Raises:
            UserHeaderRefused: they can be understood in more than one way.
            SignInRefused: the address cannot be a person's, or they have no role: their tokens rest.
            LockTimeout, StorageFull, StorageFailed: that could not be written.
        """
        named = _value(headers, self._header)
        groups = _value(headers, self._groups) if self._groups else None
        if not named:
            return None
        email = check_address(named.removeprefix(_NAMESPACE))
        subject = fold(email)
        claims = {"email": [email, subject], "groups": [group.strip() for group in (groups or "").split(",")]}
        role = self._roles.grant_of(claims)
        grant = Grant.sum_of(self._everybody if role is None else [*self._everybody, role])
        if grant is None:
            people.shut_out(account_id("", subject))
            raise SignInRefused(NO_ROLE)
        return people.see(Account("", subject, email, email, grant))


def _value(headers: Sequence[tuple[bytes, bytes]], name: str) -> str | None:
    """The value of a header that comes once; None: it does not come.

    Programs on the way may take `X_Name` for `X-Name`, and pass on what a client has sent as if it were their own.
    """
    wanted = name.lower().encode()
    found = [(key, value) for key, value in headers if key.lower().replace(b"_", b"-") == wanted]
    if len(found) > 1:
        raise UserHeaderRefused(name, "comes more than once, with '_' for '-' or without")
    if any(b"_" in key for key, _ in found):
        raise UserHeaderRefused(name, "comes with '_' for '-'")
    try:
        return found[0][1].decode().strip() if found else None
    except UnicodeDecodeError:
        raise UserHeaderRefused(name, "is not UTF-8") from None
