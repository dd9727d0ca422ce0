"""What the API answers with, as frozen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cache, partial
from types import UnionType
from typing import Any, NamedTuple, Self, TypeAlias, get_args, get_origin, get_type_hints

from promptgit.client.errors import MissingVariable
from promptgit.domain.models import Author
from promptgit.domain.variables import VARIABLE, names_in

At: TypeAlias = str | datetime
"""Which state of the past: a commit's full id, or a time (RFC 3339, or aware)."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

# Members of the API's JSON that have other names than the fields.
_MEMBERS = {"text": "content", "before": "from", "after": "to"}


_Converters: TypeAlias = tuple[Callable[[Any], Any], Callable[[Any], Any]]


class _Member(NamedTuple):
    """A field of a value: its name, that of its member in JSON, how it is read and written, and its default."""

    field: str
    name: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    default: object


@dataclass(frozen=True, slots=True)
class Value:
    """A value that is read from the API's JSON, and written as the same JSON."""

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        """The value that the API's JSON says; without one of its members that has no default, a TypeError."""
        return cls(**{one.field: one.read(json[one.name]) for one in cls._members() if one.name in json})

    def json(self) -> dict[str, Any]:
        """The API's JSON; without the members that have their default, such as `content` that was not asked for."""
        values = ((one, getattr(self, one.field)) for one in self._members())
        return {one.name: one.write(value) for one, value in values if value != one.default} | self._derived()

    def _derived(self) -> dict[str, Any]:
        """Members of the JSON that follow from other members."""
        return {}

    @classmethod
    def _members(cls) -> tuple[_Member, ...]:
        return _members_of(cls)  # type: ignore[arg-type]  # mypy takes the hash of instances for that of the class


@cache
def _members_of(kind: type[Any]) -> tuple[_Member, ...]:
    hints = get_type_hints(kind)
    return tuple(
        _Member(one.name, _MEMBERS.get(one.name, one.name), *_converters(hints[one.name]), one.default)
        for one in fields(kind)
    )


def _converters(hint: Any) -> _Converters:
    """How a field of a type is read from JSON, and how it is written."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is UnionType:
        return _each(inner[0], lambda convert, value: None if value is None else convert(value))
    if kind is tuple:
        return _each(inner[0], lambda convert, values: tuple(map(convert, values)))
    if kind is Mapping:
        return _each(inner[1], lambda convert, values: {key: convert(value) for key, value in values.items()})
    if hint is datetime:
        return datetime.fromisoformat, lambda time: time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if hint is Author:
        return (lambda author: Author(**author)), Author._asdict
    if isinstance(hint, type) and issubclass(hint, Value):
        return hint.of, hint.json
    return (lambda value: value), (lambda value: value)


def _each(inner: Any, convert: Callable[[Callable[[Any], Any], Any], Any]) -> _Converters:
    read, write = _converters(inner)
    return partial(convert, read), partial(convert, write)


def _variables(text: str | None) -> dict[str, Any]:
    return {} if text is None else {"variables": list(names_in(text))}


@dataclass(frozen=True, slots=True)
class Version(Value):
    """A version of a prompt; `text` is its content, where it was asked for. Times are aware.

    `committer` is who stored it; None where that is the author, here and in all other values.
    """

    id: str
    prompt_id: str
    version_number: int
    timestamp: datetime
    description: str
    author: Author
    committer: Author | None = field(default=None, kw_only=True)
    commit: str
    labels: tuple[str, ...]
    text: str | None = None

    def _derived(self) -> dict[str, Any]:
        return _variables(self.text)


@dataclass(frozen=True, slots=True)
class Lines(Value):
    """So many lines in a row, and of the version that wrote them the number, when and by whom.

    `committer` is who stored that version; None where that is the author.
    """

    lines: int
    version_number: int
    timestamp: datetime
    author: Author
    committer: Author | None = None


@dataclass(frozen=True, slots=True)
class Prompt(Value):
    """A prompt at one version.

    Of this are `version_number`, `updated_at`, `description`, `author`, `committer`, `commit` and `text`. `labels` says
    which version each label points at. What came from a `fallback` has the number 0.
    """

    id: str
    name: str
    path: str
    version_number: int
    created_at: datetime
    updated_at: datetime
    description: str
    author: Author
    committer: Author | None = field(default=None, kw_only=True)
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
            committer=version.committer,
            commit=version.commit,
            text=version.text,
        )

    def _derived(self) -> dict[str, Any]:
        return _variables(self.text)

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
        return names_in(self.content)

    def compile(self, /, **values: object) -> str:
        """The content with a value for each `{{name}}`; the rest stays as it is, `{{name}}` within a value too.

        Raises:
            MissingVariable: a variable has no value.
        """
        missing = tuple(name for name in self.variables if name not in values)
        if missing:
            raise MissingVariable(self.name, missing)
        return VARIABLE.sub(lambda found: str(values[found["name"]]), self.content)


@dataclass(frozen=True, slots=True)
class Label(Value):
    """Where a label points, and since when; by whom and why."""

    label: str
    version_number: int
    timestamp: datetime
    description: str
    author: Author
    committer: Author | None = field(default=None, kw_only=True)
    commit: str


@dataclass(frozen=True, slots=True)
class LabelMove(Value):
    """A label was pointed from one version at another; None is nowhere.

    `outside` is true if a push moved a gated label, without a release.
    """

    before: int | None
    after: int | None
    timestamp: datetime
    description: str
    author: Author
    committer: Author | None = field(default=None, kw_only=True)
    commit: str
    outside: bool = False


class Diff(NamedTuple):
    """What `git diff` prints from one version to another, and the lines added and taken away."""

    text: str
    additions: int
    deletions: int


@dataclass(frozen=True, slots=True)
class ReleaseItem(Value):
    """A label that a release moves from one version to another; None is nowhere."""

    prompt_id: str
    name: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class FeedEntry(Value):
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
    committer: Author | None = field(default=None, kw_only=True)
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
