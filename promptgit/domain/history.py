"""From commits to events: which commit made which version of which prompt.

Only pure functions and values; the index applies the events, in the order of the commits.
The values are named tuples, because a history may have a million of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from promptgit.domain import labels
from promptgit.domain.models import Author
from promptgit.domain.names import name_of

T = TypeVar("T")
_LABELS = labels.ROOT.encode()


class FileChange(NamedTuple):
    """What a commit did to one path; *old* and *new* are blob ids in hexadecimal.

    None where no regular file lies at the path: nothing, a symbolic link, a submodule.
    """

    path: bytes
    old: str | None
    new: str | None


class Commit(NamedTuple):
    """One commit of `main`, against its first parent.

    *timestamp* is its author's date, *stored* its committer's; both in seconds since 1970.
    """

    id: str
    parent: str | None
    author: Author
    timestamp: int
    description: str
    changes: tuple[FileChange, ...]
    committer: Author
    stored: int

    @property
    def other_committer(self) -> Author | None:
        """The committer; None where that is the author."""
        return None if self.committer == self.author else self.committer


class Written(NamedTuple):
    """A prompt's file was added, or its blob changed."""

    name: str
    blob: str


class Moved(NamedTuple):
    """A blob left one path and appeared at another."""

    source: str
    name: str
    blob: str


class Removed(NamedTuple):
    """A prompt's file left."""

    name: str


class LabelFile(NamedTuple):
    """The file of a label was written, or left (None)."""

    label: str
    name: str
    blob: str | None


Event = Written | Moved | Removed


def events(changes: Iterable[FileChange], naming: Callable[[str], str | None] = name_of) -> list[Event]:
    """What the changes of one commit mean for prompts: removals, then moves, then writes, each by path.

    A move joins a path that goes and one that comes with the very same blob; the same last segment
    is preferred where there is a choice, then the order of the paths. *naming* gives the name of the prompt
    whose file a path is, or None.
    """
    gone: list[tuple[str, str]] = []
    came: list[tuple[str, str]] = []
    written: list[Event] = []
    for change in changes:
        if change.old == change.new or (name := _decoded(change.path, naming)) is None:
            continue
        if change.new is None:
            assert change.old is not None
            gone.append((name, change.old))
        elif change.old is None:
            came.append((name, change.new))
        else:
            written.append(Written(name, change.new))
    if not gone and not came:
        return written
    moved = _moves(gone, came) if gone and came else {}
    removed: list[Event] = [Removed(name) for name, _ in gone if name not in moved.values()]
    written += [Written(name, blob) for name, blob in came if name not in moved]
    blobs = dict(came)
    return removed + [Moved(source, name, blobs[name]) for name, source in moved.items()] + written


def label_files(changes: Iterable[FileChange]) -> list[LabelFile]:
    """What the changes of one commit mean for labels."""
    return [
        LabelFile(*found, change.new)
        for change in changes
        if change.old != change.new
        and change.path.startswith(_LABELS)
        and (found := _decoded(change.path, labels.parse)) is not None
    ]


def _moves(gone: list[tuple[str, str]], came: list[tuple[str, str]]) -> dict[str, str]:
    """New name -> old name, of the names that only moved."""
    sources: defaultdict[str, list[str]] = defaultdict(list)
    for name, blob in gone:
        sources[blob].append(name)
    moves: dict[str, str] = {}
    rest: list[tuple[str, str]] = []
    for name, blob in came:
        last = name.rsplit("/", 1)[-1]
        twin = next((source for source in sources.get(blob, ()) if source.rsplit("/", 1)[-1] == last), None)
        if twin is None:
            rest.append((name, blob))
        else:
            sources[blob].remove(twin)
            moves[name] = twin
    for name, blob in rest:
        if sources.get(blob):
            moves[name] = sources[blob].pop(0)
    return moves


def _decoded(path: bytes, parse: Callable[[str], T | None]) -> T | None:
    try:
        return parse(path.decode())
    except UnicodeDecodeError:
        return None  # no JSON text can say this name
