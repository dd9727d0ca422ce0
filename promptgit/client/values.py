"""What the API answers with, as frozen values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self, TypeAlias

from promptgit.client.errors import MissingVariable
from promptgit.domain.models import Author

At: TypeAlias = str | datetime
"""Which state of the past: a commit's full id, or a time (RFC 3339, or aware)."""

_VARIABLE = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# Members of the API's JSON that have other names than the fields.
_MEMBERS = {"text": "content", "before": "from", "after": "to"}
# How a field of a type is read from JSON, and how it is written. Types that are not here are JSON's own.
_CONVERTERS: dict[object, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "datetime": (datetime.fromisoformat, lambda time: time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
    "Author": (lambda author: Author(**author), Author._asdict),
    "tuple[str, ...]": (tuple, list),
    "tuple[ReleaseItem, ...]": (
        lambda items: tuple(map(ReleaseItem.of, items)),
        lambda items: [i.json() for i in items],
    ),
    "tuple[FeedEntry, ...]": (lambda told: tuple(map(FeedEntry.of, told)), lambda told: [one.json() for one in told]),
}
_AS_IT_IS = (lambda value: value, lambda value: value)


def _members(kind: type[_Value]) -> Iterator[tuple[str, str, Callable[[Any], Any], Callable[[Any], Any]]]:
    """Of each field: its name, the name of its member in JSON, how it is read, how it is written."""
    for field in fields(kind):
        yield field.name, _MEMBERS.get(field.name, field.name), *_CONVERTERS.get(field.type, _AS_IT_IS)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value that is read from the API's JSON, and written as the same JSON."""

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """The value that the API's JSON says; without one of its members, except `content`, a TypeError."""
        return cls(**{name: read(json[member]) for name, member, read, _ in _members(cls) if member in json})

    def json(self) -> dict[str, Any]:
        """The API's JSON; without `content` where it was not asked for."""
        return {
            member: write(value)
            for name, member, _, write in _members(type(self))
            if (value := getattr(self, name)) is not None or name != "text"
        }


@dataclass(frozen=True, slots=True)
class Version(_Value):
    """A version of a prompt; `text` is its content, where it was asked for. Times are aware."""

    id: str
    prompt_id: str
    version_number: int
    timestamp: datetime
    description: str
    author: Author
    commit: str
    labels: tuple[str, ...]
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt(_Value):
    """A prompt at one version, whose are `version_number`, `updated_at`, `description`, `author`, `commit` and `text`.

    `labels` says which version each label points at. What came from a `fallback` has the number 0.
    """

    id: str
    name: str
    path: str
    version_number: int
    created_at: datetime
    updated_at: datetime
    description: str
    author: Author
    commit: str
    labels: Mapping[str, int]
    text: str | None = None

    @classmethod
    def fallback(cls, name: str, text: str) -> Prompt:
        """A prompt made of the text that a caller gave for the time when the server is away."""
        return cls("", name, "", 0, _NEVER, _NEVER, "", Author("", ""), "", {}, text)

    def at(self, version: Version) -> Prompt:
        """The same prompt at another version."""
        return replace(
            self,
            version_number=version.version_number,
            updated_at=version.timestamp,
            description=version.description,
            author=version.author,
            commit=version.commit,
            text=version.text,
        )

    @property
    def content(self) -> str:
        """The text of this version.

        Raises:
            ValueError: the server was not asked for the content: `list` without `content=True`.
        """
        if self.text is None:
            raise ValueError(f"The content of {self.name!r} was not asked for; use get, or list with content=True.")
        return self.text

    @property
    def is_fallback(self) -> bool:
        """True if this is the caller's own text, because the server was away."""
        return self.version_number == 0

    @property
    def variables(self) -> tuple[str, ...]:
        """The names that `compile` fills, in the order in which they first occur."""
        return tuple(dict.fromkeys(_VARIABLE.findall(self.content)))

    def compile(self, /, **values: object) -> str:
        """The content with a value for each `{{name}}`; the rest stays as it is, `{{name}}` within a value too.

        Raises:
            MissingVariable: a variable has no value.
        """
        missing = tuple(name for name in self.variables if name not in values)
        if missing:
            raise MissingVariable(self.name, missing)
        return _VARIABLE.sub(lambda found: str(values[found[1]]), self.content)


@dataclass(frozen=True, slots=True)
class Label(_Value):
    """Where a label points, and since when; by whom and why."""

    label: str
    version_number: int
    timestamp: datetime
    description: str
    author: Author
    commit: str


@dataclass(frozen=True, slots=True)
class LabelMove(_Value):
    """A label was pointed from one version at another; None is nowhere."""

    before: int | None
    after: int | None
    timestamp: datetime
    description: str
    author: Author
    commit: str


@dataclass(frozen=True, slots=True)
class ChangeResult(_Value):
    """What one change of a commit did; name and number are the prompt's after the commit.

    `prompt_id` is None in a dry run where only the commit decides it.
    """

    prompt_id: str | None
    name: str
    version_number: int
    changed: bool


class Committed(NamedTuple):
    """A commit, None where nothing had to change or in a dry run, and what each change did, in order."""

    commit: str | None
    results: tuple[ChangeResult, ...]


@dataclass(frozen=True, slots=True)
class Promotion(_Value):
    """A prompt's label was pointed from one version at another; `before` is None where it pointed nowhere."""

    prompt_id: str
    name: str
    before: int | None
    after: int


class Promoted(NamedTuple):
    """A commit, None where nothing had to move or in a dry run, and the prompts whose label moves, by name."""

    commit: str | None
    results: tuple[Promotion, ...]


class Diff(NamedTuple):
    """What `git diff` prints from one version to another, and the lines added and taken away."""

    text: str
    additions: int
    deletions: int


@dataclass(frozen=True, slots=True)
class ReleaseItem(_Value):
    """A label that a release moves from one version to another; None is nowhere."""

    prompt_id: str
    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class FeedEntry(_Value):
    """An entry of the feed; what its `type` does not have is None, and False of `outside`.

    `prompt_id` and `name` are None of releases, rules and whole commits. A label was pointed from version `before` at
    `after`. Of a release are `release` (its number), `label`, `action`, `release_description`, `by`, `owner`, `items`,
    and `state`, which a check has, too. Of a whole commit are `changes`, the first 1,000 of `change_count`.
    """

    type: str
    commit: str
    timestamp: datetime
    description: str
    author: Author
    prompt_id: str | None = None
    name: str | None = None
    version_number: int | None = None
    old_name: str | None = None
    label: str | None = None
    before: int | None = None
    after: int | None = None
    outside: bool = False
    check: str | None = None
    state: str | None = None
    release: int | None = None
    action: str | None = None
    release_description: str | None = None
    by: str | None = None
    owner: str | None = None
    items: tuple[ReleaseItem, ...] = ()
    changes: tuple[FeedEntry, ...] = ()
    change_count: int | None = None


def moment(at: At) -> str:
    """What the API is told of a state of the past.

    Raises:
        ValueError: the time has no zone.
    """
    if isinstance(at, str):
        return at
    if at.tzinfo is None:
        raise ValueError(f"The time {at} has no zone; give an aware one, such as datetime.now(UTC).")
    return at.isoformat()
