"""All credentials of a data folder, as releases ask for them: tokens, and people who have signed in."""

from __future__ import annotations

from promptgit.auth.people import People
from promptgit.auth.tokens import Tokens
from promptgit.domain.rights import PERSON


class Everybody:
    """Tokens and people. A token whose owner is an address of a person is that person's; of each, if several had it.

    People count also where OpenID Connect was switched off since: what they have approved stays approved.
    """

    def __init__(self, tokens: Tokens, people: People) -> None:
        self._tokens = tokens
        self._people = people

    def are_ended(self, credential: str) -> bool:
        """True if a token was revoked, or is not known, or an administrator has ended a person's sessions since.

        One that has expired is not ended; one that a person has made ends with that person's sessions.

        Raises:
            UnusableTokens: the file of tokens cannot be read.
        """
        if credential.startswith(PERSON):
            return self._people.are_ended(credential)
        token = self._tokens.with_id(credential)
        if token is None or token.revoked is not None:
            return True
        return token.person is not None and self._people.are_ended(token.person)

    def addresses_of(self, owner: str) -> frozenset[str]:
        """The addresses that an owner's tokens and sessions, ended ones too, have as git's committers.

        Raises:
            UnusableTokens: the file of tokens cannot be read.
        """
        own = self._people.addresses_of(owner)
        owners = {owner, *self.known_owners(owner), *own}
        return own.union(*map(self._tokens.addresses_of, owners))

    def known_owners(self, owner: str) -> frozenset[str]:
        """The owners that people have who have signed in, if *owner* is, or was, an address of theirs; else itself."""
        return self._people.known_owners(owner)
