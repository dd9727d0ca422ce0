"""What the API answers with, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from promptgit.client.errors import MissingVariable, UnknownVariable
from promptgit.client.json_value import Value
from promptgit.domain.inputs import Input, body_of, completed
from promptgit.domain.models import Author
from promptgit.domain.variables import VARIABLE, names_in

At: TypeAlias = str | datetime
"""Which state of the past: a commit's full id, or a time (RFC 3339, or aware)."""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _variables(text: str | None) -> dict[str, Any]:
    return {} if text is None else {"variables": list(names_in(text))}


@dataclass(frozen=True, slots=True)
class ResolvedReference(Value):
    """A version of another prompt that was put into a text; `label` is the one that the reference names, if any."""

    prompt_id: str
    name: str
    version_number: int
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Version(Value):
    """A version of a prompt; `text` is its content, where it was asked for, and `inputs` are what that declares.

    Times are aware.
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
    inputs: tuple[Input, ...] = ()
    resolved_references: tuple[ResolvedReference, ...] = ()

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
class Usage(Value):
    """Reads of one version of a prompt, by one label, by one credential; `last_read` is aware.

    `label` is None of what was asked for by its number, `who` of what was asked for without a credential. `days` has
    how often on each day, as "2026-11-25", in UTC.
    """

    version_number: int
    label: str | None
    who: str | None
    last_read: datetime
    days: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Prompt(Value):
    """A prompt at one version.

    Of this are `version_number`, `updated_at`, `description`, `author`, `committer`, `commit` and `text`. `labels` says
    which version each label points at. `inputs` are the variables that the front matter of `text` declares. What came
    from a `fallback` has the number 0, and no inputs. `resolved_references` says which prompts were put into `text`,
    with `resolve=True`.
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
    inputs: tuple[Input, ...] = ()
    resolved_references: tuple[ResolvedReference, ...] = ()

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
            inputs=version.inputs,
            resolved_references=version.resolved_references,
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
        """The names in `{{name}}`, in the order in which they first occur."""
        return names_in(self.content)

    def compile(self, values: Mapping[str, object] | None = None, /, *, strict: bool = False, **more: object) -> str:
        """The content with a value for each `{{name}}`; the rest stays as it is, `{{name}}` within a value too.

        Values are those of the mapping, which can have any names, and *more*. Where the front matter declares
        variables, it is left out, and its defaults are filled in.

        Raises:
            MissingVariable: a variable has neither a value nor a default, and is not declared as not required.
            UnknownVariable: with *strict*, there is a value for a variable that is neither in the content nor declared.
        """
        text = body_of(self.content) if self.inputs else self.content
        filled, missing, unknown = completed(names_in(text), self.inputs, {**(values or {}), **more})
        if missing:
            raise MissingVariable(self.name, missing)
        if unknown and strict:
            raise UnknownVariable(self.name, unknown)
        return VARIABLE.sub(lambda found: filled[found["name"]], text)

    def attributes(self) -> dict[str, str]:
        """What a span of OpenTelemetry says of the prompt that it used; of a `fallback`, its name alone."""
        version = {} if self.is_fallback else {"gen_ai.prompt.version": str(self.version_number)}
        return {"gen_ai.prompt.name": self.name} | version


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


class OtherFile(NamedTuple):
    """A prompt as a file of another format, and what of the prompt that file cannot say."""

    data: bytes
    dropped: tuple[str, ...]


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
