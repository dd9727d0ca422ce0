"""An Atom feed (RFC 4287) of commits.

Ids are made of commits alone, so they stay what they are wherever the service moves. Links need the address of the
service; without it there are none, and none are needed, for each entry has its text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid5
from xml.etree import ElementTree

from promptgit.domain.models import Author
from promptgit.domain.names import NAMESPACE

_ATOM = "http://www.w3.org/2005/Atom"
# What XML 1.0 has no way to write ("Char"); ElementTree writes it nevertheless.
_UNWRITABLE = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")  # RFC 4287, 3.2.3


@dataclass(frozen=True, slots=True)
class Entry:
    """A commit; *address* is the page about it, if it can be said, *kinds* the types of what it did."""

    commit: str
    title: str
    text: str
    author: Author
    committer: Author | None
    updated: datetime
    kinds: Sequence[str]
    address: str | None


@dataclass(frozen=True, slots=True)
class Feed:
    """Commits, newest first; *identity* tells this feed from all others, *addresses* are its own and its page's."""

    identity: Sequence[str]
    title: str
    addresses: Sequence[str]
    entries: Sequence[Entry]

    @property
    def updated(self) -> datetime:
        """When the newest of them was stored; of an empty feed, 1970."""
        return max((entry.updated for entry in self.entries), default=datetime(1970, 1, 1, tzinfo=UTC))

    def document(self) -> bytes:
        """The feed in UTF-8."""
        feed = ElementTree.Element("feed", xmlns=_ATOM)
        _add(feed, "id", _id(*self.identity))
        _add(feed, "title", self.title)
        _add(feed, "updated", _time(self.updated))
        for relation, address in zip(("self", "alternate"), self.addresses, strict=True):
            _link(feed, relation, address)
        for entry in self.entries:
            _add_entry(feed, entry)
        document: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
        return document


def _add_entry(feed: ElementTree.Element, entry: Entry) -> None:
    element = ElementTree.SubElement(feed, "entry")
    _add(element, "id", _id(entry.commit))
    _add(element, "title", entry.title)
    _add(element, "updated", _time(entry.updated))
    _add_person(element, "author", entry.author)
    if entry.committer is not None:
        _add_person(element, "contributor", entry.committer)
    for kind in entry.kinds:
        ElementTree.SubElement(element, "category", term=kind)
    _link(element, "alternate", entry.address)
    _add(element, "content", entry.text or entry.title)


def _add_person(element: ElementTree.Element, role: str, author: Author) -> None:
    person = ElementTree.SubElement(element, role)
    _add(person, "name", author.name or author.email or "unknown")
    if _ADDRESS.fullmatch(author.email):
        _add(person, "email", author.email)


def _link(element: ElementTree.Element, relation: str, address: str | None) -> None:
    if address:
        ElementTree.SubElement(element, "link", rel=relation, href=address)


def _add(element: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(element, name).text = _UNWRITABLE.sub("\ufffd", text)


def _id(*parts: str) -> str:
    return uuid5(NAMESPACE, "\0".join(("activity", *parts))).urn


def _time(then: datetime) -> str:
    return f"{then:%Y-%m-%dT%H:%M:%SZ}"
