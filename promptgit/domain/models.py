"""What the service speaks of: frozen values.

Ids of prompts and versions are the canonical text of a UUID (RFC 9562: 36 characters, lower case).
Versions and prompts are named tuples, because a history may have a million of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from promptgit.domain.releases import Deed, Release

PROMPT_CHANGES = ("version", "label", "rename", "delete", "restore")
"""What a commit can do to a prompt."""
CHANGE_TYPES = (*PROMPT_CHANGES, "check", "release", "rules")
"""What a commit can do."""
WHOLE_COMMIT = "commit"
"""The type of a whole commit in the feed, in addition to those."""
HOOK_FORMATS = ("json", "slack", "github-dispatch")
"""What a webhook can post; `promptgit.jobs.hook_formats` makes them."""
MOST_CHANGES = 1_000
"""How many of its changes a whole commit tells."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Author(NamedTuple):
    """Who wrote a version, as git keeps it."""

    name: str
    email: str


def makers_json(author: Author, committer: Author | None) -> dict[str, dict[str, str]]:
    """Who made something, as all JSON shows it: `author`, and `committer` where that is somebody else."""
    shown = {"author": {"name": author.name, "email": author.email}}
    if committer is not None:
        shown["committer"] = {"name": committer.name, "email": committer.email}
    return shown


class Request(NamedTuple):
    """A write that may be sent again, as SHA-256 in hexadecimal: of its key and credential, and of what it asks."""

    key: str
    body: str


class Version(NamedTuple):
    """The Nth commit that changed a prompt's blob.

    `seconds` is the author's date since 1970; `committer` is who stored it, None where that is the author; `commit_id`
    and `blob_id` are binary ids; `labels` are sorted.
    """

    id: str
    prompt_id: str
    number: int
    seconds: int
    description: str
    author: Author
    committer: Author | None
    commit_id: bytes
    blob_id: bytes
    labels: tuple[str, ...]

    @property
    def timestamp(self) -> datetime:
        """When it was written, aware and in UTC."""
        return _EPOCH + timedelta(seconds=self.seconds)

    @property
    def commit(self) -> str:
        """The commit's id in hexadecimal."""
        return self.commit_id.hex()

    @property
    def blob(self) -> str:
        """The id of its content's blob in hexadecimal."""
        return self.blob_id.hex()


class Prompt(NamedTuple):
    """A prompt and its newest version; `created` is in seconds since 1970.

    `altered` is the commit (in hexadecimal) that renamed it or moved a label since that version, if one did;
    `labels` says which version each label points at.
    """

    id: str
    name: str
    path: str
    created: int
    newest: Version
    altered: str | None
    labels: dict[str, int]

    def labelled(self, version: Version) -> Version:
        """A version of it with the labels that point at that one in this state of the prompt."""
        return version._replace(labels=tuple(label for label, at in self.labels.items() if at == version.number))

    @property
    def created_at(self) -> datetime:
        """When its first version was written, aware and in UTC."""
        return _EPOCH + timedelta(seconds=self.created)


@dataclass(frozen=True, slots=True)
class Removal:
    """The deletion of a prompt: who, when and why; `committer` is None where that is the author."""

    seconds: int
    description: str
    author: Author
    committer: Author | None
    commit: str

    @property
    def timestamp(self) -> datetime:
        """When it was deleted, aware and in UTC."""
        return _EPOCH + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class LabelMove:
    """A label was pointed at the version `number`, or removed (None); `before` is where it pointed, if anywhere.

    `committer` is None where that is the author; `outside` is true of a gated label that was moved without a release.
    """

    label: str
    before: int | None
    number: int | None
    seconds: int
    description: str
    author: Author
    committer: Author | None
    commit: str
    outside: bool = False

    @property
    def timestamp(self) -> datetime:
        """When it was moved, aware and in UTC."""
        return _EPOCH + timedelta(seconds=self.seconds)


class FeedEntry(NamedTuple):
    """One thing that a commit did; its `type` is one of `CHANGE_TYPES`.

    `prompt_id` is None of a release and of the rules. `name` is the prompt's after the commit; `other` the label, the
    name before a rename, or the check; `before` is where the label pointed. `number` is that of the version, or of the
    release; of a restore: of the version that the same commit made; of a deletion: of the newest one; of a label: where
    it points since, if anywhere. `committer` is None where that is the author. `detail` is the state of a check, what
    was done with a release, or `outside` of a gated label's move without one. `release` is the release as the commit
    left it, where the feed has looked it up.
    """

    type: str
    commit: str
    prompt_id: str | None
    name: str | None
    other: str | None
    before: int | None
    number: int | None
    seconds: int
    description: str
    author: Author
    committer: Author | None
    detail: str | None = None
    release: Release | None = None

    @property
    def timestamp(self) -> datetime:
        """The author's date, aware and in UTC."""
        return _EPOCH + timedelta(seconds=self.seconds)

    def is_below(self, prefix: str) -> bool:
        """True if it concerns a prompt whose name begins so; of a rename also if the name before does.

        A release does if one of its items does; what concerns no prompt is below the empty prefix alone.
        """
        names = [self.name, self.other if self.type == "rename" else None]
        names += [item.name for item in self.release.items] if self.release else []
        return not prefix or any(name is not None and name.startswith(prefix) for name in names)

    def as_json(self) -> dict[str, object]:
        """What the feed and webhooks say of it."""
        match self.type:
            case "label":
                own: dict[str, object] = {"label": self.other, "from": self.before, "to": self.number}
                own |= {"outside": True} if self.detail else {}
            case "rename":
                own = {"old_name": self.other}
            case "check":
                own = {"check": self.other, "version_number": self.number, "state": self.detail}
            case "release":
                own = {"release": self.number, "label": self.other, "action": self.detail}
                own |= _release_json(self.release, str(self.detail)) if self.release else {}
            case "rules":
                own = {}
            case _:
                own = {"version_number": self.number}
        return {
            "type": self.type,
            "commit": self.commit,
            "prompt_id": self.prompt_id,
            "name": self.name,
            **own,
            "timestamp": self.timestamp,
            "description": self.description,
            **makers_json(self.author, self.committer),
        }


class CommitEntry(NamedTuple):
    """A whole commit in the feed: the changes that it made, at least one."""

    changes: tuple[FeedEntry, ...]

    @property
    def type(self) -> str:
        """That of a whole commit."""
        return WHOLE_COMMIT

    @property
    def commit(self) -> str:
        """The commit's id in hexadecimal."""
        return self.changes[0].commit

    def as_json(self) -> dict[str, object]:
        """What the feed and webhooks say of it: at most `MOST_CHANGES` of its changes, and how many it made."""
        first = self.changes[0]
        return {
            "type": self.type,
            "commit": first.commit,
            "timestamp": first.timestamp,
            "description": first.description,
            **makers_json(first.author, first.committer),
            "changes": [change.as_json() for change in self.changes[:MOST_CHANGES]],
            "change_count": len(self.changes),
        }


def by_commit(changes: Iterable[FeedEntry]) -> Iterator[CommitEntry]:
    """The commits that made some changes, in order."""
    for _, made in groupby(changes, lambda change: change.commit):
        yield CommitEntry(tuple(made))


def _release_json(release: Release, action: str) -> dict[str, object]:
    """What the feed says of a release in addition to its number and label."""
    deed: Deed | None = release.closed
    if action == "opened":
        deed = release.opened
    elif action == "approved":
        deed = release.approvals[-1] if release.approvals else None
    return {
        "state": release.state,
        "release_description": release.description,
        "items": [
            {"prompt_id": item.prompt_id, "name": item.name, "from": item.before, "to": item.number}
            for item in release.items
        ],
        "by": deed.by if deed else None,
        "owner": deed.owner if deed else None,
    }
