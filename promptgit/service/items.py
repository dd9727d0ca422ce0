"""What a request for several changes consists of, and what is refused of one item alone, whatever the state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from promptgit.domain import labels, names, texts
from promptgit.errors import ChangesRefused, Invalid, PromptgitError, Unavailable
from promptgit.service.evaluations import Told

NEWEST: Literal["new"] = "new"
"""In place of a version's number: the prompt's newest version once the commit is made."""

MOST = 1_000  # items of one request


@dataclass(frozen=True, slots=True)
class Save:
    """Make *content* the newest version; the prompt of a name is created, or brought back, if need be.

    *data* is the content as bytes, once it was checked.
    """

    content: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Rename:
    """Give the prompt another name."""

    name: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the prompt with its labels."""


@dataclass(frozen=True, slots=True)
class Restore:
    """Make the content of version *number* the newest; that brings a deleted prompt back."""

    number: int


@dataclass(frozen=True, slots=True)
class Point:
    """Point a label at version *number*, or remove it (None)."""

    label: str
    number: int | Literal["new"] | None


@dataclass(frozen=True, slots=True)
class Tell:
    """Say what a check found of version *number*, which is there before."""

    number: int
    told: Told


Action = Save | Rename | Delete | Restore | Point | Tell


@dataclass(frozen=True, slots=True)
class Item:
    """One change of a request: what is done to the prompt of an id or of a name; one of both is given.

    *if_match* is the number of the newest version that the caller has seen; 0: it has seen that no living prompt is
    there; None: it does not say. With *force* what goes goes whoever refers to it.
    """

    action: Action
    prompt_id: str | None = None
    name: str | None = None
    if_match: int | None = None
    force: bool = False


class Refusals:
    """Collects what is refused of items, so that one answer tells of all of them."""

    def __init__(self) -> None:
        self._found: dict[int, PromptgitError] = {}

    @contextmanager
    def of(self, index: int) -> Iterator[None]:
        """Take a refusal that is raised within for that of the item at *index*; the first one of an item counts."""
        try:
            yield
        except Unavailable:
            raise  # it says nothing of the item
        except PromptgitError as error:
            self._found.setdefault(index, error)

    def has(self, index: int) -> bool:
        """Whether the item at *index* is refused."""
        return index in self._found

    def expect_none(self) -> None:
        """Refuse the request if any item was refused.

        Raises:
            ChangesRefused
        """
        if self._found:
            raise ChangesRefused(dict(sorted(self._found.items())))


def checked(item: Item, max_content: int) -> Item:
    """*item* with its name in canonical form, and its content as bytes.

    Raises:
        Invalid, InvalidName, ContentTooLarge: a rule is broken.
    """
    if (item.prompt_id is None) == (item.name is None):
        raise Invalid("prompt_id", "or a name says which prompt is meant; give one of both")
    match item.action:
        case Save(content):
            name = None if item.name is None else names.check(item.name)
            return replace(item, name=name, action=Save(content, texts.check_content(content, max_content)))
        case Rename(new):
            item = replace(item, action=Rename(names.check(new)))
        case Point(label):
            labels.check(label)
        case Tell(number, told):
            item = replace(item, action=Tell(number, told.checked()))
    return item if item.name is None else replace(item, name=_looked_up(item.name))


def _looked_up(name: str) -> str:
    """A name under which a prompt is to be there already: one that came by git may break the rules."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return names.check(name)  # it says what is wrong
    return names.canonical(name)
