"""Who made what a row tells: an author, and a committer where that is somebody else."""

from __future__ import annotations

from typing import NamedTuple

from promptgit.domain.history import Commit
from promptgit.domain.models import Author

COLUMNS = "a.name, a.email, co.name, co.email"


class Makers(NamedTuple):
    """The columns `author` and `committer` of a table: keys of `authors`; None where the author is the committer."""

    author: int
    committer: int | None


def joined(table: str) -> str:
    """The joins that `COLUMNS` come from, of a table with `author` and `committer`.

    They are outer joins: where a row is missing that must be there, the index is damaged, and the checksum shows it.
    """
    return f"LEFT JOIN authors a ON a.key = {table}.author LEFT JOIN authors co ON co.key = {table}.committer"


def sealed(commit: Commit) -> tuple[str | None, ...]:
    """What `COLUMNS` have of what a commit made."""
    return *commit.author, *(commit.other_committer or (None, None))


def of_columns(name: str, email: str, other_name: str | None, other_email: str | None) -> tuple[Author, Author | None]:
    """Author and committer, of `COLUMNS` that were compared with their checksum."""
    other = None if other_name is None or other_email is None else Author(other_name, other_email)
    return Author(name, email), other
