"""What the credential behind a write may do; the rules that compare it stand in `service`, below all faces."""

from __future__ import annotations

import re
from dataclasses import dataclass

from promptgit.domain.names import fold

PERSON = "person:"
"""How `Rights.credential` of a person begins; a token's is hexadecimal."""

_PERSON_AS_OWNER = re.compile(r"https?://[^#]+#.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a credential may do in addition to writing; the default is nothing.

    *may_move* are the protected labels that it may move, *may_check* the checks that rules name and it may set; None:
    all. *prefixes* are the beginnings of the names that it may write to, each ending in `/`; None: everywhere.
    *owner* is who answers for it, None without a credential: of a person who has signed in, `person_as_owner`.
    *credential* is the token's id, or begins with PERSON; None where nobody is told apart.
    """

    may_move: frozenset[str] | None = frozenset()
    may_check: frozenset[str] | None = frozenset()
    prefixes: tuple[str, ...] | None = None
    is_admin: bool = False
    owner: str | None = None
    credential: str | None = None

    @property
    def is_person(self) -> bool:
        """True if a person who has signed in with an account acts, False of a token, and of nobody in particular."""
        return self.credential is not None and self.credential.startswith(PERSON)

    def may_write_to(self, name: str) -> bool:
        """True if a prompt of this name is below one of the prefixes; no UUID is, for it has no segments."""
        return self.prefixes is None or name.startswith(self.prefixes)


def person_as_owner(issuer: str, subject: str) -> str:
    """The person *subject* of an OpenID provider, as an owner; no two of them give the same.

    An issuer has no fragment (OpenID Connect Discovery 1.0, section 3), so the first `#` ends it.
    """
    return f"{issuer}#{subject}"


def same_person(owner: str) -> str:
    """What owners, and addresses, that mean the same person have in common: case, form and blanks do not count.

    They do in what `person_as_owner` gives: a provider may have two subjects that differ in nothing else.
    """
    return owner if _PERSON_AS_OWNER.fullmatch(owner) else " ".join(fold(owner).split())


ADMINISTRATOR = Rights(may_move=None, may_check=None, is_admin=True)
"""Those of a process that has the data folder."""

ANYBODY = Rights(may_move=None, may_check=None)
"""Those of everybody where no token is needed."""

NO_RIGHTS = Rights()
"""Those of who says nothing about them."""
