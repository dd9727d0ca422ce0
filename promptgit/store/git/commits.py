"""Commits that are made but not stored yet: a chain on top of `main`, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from promptgit.domain.history import Commit, FileChange
from promptgit.domain.models import Author
from promptgit.errors import Invalid, PathBlocked
from promptgit.store.git import objects, paths
from promptgit.store.git.hashing import object_id
from promptgit.store.git.objects import (
    BLOB,
    COMMIT,
    FILE_MODE,
    FOLDER_MODE,
    TREE,
    Tree,
    entry_id,
    entry_mode,
    tree_entry,
)

_FOREIGN_COMMITS = 1_000  # that are looked behind
_OURS = ("@promptgit", "promptgit@localhost")  # how the addresses of credentials end, and of the service itself


@dataclass(frozen=True, slots=True)
class Edit:
    """One commit to make: path -> new content, the id of a blob that exists, or None to remove the file.

    *committer* is whose credential stores it; None: the service. *authored* and *committed* are in seconds since
    1970; None: when it is stored. *committed* is for histories that were made elsewhere: it lies between the date of
    the commit before and the present.
    """

    files: Mapping[str, bytes | str | None]
    description: str
    author: Author
    committer: Author | None = None
    authored: int | None = None
    committed: int | None = None


@dataclass(slots=True)
class _Folder:
    """A tree being changed: its entries, except the folders in it that are being changed too."""

    entries: Tree
    open: dict[bytes, _Folder] = field(default_factory=dict)

    def is_empty(self) -> bool:
        return not self.entries and all(folder.is_empty() for folder in self.open.values())


class Batch:
    """A chain of commits on top of the commit *tip*.

    *read* gives the bytes of a stored object by its id in hexadecimal; *now* is in seconds since 1970.
    *trees* keeps trees by their ids, those of earlier batches too.
    """

    def __init__(
        self, tip: str, now: int, committer: Author, read: Callable[[str], bytes], trees: dict[str, Tree]
    ) -> None:
        commit = read(tip)
        self.tip = tip
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.commits: list[str] = []
        self._read = read
        self._root = objects.tree_of(commit)
        self._now = now
        _, stored = objects.committed(commit)
        # A foreign commit counts, too, unless it is dated in the future.
        self._last = max(_last_of_ours(commit, read), stored if stored <= now else 0)
        self._below = stored  # the committer date of the commit that the next one stands on, whoever made it
        self._committer = committer
        self._trees = trees
        self._sound: set[str] = set()  # trees that were read for this batch

    def commit(self, edit: Edit, sign: Callable[[bytes], bytes] | None = None, headers: Iterable[str] = ()) -> Commit:
        """Put a commit with this edit and with *headers* on top of the chain; *sign* gives the signature for it.

        Raises:
            PathBlocked: a file's path leads through a file, ends at a folder or a symbolic link, or would ruin
                the repository; the chain is as it was.
            Damaged: a tree that it changes, or a blob that exists, cannot be read; the chain is as it was.
            Invalid: the edit's committer date is earlier than the commit before it, or in the future.
        """
        now = self._date(edit.committed)
        root = self._open(self._root)
        changes: list[FileChange] = []
        # Removals first: a prompt may move from `a` to `a.md/b`.
        for path, content in sorted(edit.files.items(), key=lambda file: (file[1] is not None, file[0])):
            if isinstance(content, str):
                self.read(content)  # no commit stands on what cannot be read
            blob = self._add(BLOB, content) if isinstance(content, bytes) else content
            old = self._place(root, path, blob)
            changes.append(FileChange(path.encode(), old, blob))
        self._root = self._close(root)
        authored = now if edit.authored is None else edit.authored
        committer = edit.committer or self._committer
        data = objects.build_commit(
            self._root, self.tip, edit.author, authored, committer, now, edit.description, headers
        )
        if sign is not None:
            data = objects.add_signature(data, sign(data))
        parent, self.tip = self.tip, self._add(COMMIT, data)
        self._last = self._below = now
        self.commits.append(self.tip)
        changes.sort(key=lambda change: change.path)
        return Commit(
            *(self.tip, parent, edit.author, authored, edit.description, tuple(changes)), committer, stored=now
        )

    def _date(self, committed: int | None) -> int:
        """The committer date of the next commit.

        A date that is asked for is never before that of the commit below, even where a foreign one is dated in the
        future.
        """
        if committed is None:
            return max(self._now, self._last)  # a clock that goes back must not make history go back
        earliest = max(self._last, self._below)
        if not earliest <= committed <= self._now:
            given, last, now = map(_moment, (committed, earliest, self._now))
            problem = f"the commit before it is of {last}" if committed < earliest else f"it is {now} now"
            raise Invalid("committer date", f"cannot be {given}: {problem}; import with --committer-date now")
        return committed

    def read(self, oid: str) -> bytes:
        """The bytes of an object by its id in hexadecimal, stored or not."""
        made = self.objects.get(oid)
        return made[1] if made else self._read(oid)

    def _add(self, kind: str, data: bytes) -> str:
        oid = object_id(kind, data)
        self.objects[oid] = (kind, data)
        return oid

    def _open(self, oid: str, path: str = "") -> _Folder:
        """The tree with this id, in which *path* leads on; a known one is read too, for it may be damaged by now."""
        if oid not in self.objects and oid not in self._sound:
            data = self._read(oid)
            self._sound.add(oid)
            try:
                if oid not in self._trees:
                    self._trees[oid] = objects.parse_tree(data)
            except objects.DuplicateEntry as error:
                raise PathBlocked(path, f"leads through a folder that has two entries named '{error}'") from error
        return _Folder(dict(self._trees[oid]))

    def _place(self, root: _Folder, path: str, blob: str | None) -> str | None:
        """Put *blob* at *path*, or remove what is there; the blob that was there."""
        *folders, name = segments = path.encode().split(b"/")
        if blob is not None and (reason := next(filter(None, map(paths.problem, segments)), None)):
            raise PathBlocked(path, reason)
        folder = root
        for segment in folders:
            if segment not in folder.open:
                if segment in folder.entries:
                    raise PathBlocked(path)
                entry = folder.entries.pop(segment + b"/", None)
                folder.open[segment] = self._open(entry_id(entry), path) if entry else _Folder({})
            folder = folder.open[segment]
        old = folder.entries.get(name)
        mode = FILE_MODE if old is None else entry_mode(old)
        if not mode.startswith(b"100") or name + b"/" in folder.entries:
            raise PathBlocked(path)
        if name in folder.open and not folder.open.pop(name).is_empty():
            raise PathBlocked(path)
        if blob is None:
            folder.entries.pop(name, None)
        else:
            folder.entries[name] = tree_entry(mode, name, blob)
        return None if old is None else entry_id(old)

    def _close(self, folder: _Folder) -> str:
        """The id of the tree that a changed folder became."""
        for name, child in folder.open.items():
            if not child.is_empty():  # git keeps no empty folders
                folder.entries[name + b"/"] = tree_entry(FOLDER_MODE, name, self._close(child))
        oid = self._add(TREE, objects.build_tree(folder.entries))
        self._trees[oid] = folder.entries
        return oid


def _last_of_ours(commit: bytes, read: Callable[[str], bytes]) -> int:
    """When promptgit stored its last commit, up to this one, in seconds since 1970.

    A clock that goes back must not make our own history go back. A foreign commit may have any date, and dates nothing
    but itself. 0: there is none among the last thousand.
    """
    for _ in range(_FOREIGN_COMMITS):
        email, seconds = objects.committed(commit)
        parent = objects.parent_of(commit)
        if email.endswith(_OURS):
            return seconds
        if parent is None:
            break
        commit = read(parent)
    return 0


def _moment(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
