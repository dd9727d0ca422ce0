"""What the API answers with, as frozen values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from promptgit.client.errors import MissingVariable
from promptgit.domain.models import Author

_VARIABLE = re.compile(r"\{\{\s*([^\W\d]\w*)\s*\}\}")
_NEVER = "1970-01-01T00:00:00Z"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Version:
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

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Version:
        """A version from the API's JSON."""
        return cls(
            value["id"],
            value["prompt_id"],
            value["version_number"],
            _time(value["timestamp"]),
            value["description"],
            Author(**value["author"]),
            value["commit"],
            tuple(value["labels"]),
            value.get("content"),
        )

    def json(self) -> dict[str, Any]:
        """The API's JSON."""
        return {
            "id": self.id,
            "prompt_id": self.prompt_id,
            "version_number": self.version_number,
            "timestamp": _text(self.timestamp),
            "description": self.description,
            "author": self.author._asdict(),
            "commit": self.commit,
            "labels": list(self.labels),
        } | ({} if self.text is None else {"content": self.text})


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt at one of its versions, whose are the number, `updated_at`, `description`, `author` and `commit`.

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
    def of(cls, value: Mapping[str, Any]) -> Prompt:
        """A prompt from the API's JSON."""
        return cls(
            value["id"],
            value["name"],
            value["path"],
            value["version_number"],
            _time(value["created_at"]),
            _time(value["updated_at"]),
            value["description"],
            Author(**value["author"]),
            value["commit"],
            dict(value["labels"]),
            value.get("content"),
        )

    @classmethod
    def fallback(cls, name: str, text: str) -> Prompt:
        """A text in the place of a prompt that cannot be had."""
        return cls("", name, "", 0, _time(_NEVER), _time(_NEVER), "", Author("", ""), "", {}, text)

    def at(self, version: Version) -> Prompt:
        """The same prompt at another version."""
        return Prompt(
            self.id,
            self.name,
            self.path,
            version.version_number,
            self.created_at,
            version.timestamp,
            version.description,
            version.author,
            version.commit,
            self.labels,
            version.text,
        )

    def json(self) -> dict[str, Any]:
        """The API's JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "path": self.path,
            "version_number": self.version_number,
            "created_at": _text(self.created_at),
            "updated_at": _text(self.updated_at),
            "description": self.description,
            "author": self.author._asdict(),
            "commit": self.commit,
            "labels": dict(self.labels),
        } | ({} if self.text is None else {"content": self.text})

    @property
    def content(self) -> str:
        """The text of this version.

        Raises:
            ValueError: it was not asked for: `list` without `content=True`.
        """
        if self.text is None:
            raise ValueError(f"The content of {self.name!r} was not asked for; use get, or list with content=True.")
        return self.text

    @property
    def is_fallback(self) -> bool:
        """Whether this is the text that the caller gave, because the server was away."""
        return self.version_number == 0

    @property
    def variables(self) -> tuple[str, ...]:
        """The names that `compile` fills, in the order of their first places."""
        return tuple(dict.fromkeys(_VARIABLE.findall(self.content)))

    def compile(self, /, **values: object) -> str:
        """The content with each `{{name}}` filled; all else stays as it is, and what is filled in is not looked at.

        Raises:
            MissingVariable: one or more have no value.
        """
        missing = tuple(name for name in self.variables if name not in values)
        if missing:
            raise MissingVariable(self.name, missing)
        return _VARIABLE.sub(lambda found: str(values[found[1]]), self.content)


@dataclass(frozen=True, slots=True)
class Label:
    """Where a label points, and since when; by whom and why."""

    label: str
    version_number: int
    timestamp: datetime
    description: str
    author: Author
    commit: str

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Label:
        """A label from the API's JSON."""
        return cls(value["label"], value["version_number"], *_made(value))

    def json(self) -> dict[str, Any]:
        """The API's JSON."""
        return {"label": self.label, "version_number": self.version_number} | _made_json(self)


@dataclass(frozen=True, slots=True)
class LabelMove:
    """A label was pointed from one version at another; None is nowhere."""

    before: int | None
    after: int | None
    timestamp: datetime
    description: str
    author: Author
    commit: str

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> LabelMove:
        """A move from the API's JSON."""
        return cls(value["from"], value["to"], *_made(value))

    def json(self) -> dict[str, Any]:
        """The API's JSON."""
        return {"from": self.before, "to": self.after} | _made_json(self)


class Diff(NamedTuple):
    """What `git diff` prints from one version to another, and the lines added and taken away."""

    text: str
    additions: int
    deletions: int


def _made(value: Mapping[str, Any]) -> tuple[datetime, str, Author, str]:
    return _time(value["timestamp"]), value["description"], Author(**value["author"]), value["commit"]


def _made_json(value: Label | LabelMove) -> dict[str, Any]:
    return {
        "timestamp": _text(value.timestamp),
        "description": value.description,
        "author": value.author._asdict(),
        "commit": value.commit,
    }
