"""The one way into the index: commits, turned into events, become rows."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from zlib import crc32

from promptgit.domain.history import Commit, Moved, Removed, Written, events, label_files
from promptgit.domain.models import Author
from promptgit.domain.names import fold, id_of, path_of, version_id
from promptgit.store.index import check_rows, makers
from promptgit.store.index.change_rows import OUTSIDE, ChangeRows, Done
from promptgit.store.index.label_rows import LabelRows
from promptgit.store.index.makers import Makers
from promptgit.store.index.release_rows import ReleaseRows
from promptgit.store.index.rows import PromptRow, insert, version_json
from promptgit.store.index.seals import expect, expect_none, of_labels, seal

_FLUSH_EVERY = 5_000  # commits, changes and moves of labels; each version is one of them
_LOOK_EVERY = 100  # commits


class Ledger:
    """Applies commits to the index, within a transaction of the caller's.

    With *empty* the index holds nothing yet, and nothing is looked up in it.
    Rows are held back until `flush`; nothing but this class writes to the tables meanwhile.
    """

    def __init__(self, connection: sqlite3.Connection, *, empty: bool = False) -> None:
        self._connection = connection
        self._empty = empty
        self._living: dict[str, PromptRow | None] = {}
        self._removed: dict[str, list[PromptRow]] = {}
        self._ids: set[str] = set()
        self._authors: dict[Author, int] = {}
        self._labels = LabelRows(connection, empty=empty)
        self._changes = ChangeRows(connection, empty=empty)
        self._releases = ReleaseRows(connection)
        self._done: list[Done] = []  # by the commit at hand
        self._rows: dict[int, PromptRow] = {}
        self._renamed: dict[int, PromptRow] = {}  # by it, or with a label's file that it changed
        self._placed: dict[int, PromptRow] = {}  # created, moved, removed or brought back
        self._grown: dict[int, PromptRow] = {}  # with a new version
        self._versions: list[tuple[object, ...]] = []
        self._places: list[tuple[object, ...]] = []
        self._removals: list[tuple[object, ...]] = []
        self._born = 0  # prompts that came, less those that went

    def apply(self, commits: Iterable[Commit], read: Callable[[str], bytes]) -> None:
        """Apply commits in order; flushes now and then. *read* gives the bytes of a blob by its id in hexadecimal."""
        for count, commit in enumerate(commits, 1):
            self._done.clear()
            other = commit.other_committer
            by = Makers(self._author(commit.author), None if other is None else self._author(other))
            if commit.changes:
                self._apply(commit, by, read)
            self._changes.add(commit, by, self._done)
            if count % _LOOK_EVERY == 0 and len(self._changes) + len(self._labels) >= _FLUSH_EVERY:
                self.flush()

    def _apply(self, commit: Commit, by: Makers, read: Callable[[str], bytes]) -> None:
        self._renamed.clear()
        governed = self._releases.apply(commit, self._changes.next_number, read)
        self._apply_events(commit, by)
        for file in label_files(commit.changes):
            self._labels.write(file, read)
            if (owner := self._find_living(file.name)) is not None:
                self._renamed[owner.key] = owner
        for key, row in self._renamed.items():
            name = row.name if row.removed is None else None
            if (pointed := of_labels(self._labels.files_of(name)) if name else 0) != row.labels:
                row.labels = pointed
                self._placed[key] = row
            is_outside = partial(self._releases.is_outside, row.id, row.name)
            made = self._changes.next_number
            for label, before, number in self._labels.settle(key, name, commit, by, made, is_outside):
                detail = OUTSIDE if is_outside(label, number) else None
                self._done.append(Done("label", key, row.name, label, before, number, detail))
                row.altered = bytes.fromhex(commit.id)
                self._placed[key] = row
        self._done += governed
        if check_rows.concern(commit):
            self.flush()  # the versions that the files of checks speak of
            self._done += check_rows.apply(self._connection, commit, by, read)

    def _apply_events(self, commit: Commit, by: Makers) -> None:
        for event in events(commit.changes):
            match event:
                case Written(name, blob):
                    self._write(name, blob, commit, by)
                case Moved(source, name, _):
                    self._move(source, name, commit)
                case Removed(name):
                    self._remove(name, commit, by)

    def _write(self, name: str, blob: str, commit: Commit, by: Makers) -> None:
        row = self._find_living(name)
        if row is None:
            row = self._revive(name, commit) or self._create(name, commit)
            self._living[name] = row
            self._born += 1
        row.versions += 1
        row.altered, row.updated, row.author = None, commit.timestamp, by.author
        made = version_id(row.id, commit.id)
        text, number, seconds, description = (
            version_json(made, row.id, row.versions, commit),
            row.versions,
            commit.timestamp,
            commit.description,
        )
        sealed = seal(made, row.id, number, seconds, description, *makers.sealed(commit), commit.id, blob)
        ids = bytes.fromhex(commit.id), bytes.fromhex(blob)
        told = text.decode(), crc32(text, number), sealed
        self._versions.append(
            (row.key, number, self._changes.next_number, made, *ids, seconds, *by, description, *told)
        )
        self._grown[row.key] = row
        self._done.append(Done("version", row.key, name, number=row.versions))

    def _create(self, name: str, commit: Commit) -> PromptRow:
        prompt_id = id_of(name)
        if self._id_is_used(prompt_id):
            prompt_id = id_of(name, commit.id)
        self._ids.add(prompt_id)
        row = PromptRow(next(self._keys), prompt_id, name, 0, commit.timestamp, None, None, 0, 0, commit.timestamp, 0)
        self._rows[row.key] = row
        self._place(row, commit)
        return row

    def _revive(self, name: str, commit: Commit) -> PromptRow | None:
        """The prompt that was removed last under this name comes back."""
        rows = self._find_removed(name)
        if not rows:
            return None
        row = rows.pop()
        row.removed = None
        self._done.append(Done("restore", row.key, name, number=row.versions + 1))
        self._place(row, commit)
        return row

    def _move(self, source: str, name: str, commit: Commit) -> None:
        row = self._expect_living(source)
        self._living[source] = None
        self._living[name] = row
        row.name = name
        self._done.append(Done("rename", row.key, name, source))
        row.altered = bytes.fromhex(commit.id)
        self._place(row, commit)

    def _remove(self, name: str, commit: Commit, by: Makers) -> None:
        row = self._expect_living(name)
        self._living[name] = None
        self._born -= 1
        rows = self._find_removed(name)
        row.removed = rows[-1].removed + 1 if rows and rows[-1].removed else 1
        rows.append(row)
        self._done.append(Done("delete", row.key, name, number=row.versions))
        sealed = seal(row.id, row.versions, commit.id, commit.timestamp, *makers.sealed(commit), commit.description)
        made = bytes.fromhex(commit.id), commit.timestamp, *by, commit.description, sealed
        self._removals.append((row.key, row.versions, *made))
        self._place(row, commit)

    def _place(self, row: PromptRow, commit: Commit) -> None:
        """Note that a prompt was created, moved, removed or brought back."""
        row.places += 1
        placed = row.key, self._changes.next_number, row.places, row.name, int(row.removed is None)
        self._places.append((*placed, seal(*placed, commit.id)))
        self._placed[row.key] = self._renamed[row.key] = row

    def _expect_living(self, name: str) -> PromptRow:
        row = self._find_living(name)
        assert row is not None, f"the history removes {name!r}, which the index does not have"
        return row

    def _find_living(self, name: str) -> PromptRow | None:
        if name not in self._living:
            found = self._find("name = ? AND removed IS NULL", name, "prompts_living_twin")
            self._living[name] = found[0] if found else None
        return self._living[name]

    def _find_removed(self, name: str) -> list[PromptRow]:
        if name not in self._removed:
            found = self._find("name = ? AND removed IS NOT NULL", name, "prompts_removed_twin")
            self._removed[name] = sorted(found, key=lambda row: row.removed or 0)
        return self._removed[name]

    def _find(self, condition: str, name: str, twin: str) -> list[PromptRow]:
        if self._empty:
            return []
        rows = self._connection.execute(
            "SELECT key, id, name, versions, created, altered, removed, places, labels, updated, author, seal "
            f"FROM prompts WHERE {condition}",
            (name,),
        ).fetchall()
        if not rows:
            expect_none(self._connection, twin, f"{condition} AND key > 0", name)
        for row in rows:
            expect(row[-1], row[:-3])
        return [self._rows.setdefault(row[0], PromptRow(*row[:-1])) for row in rows]

    def _id_is_used(self, prompt_id: str) -> bool:
        if prompt_id in self._ids:
            return True
        if self._empty:
            return False
        if self._connection.execute("SELECT 1 FROM prompts WHERE id = ?", (prompt_id,)).fetchone() is not None:
            return True
        expect_none(self._connection, "prompts_id_twin", "id = ? AND key > 0", prompt_id)
        return False

    def _author(self, author: Author) -> int:
        key = self._authors.get(author)
        if key is None:
            row = self._connection.execute(
                "SELECT key FROM authors WHERE name = ? AND email = ?", (author.name, author.email)
            ).fetchone()
            if row is None:
                row = (self._connection.execute("INSERT INTO authors (name, email) VALUES (?, ?)", author).lastrowid,)
            key = self._authors[author] = row[0]
        return key

    @cached_property
    def _keys(self) -> Iterator[int]:
        """The keys of prompts to come."""
        return itertools.count(self._connection.execute("SELECT coalesce(max(key), 0) + 1 FROM prompts").fetchone()[0])

    def flush(self) -> None:
        """Write the rows held back."""
        execute = self._connection.executemany
        # All out of the way first: names go from prompt to prompt within one flush.
        execute("DELETE FROM prompts WHERE key = ?", ((key,) for key in self._placed))
        insert(
            self._connection,
            "prompts",
            [
                (*values[:3], fold(path_of(row.name)), *values[3:], row.updated, row.author, row.seal())
                for row in self._placed.values()
                for values in [row.values()]
            ],
        )
        # The rest touches no index of the table but those of lists by change.
        execute(
            "UPDATE prompts SET versions = ?, altered = NULL, updated = ?, author = ?, seal = ? WHERE key = ?",
            (
                (row.versions, row.updated, row.author, row.seal(), key)
                for key, row in self._grown.items()
                if key not in self._placed
            ),
        )
        insert(self._connection, "versions", self._versions)
        insert(self._connection, "places", self._places)
        insert(self._connection, "removals", self._removals)
        changed = [(key,) for key in (*self._placed, *self._grown)]
        for later in ("unsearched", "unreferred"):
            execute(f"INSERT OR IGNORE INTO {later} VALUES (?)", changed)
        self._connection.execute(
            "UPDATE totals SET prompts = prompts + ?, versions = versions + ?", (self._born, len(self._versions))
        )
        self._born = 0
        self._labels.flush()
        self._changes.flush()
        for held_back in (self._placed, self._grown, self._versions, self._places, self._removals):
            held_back.clear()
