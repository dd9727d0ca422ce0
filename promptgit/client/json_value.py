"""Values that are read from the API's JSON, and written as it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache, partial
from types import UnionType
from typing import Any, NamedTuple, Self, TypeAlias, get_args, get_origin, get_type_hints

from promptgit.domain.inputs import Input
from promptgit.domain.models import Author

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
    if hint is Input:
        return (lambda declared: Input(**declared)), Input.json
    if isinstance(hint, type) and issubclass(hint, Value):
        return hint.of, hint.json
    return (lambda value: value), (lambda value: value)


def _each(inner: Any, convert: Callable[[Callable[[Any], Any], Any], Any]) -> _Converters:
    read, write = _converters(inner)
    return partial(convert, read), partial(convert, write)
