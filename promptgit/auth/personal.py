"""Tokens that people make for themselves: for a while, and with no more than they may do, then and in each request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from promptgit.auth.accounts import Account, Grant
from promptgit.auth.credentials import Scope
from promptgit.auth.people import People
from promptgit.auth.tokens import Bound, Token, Tokens
from promptgit.domain.rights import PERSON
from promptgit.domain.texts import check_identity
from promptgit.errors import Invalid
from promptgit.store.access_log import Who

MOST_DAYS = 90
MAX_NAME = 40  # characters, without the address in front

_MOST = 50  # that work, of one person
_DAY = 86_400  # seconds


def bound_by(people: People) -> Bound:
    """What keeps people's own tokens to what *people* says of them: as they were last let in.

    None of somebody whom it does not know, whose sessions were ended since, or who was not let in the last time.
    """

    def bound(token: Token) -> Token | None:
        account = people.account(person_of(token))
        if account is None or account.is_shut_out or account.credential != token.person:
            return None
        grant = Grant(token.scope, token.may_move, token.may_check, token.prefixes).within(account.grant)
        return replace(
            token, scope=grant.scope, may_move=grant.may_move, may_check=grant.may_check, prefixes=grant.prefixes
        )

    return bound


def person_of(token: Token) -> str:
    """The id of the person who has made the token for themselves; empty: an administrator has made it."""
    return (token.person or "").removeprefix(PERSON).partition(".")[0]


def tokens_of(account: Account, tokens: Tokens) -> list[Token]:
    """The tokens that a person has made for themselves, oldest first; those that have ended, too."""
    return [token for token in tokens.all() if person_of(token) == account.id]


def make(
    account: Account,
    tokens: Tokens,
    name: str,
    scope: Scope,
    days: int,
    *,
    may_move: Iterable[str] = (),
    may_check: Iterable[str] = (),
    by: Who,
) -> tuple[Token, str]:
    """Make a token of a person, and its secret. It is named after the person's address, for all to see whose it is.

    It writes where the person does.

    Raises:
        Invalid: it would last longer, or be allowed more than the person; or the name breaks a rule.
        TokenNameTaken: the person has, or had, one with this name.
        ManagedElsewhere, StorageFull, StorageFailed, LockTimeout: none was made.
    """
    name = check_identity("name", name, 1, MAX_NAME)
    if not 1 <= days <= MOST_DAYS:
        raise Invalid("days", f"is {days}; 1 to {MOST_DAYS} are allowed")
    now = tokens.clock()
    if sum(token.state(now) == "active" for token in tokens_of(account, tokens)) >= _MOST:
        raise Invalid("name", f"is of one too many: {_MOST} tokens of yours work; end one")
    wanted = Grant(scope, tuple(sorted(set(may_move))), tuple(sorted(set(may_check))))
    grant = wanted.within(account.grant)
    for field, asked, given in (
        ("scope", scope.word, grant.scope.word),
        ("may_move", wanted.may_move, grant.may_move),
        ("may_check", wanted.may_check, grant.may_check),
    ):
        if asked != given:
            raise Invalid(field, "is more than you may do yourself")
    whose = {"owner": account.owner, "person": account.credential}
    return tokens.make(f"{account.email}/{name}", grant, days * _DAY, **whose, by=by)


def end_all(which: str, people: People, tokens: Tokens, *, by: Who | None = None) -> tuple[Account, int, int]:
    """End all sessions and own tokens of the person with this id or address; how many there were of both.

    A file of tokens that is distributed stays as it is: here the tokens do not work any more.

    Raises:
        PersonNotFound, LockTimeout, StorageFull, StorageFailed: see `People.end_all`.
    """
    account, sessions = people.end_all(which, by=by)
    open_ = [token for token in tokens_of(account, tokens) if token.state(people.clock()) == "active"]
    if tokens.file.is_distributed:
        return account, sessions, 0
    for token in open_:
        tokens.revoke(token.id, by=by)
    return account, sessions, len(open_)
