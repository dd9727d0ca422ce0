"""What is refused of a request that makes several changes in one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from promptgit.errors.base import PromptgitError


@dataclass(eq=False)
class DuplicateChange(PromptgitError):
    """Two items of one request are about the same thing of one prompt; *what* is the end of the sentence."""

    code = "duplicate_change"
    sentence = "Another change of this request already {self.what} {self.name!r}. Send one of them, or two requests."
    name: str
    what: str


@dataclass(eq=False)
class AmbiguousChange(PromptgitError):
    """Together with the other items of the request, the history of git would say something else than was meant."""

    code = "ambiguous_change"
    sentence = (
        "In one commit with the other changes, git's history would not show that {self.name!r} is {self.what}: the "
        "same text leaves one name and comes to another. Send two commits."
    )
    name: str
    what: str


@dataclass(eq=False)
class ChangesRefused(PromptgitError):
    """Items of one request are refused, and with them all; *refusals* are by the item's index, from 0 on, in order.

    `code` is that of the first of them.
    """

    code = "changes_refused"
    refusals: Mapping[int, PromptgitError]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.code = self.first.code

    @property
    def first(self) -> PromptgitError:
        """The refusal of the item with the lowest index."""
        return self.refusals[min(self.refusals)]

    def __str__(self) -> str:
        more = len(self.refusals) - 1
        others = f" {more} more {'is' if more == 1 else 'are'} refused, too." if more else ""
        return f"Nothing was written. The change with the index {min(self.refusals)}: {self.first}{others}"
