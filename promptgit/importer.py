"""Loads a history from JSON Lines, one commit a line, and adds nothing twice."""

from __future__ import annotations

import gzip
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

from promptgit import checks, names, texts
from promptgit.errors import BadLine, PromptgitError
from promptgit.models import Author
from promptgit.store import objects, queries
from promptgit.store.batch import Edit
from promptgit.store.queries import Recorded
from promptgit.store.store import Store
from promptgit.store.writer import Change

_BATCH_LINES = 500
_BATCH_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an import; *number* counts from 1, *content* is None for a deletion."""

    number: int
    name: str
    content: bytes | None
    recorded: Recorded


def open_lines(path: Path) -> BinaryIO:
    """A JSON Lines file, unpacked if it is gzip, whatever its name."""
    file = open(path, "rb")  # noqa: SIM115  # the caller closes it
    if file.peek(2)[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.open(file))
    return file


def parse(number: int, raw: bytes, max_content: int) -> Line:
    """The line that *raw* is.

    Raises:
        BadLine: it is not JSON in UTF-8, a field is missing, or a field breaks a rule.
    """
    try:
        entry = json.loads(raw.decode())
        if not isinstance(entry, dict):
            raise BadLine(number, "is not a JSON object")
        text = {
            key: _text(entry, key) for key in ("name", "op", "description", "author_name", "author_email", "timestamp")
        }
        if text["op"] not in ("write", "delete"):
            raise ValueError(f"the op is {text['op']!r}, neither 'write' nor 'delete'")
        name = names.check(text["name"])
        content = texts.check_content(_text(entry, "content"), max_content) if text["op"] == "write" else None
        description = texts.check_description(text["description"])
        author = texts.check_author(Author(text["author_name"], text["author_email"]))
        blob = None if content is None else objects.object_id(objects.BLOB, content)
        return Line(number, name, content, Recorded(blob, author, _seconds(text["timestamp"]), description))
    except (ValueError, RecursionError, PromptgitError) as error:
        raise error if isinstance(error, BadLine) else BadLine(number, str(error)) from None


def _text(entry: dict[str, object], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise ValueError(f"the field {key!r} " + ("is missing" if key not in entry else "is not a text"))
    return value


def _seconds(timestamp: str) -> int:
    moment = datetime.fromisoformat(timestamp)
    if moment.tzinfo is None:
        raise ValueError(f"the timestamp {timestamp!r} has no offset from UTC; end it in 'Z'")
    seconds = int(moment.timestamp())
    if seconds < 0:
        raise ValueError(f"the timestamp {timestamp!r} is before 1970, which git cannot store")
    if seconds > objects.LAST_SECOND:
        raise ValueError(f"the timestamp {timestamp!r} is after the year 9999 in UTC")
    return seconds


class Import:
    """One import into a store: how many lines became commits, how many were there already, which were refused.

    Nothing is added twice. An import goes through a file in order, so whatever of a name comes before
    a line that the history has (the same content or deletion, author, time and description) was dealt
    with by an earlier run: a first look at the whole file finds the last such line of each name.
    *max_content* is in bytes of UTF-8.
    """

    def __init__(self, store: Store, max_content: int, *, skip_invalid: bool) -> None:
        self.added = 0
        self.present = 0
        self.refused: list[BadLine] = []
        self._store = store
        self._max_content = max_content
        self._skip_invalid = skip_invalid
        self._done: dict[str, int] = {}  # name -> number of the last line that the history has

    def take(self, open_file: Callable[[], BinaryIO]) -> Iterator[int]:
        """Take a file in; yields the bytes read of it, as it lies on disk, after each batch that is stored.

        Raises:
            BadLine: the first line that is refused, unless invalid ones are skipped. All before it is kept.
        """
        with open_file() as file:
            self._find_done(file)
        with open_file() as file:
            batch: list[Line] = []
            size = 0
            for line in self._lines(file, batch):
                batch.append(line)
                size += len(line.content or b"")
                if len(batch) >= _BATCH_LINES or size >= _BATCH_BYTES:
                    self._store_batch(batch)
                    yield _position(file)
                    size = 0
            self._store_batch(batch)
            yield _position(file)
        self.refused.sort(key=lambda error: error.number)

    def _find_done(self, file: BinaryIO) -> None:
        if self._store.index.read(queries.is_empty):
            return
        rest: dict[str, list[Recorded]] = {}
        for line in _parse_all(file, self._max_content):
            if isinstance(line, BadLine):
                if not self._skip_invalid:
                    return
                continue
            if line.name not in rest:
                rest[line.name] = self._store.index.read(queries.recorded, line.name)
            ahead = rest[line.name]
            if line.recorded in ahead:
                del ahead[: ahead.index(line.recorded) + 1]
                self._done[line.name] = line.number

    def _lines(self, file: BinaryIO, batch: list[Line]) -> Iterator[Line]:
        """The lines that are still to be taken in; what is in *batch* is stored before a refusal is raised."""
        for line in _parse_all(file, self._max_content):
            if isinstance(line, BadLine):
                if not self._skip_invalid:
                    self._store_batch(batch)
                self._refuse(line)
            elif line.number <= self._done.get(line.name, 0):
                self.present += 1
            else:
                yield line

    def _store_batch(self, batch: list[Line]) -> None:
        changes = [_change(line) for line in batch]
        answers = self._store.writer.together(changes, stop_at_refusal=not self._skip_invalid)
        for line, answer in zip(batch, answers, strict=False):
            if isinstance(answer, Exception):
                self._refuse(BadLine(line.number, str(answer)))
            else:
                self.added += answer
                self.present += not answer
        batch.clear()

    def _refuse(self, error: BadLine) -> None:
        if not self._skip_invalid:
            raise error
        self.refused.append(error)


def _parse_all(file: BinaryIO, max_content: int) -> Iterator[Line | BadLine]:
    """Every line but blank ones, in order; lines end at LF alone."""
    number = 0
    try:
        for number, raw in enumerate(file, 1):
            if raw.strip():
                try:
                    yield parse(number, raw, max_content)
                except BadLine as error:
                    yield error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        yield BadLine(number + 1, f"The packed file is damaged or ends too early: {error}")


def _position(file: BinaryIO) -> int:
    packed: BinaryIO | None = getattr(file, "fileobj", None)
    return (packed or file).tell()


def _change(line: Line) -> Change[bool]:
    """The commit of a line; the answer is whether there was anything to change."""
    recorded = line.recorded
    changed = False

    def plan(index: sqlite3.Connection) -> Edit | None:
        nonlocal changed
        prompt = queries.prompt_by_name(index, line.name)
        changed = recorded.blob != (prompt.newest.blob if prompt else None)
        if not changed:
            return None
        if prompt is None:
            checks.expect_free(index, line.name)
            checks.expect_own(index, line.name)
        files = {names.path_of(line.name): line.content}
        return Edit(files, recorded.description, recorded.author, authored=recorded.timestamp)

    return Change(plan, lambda _: changed)
