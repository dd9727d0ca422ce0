"""Loads a history from JSON Lines, one commit a line, and adds nothing twice."""

from __future__ import annotations

import codecs
import gzip
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from promptgit.domain import releases, texts
from promptgit.domain.models import Prompt
from promptgit.domain.releases import Deed
from promptgit.domain.rights import ADMINISTRATOR
from promptgit.errors import BadLine, LabelNotFound, NameNotFound, StorageFull
from promptgit.exchange import exporter, lines
from promptgit.exchange.lines import Entry, Line, Pointer, parse
from promptgit.exchange.past import Past
from promptgit.service import gates, plans
from promptgit.service.plans import Plan
from promptgit.store.access_log import AccessLog, who
from promptgit.store.git import objects
from promptgit.store.git.commits import Edit
from promptgit.store.index import queries
from promptgit.store.index.intake import Progress
from promptgit.store.operation import Operation
from promptgit.store.store import Store

_BATCH_LINES = 500
_BATCH_BYTES = 16 << 20


def open_lines(path: Path) -> BinaryIO:
    """A JSON Lines file, unpacked if it is gzip, whatever its name."""
    file = open(path, "rb")  # noqa: SIM115  # the caller closes it
    if file.peek(2)[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.open(file))
    return file


class Survey(NamedTuple):
    """The dates in a file of lines, in seconds since 1970, up to where an import would stop.

    *disorder* is the number of the first line that is dated before the line before it, if there is one.
    """

    first: int | None = None
    last: int | None = None
    disorder: int | None = None

    def problem(self, now: float) -> str | None:
        """Why these dates cannot be those of commits that follow on each other, up to *now*; None: they can."""
        if self.disorder is not None:
            return f"line {self.disorder} is dated before the line before it"
        if self.last is not None and self.last > now:
            return f"a line is dated {lines.moment(self.last)}, which is in the future"
        return None


def survey(file: BinaryIO, max_content: int, *, skip_invalid: bool) -> Survey:
    """Look at the dates of the lines that an import would take."""
    first = last = disorder = None
    for line in _parse_all(file, max_content):
        if isinstance(line, BadLine):
            if not skip_invalid:
                break
            continue
        if first is None:
            first = line.timestamp
        elif disorder is None and last is not None and line.timestamp < last:
            disorder = line.number
        last = line.timestamp if last is None else max(last, line.timestamp)
    return Survey(first, last, disorder)


def follows(store: Store, dates: Survey) -> str | None:
    """Why lines of these dates cannot follow on the history of a store, or should not; None: they can."""
    if not store.index.read(queries.is_empty):
        return "the folder has a history already"
    _, last = objects.committed(store.repository.read(store.repository.main()))
    if dates.first is not None and dates.first < last:
        return f"the folder was made on {lines.moment(last)}; import into one that does not exist yet"
    return None


Key = tuple[str, str | None]
"""A prompt's name, and the label that a line is about, if it is about one."""

Fingerprint = tuple[str | None, str | None, str, str, str, str]
"""What a line is known by: the name before (of a rename), the blob (of a version), by whom, when and why."""


class Import:
    """One import into a store: how many lines became commits, how many were there already, which were refused.

    Nothing is added twice. An import goes through a file in order, so whatever of a name comes before
    a line that the history has (the same content or deletion, author, time and description) was dealt
    with by an earlier run: a first look at the whole file finds the last such line of each name.
    *max_content* is in bytes of UTF-8. With *dated_by_lines* a commit's committer date is its line's timestamp, and
    a line that is dated before the commit that it would follow, or in the future, is refused; else the committer
    date is the time of the import.

    A line that would move a gated label is refused, unless *override* says why it may: then the file of a release
    records it in the commit of the line.

    Raises:
        Invalid: *override* breaks a rule of descriptions.
    """

    def __init__(
        self,
        store: Store,
        max_content: int,
        *,
        skip_invalid: bool,
        dated_by_lines: bool = False,
        override: str | None = None,
    ) -> None:
        self.added = 0
        self.present = 0
        self.refused: list[BadLine] = []
        self._store = store
        self._max_content = max_content
        self._skip_invalid = skip_invalid
        self._dated_by_lines = dated_by_lines
        self._override = None if override is None else texts.check_description(override)
        self._log = AccessLog(store.folder, store.clock)
        self._done: dict[Key, int] = {}  # the number of the last line that the history has

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

    def prepare_search(self, progress: Progress) -> None:
        """Take what was imported into the search; *progress* counts prompts. Without room the next search does it."""
        with suppress(StorageFull):
            self._store.content_tables.prepare_search(progress)
            self._store.content_tables.prepare_references()

    def _find_done(self, file: BinaryIO) -> None:
        if self._store.index.read(queries.is_empty):
            return
        past: defaultdict[Key, Past[Fingerprint]] = defaultdict(Past)
        for entry in exporter.export(self._store, lambda blob: {"blob": blob}):
            past[entry["name"], entry.get("label")].add(_fingerprint_of(entry))
        for line in _parse_all(file, self._max_content):
            if isinstance(line, BadLine):
                if not self._skip_invalid:
                    return
                continue
            if past[_key(line)].pass_first(_fingerprints(line)):
                self._done[_key(line)] = line.number

    def _lines(self, file: BinaryIO, batch: list[Line]) -> Iterator[Line]:
        """The lines that are still to be taken in; what is in *batch* is stored before a refusal is raised."""
        for line in _parse_all(file, self._max_content):
            if isinstance(line, BadLine):
                if not self._skip_invalid:
                    self._store_batch(batch)
                self._refuse(line)
            elif line.number <= self._done.get(_key(line), 0):
                self.present += 1
            else:
                yield line

    def _store_batch(self, batch: list[Line]) -> None:
        operations = [self._operation(line) for line in batch]
        answers: list[Plan | Exception | None]
        answers = self._store.writer.together(operations, stop_at_refusal=not self._skip_invalid)
        self._note_overrides(answers)
        for line, answer in zip(batch, answers, strict=False):
            if isinstance(answer, Exception):
                self._refuse(BadLine(line.number, str(answer)))
            else:
                self.added += answer is not None
                self.present += answer is None
        batch.clear()

    def _operation(self, line: Line) -> Operation[Plan | None]:
        """The commit of a line; the answer is what it changed, if there was anything to change."""
        planned: Plan | None = None

        def plan(index: sqlite3.Connection) -> Edit | None:
            nonlocal planned
            planned = _plan(index, line)
            if planned is None:
                return None
            deed = Deed(self._store.committer.name, None, None, int(self._store.clock()))
            planned = gates.guarded(index, planned, ADMINISTRATOR, self._override, deed)
            committed = line.timestamp if self._dated_by_lines else None
            return Edit(planned.files, line.description, line.author, None, line.timestamp, committed)

        return Operation(plan, lambda _: planned)

    def _note_overrides(self, answers: list[Plan | Exception | None]) -> None:
        """Put the files of releases that record overrides in a batch into the access log."""
        plans_made = [answer for answer in answers if isinstance(answer, Plan)]
        recorded = [path for plan in plans_made for path in plan.files if path.startswith(releases.ROOT)]
        if recorded:
            by = who(ADMINISTRATOR, None)
            self._log.note("gate_overridden", by=by, releases=recorded, description=self._override)

    def _refuse(self, error: BadLine) -> None:
        if not self._skip_invalid:
            raise error
        self.refused.append(error)


def _key(line: Line) -> Key:
    return line.name, line.pointer.label if line.pointer else None


def _fingerprints(line: Line) -> list[Fingerprint]:
    """What the history has where it has this line: a rename may have been a write."""
    written = line.author.name, line.author.email, lines.moment(line.timestamp), line.description
    if line.pointer is not None:
        return [(None, None, *written)]
    return [(source, line.blob, *written) for source in {line.source, None}]


def _fingerprint_of(entry: Entry) -> Fingerprint:
    written = entry["author_name"], entry["author_email"], entry["timestamp"], entry["description"]
    return entry.get("renamed_from"), entry.get("blob"), *written


def _parse_all(file: BinaryIO, max_content: int) -> Iterator[Line | BadLine]:
    """Every line except blank ones, in order; lines end at LF alone."""
    number = 0
    try:
        for number, raw in enumerate(file, 1):
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
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


def _plan(index: sqlite3.Connection, line: Line) -> Plan | None:
    """What a line changes."""
    prompt = queries.prompt_by_name(index, line.name)
    if line.pointer is not None:
        if prompt is None:
            raise NameNotFound(line.name)
        return _plan_label(index, prompt, line.pointer)
    source = queries.prompt_by_name(index, line.source) if line.source else None
    if source is not None and source.name != line.name:
        return plans.rename(index, source, line.name)
    blob = line.blob
    if line.content is None or blob is None:
        return plans.delete(index, prompt) if prompt else None
    return plans.save(prompt, line.content, blob) if prompt else plans.create(index, line.name, line.content)


def _plan_label(index: sqlite3.Connection, prompt: Prompt, pointer: Pointer) -> Plan | None:
    if pointer.number is not None:
        return plans.point(index, prompt, [pointer.label], pointer.number or prompt.newest.number)
    with suppress(LabelNotFound):  # another history's label may never have pointed anywhere here
        return plans.unpoint(index, prompt, pointer.label)
    return None
