"""Releases: requests to move a gated label, as files in the tree. Pure functions and values, no I/O.

Release 12 is the file `releases/0/12.toml`, release 1234 is `releases/1/1234.toml`. Each change of it is a commit, so
that `git log` of the file tells who opened, approved and released what.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import tomli_w

from promptgit.domain import toml
from promptgit.domain.labels import LATEST, is_label
from promptgit.domain.names import is_uuid

ROOT = "releases/"
OPEN, RELEASED, REJECTED, WITHDRAWN, OVERRIDDEN = STATES = ("open", "released", "rejected", "withdrawn", "overridden")
"""What a file can say."""
READY, OUTDATED = DERIVED = ("ready", "outdated")
"""What follows for open releases from approvals, checks and labels; no file says it."""
MOVING = (RELEASED, OVERRIDDEN)
"""States whose commit moves labels."""
MOST_ITEMS = 1_000
_MOST_BYTES = 4 << 20  # 1,000 items of the longest names, with approvals, have a quarter of it

_FILE = re.compile(r"releases/(0|[1-9][0-9]{0,8})/([1-9][0-9]{0,11})\.toml", re.ASCII)


class Deed(NamedTuple):
    """What somebody did: the credential's name (promptgit, if nobody in person), owner and id, when, and why.

    *at* is in seconds since 1970.
    """

    by: str
    owner: str | None
    credential: str | None
    at: int
    description: str = ""

    @property
    def timestamp(self) -> datetime:
        """When, aware and in UTC."""
        return _moment(self.at)


class Item(NamedTuple):
    """One label to move: *before* is where it pointed when the release was opened, *number* where it is to point.

    None: nowhere. *version_id* is the id of version *number*, which a number keeps only as long as history does.
    """

    prompt_id: str
    name: str
    before: int | None
    number: int | None
    version_id: str | None


@dataclass(frozen=True, slots=True)
class Release:
    """A release as its file says it; of *closed* is the deed that ended it."""

    number: int
    label: str
    state: str
    description: str
    opened: Deed
    items: tuple[Item, ...]
    when_ready: bool = False
    rollback_of: int | None = None
    approvals: tuple[Deed, ...] = ()
    closed: Deed | None = None

    def approved(self, deed: Deed) -> Release:
        """The same with one more approval."""
        return replace(self, approvals=(*self.approvals, deed))

    def ended(self, state: str, deed: Deed) -> Release:
        """The same, closed."""
        return replace(self, state=state, closed=deed)


def path_of(number: int) -> str:
    """The path in the tree of the release with this number."""
    return f"{ROOT}{number // 1000}/{number}.toml"


def parse_path(path: str) -> int | None:
    """The number of the release whose file is *path*; None where no release has that path."""
    found = _FILE.fullmatch(path)
    number = int(found[2]) if found else 0
    return number if found and path_of(number) == path else None


def content(release: Release) -> bytes:
    """What the file of a release holds."""
    tree: dict[str, Any] = {"label": release.label, "state": release.state, "description": release.description}
    if release.when_ready:
        tree["when_ready"] = True
    if release.rollback_of is not None:
        tree["rollback_of"] = release.rollback_of
    tree["opened"] = _deed_table(release.opened)
    if release.closed is not None:
        tree[release.state] = _deed_table(release.closed)
    tree["approvals"] = [_deed_table(deed) for deed in release.approvals]
    tree["items"] = [_item_table(item) for item in release.items]
    return tomli_w.dumps({key: value for key, value in tree.items() if value != []}).encode()


def parse(number: int, data: bytes) -> Release | None:
    """The release that a file holds; None where it holds something else."""
    try:
        tree = toml.load(data, _MOST_BYTES)
        state = tree["state"]
        closed = tree.get(state) if state != OPEN else None
        release = Release(
            number,
            _text(tree["label"]),
            state,
            _text(tree["description"]),
            _deed(tree["opened"]),
            tuple(map(_item, tree["items"])),
            tree.get("when_ready", False) is True,
            _number(tree.get("rollback_of")),
            tuple(map(_deed, tree.get("approvals", []))),
            None if closed is None else _deed(closed),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
    is_label_of_prompts = is_label(release.label) and release.label != LATEST
    is_sound = state in STATES and is_label_of_prompts and 0 < len(release.items) <= MOST_ITEMS
    return release if is_sound else None


def _deed_table(deed: Deed) -> dict[str, Any]:
    table = {"by": deed.by, "owner": deed.owner, "credential": deed.credential, "at": _moment(deed.at)}
    return {
        key: value for key, value in (table | {"description": deed.description or None}).items() if value is not None
    }


def _deed(table: dict[str, Any]) -> Deed:
    at: datetime = table["at"]
    if at.tzinfo is None:
        raise ValueError("no moment without an offset")  # it would be another one on another machine
    seconds = int(at.timestamp())
    _moment(seconds)  # years 1 and 9999 have moments that UTC cannot say
    owner, credential = table.get("owner"), table.get("credential")
    return Deed(
        _text(table["by"]),
        None if owner is None else _text(owner),
        None if credential is None else _text(credential),
        seconds,
        _text(table.get("description", "")),
    )


def _item_table(item: Item) -> dict[str, Any]:
    table = {"prompt": item.name, "prompt_id": item.prompt_id, "from": item.before, "to": item.number}
    return {key: value for key, value in (table | {"version_id": item.version_id}).items() if value is not None}


def _item(table: dict[str, Any]) -> Item:
    version_id = table.get("version_id")
    if not is_uuid(table["prompt_id"]) or not (version_id is None or is_uuid(version_id)):
        raise ValueError("no UUID")
    return Item(
        table["prompt_id"], _text(table["prompt"]), _number(table.get("from")), _number(table.get("to")), version_id
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: object) -> int | None:
    if value is not None and (type(value) is not int or not 0 < value < 10**18):
        raise ValueError("no number of a version")
    return value


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
