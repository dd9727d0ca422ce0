"""Other people's histories as lines for an import: git repositories, and what Langfuse's API answers."""

from __future__ import annotations

import codecs
import gzip
import json
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from promptgit.domain import front_matter, messages, names, prompt_formats
from promptgit.domain.labels import LATEST
from promptgit.domain.models import Author
from promptgit.errors import Invalid
from promptgit.exchange import lines
from promptgit.exchange.exporter import History
from promptgit.exchange.importer import open_lines
from promptgit.exchange.lines import Entry
from promptgit.store.git.command import Git
from promptgit.store.index.intake import Progress

_REPORT_EVERY = 500  # commits
_REQUIRED: dict[str, type | tuple[type, ...]] = {"name": str, "version": int, "createdAt": str, "prompt": (str, list)}


@contextmanager
def written(entries: Iterable[Entry]) -> Iterator[Path]:
    """A file of these lines, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="promptgit-import-") as folder:
        path = Path(folder) / "history.jsonl.gz"
        with gzip.open(path, "wb", compresslevel=1) as file:
            for entry in entries:
                file.write(orjson.dumps(entry) + b"\n")
        yield path


def from_git(
    folder: Path,
    under: str,
    suffix: str,
    progress: Progress,
    format_: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Entry]:
    """The history of the prompt files of a git repository, along the first parents of what is checked out.

    A file below the folder *under* whose name ends in *suffix* is a prompt, named by its path between the two. With
    *format_* the files are of that format, and *tell* is called once with each sentence about what stays text.

    Raises:
        UnusableRepository: there is none, or none that can be read.
        ValueError: no such file was ever there.
    """
    root = under.strip("/") + "/" if under.strip("/") not in ("", ".") else ""

    def name_of(path: str) -> str | None:
        within = path.startswith(root) and path.endswith(suffix)
        return path[len(root) : len(path) - len(suffix)] or None if within else None

    git = Git.of(folder)
    # A repository of promptgit's has its UUIDs in folders.
    naming = names.name_of if (root, suffix) == (names.ROOT, names.SUFFIX) else name_of
    notes: list[str] = []  # about the content of the entry that is being made
    told: set[str] = set()
    with git.blobs() as read:

        def content(blob: str) -> dict[str, str]:
            return lines.content(_understood(read(blob), format_, notes) if format_ else read(blob))

        history = History(read, content, naming, labelling=lambda _: [])
        found = False
        for count, commit in enumerate(git.log(None, git.head(), (root.encode(),)), 1):
            for entry in history.entries([commit]):
                found = True
                yield entry
                for note in dict.fromkeys(f"{entry['name']}: {note}" for note in notes):
                    if note not in told:
                        told.add(note)
                        tell(note)
                notes.clear()
            if count % _REPORT_EVERY == 0:
                progress(count)
    if not found:
        raise ValueError(
            f"{folder} never had a file that ends in {suffix!r} below {root or '.'!r}; "
            "say with --under and --suffix where its prompts are."
        )


def _understood(data: bytes, format_: str, notes: list[str]) -> bytes:
    """The prompt's file that says what a file of another format says; that file as it is where none can."""
    found = prompt_formats.read(data, format_)
    try:
        content = front_matter.render(found.file)
    except Invalid as error:
        notes.append(f"stays as it is: {error}")
        return data
    notes += found.notes
    return content


Refuse = Callable[[ValueError], None]
"""Told of each item that cannot be taken; it raises, or goes on without the item."""


def from_langfuse(path: Path, refuse: Refuse) -> Iterator[Entry]:
    """The versions of prompts in a file of answers of `GET /api/public/v2/prompts/{name}`, oldest first.

    They stand one after the other, or in arrays. After each version come its labels. A time without an offset is UTC.

    Raises:
        ValueError: what *refuse* raises: the file is not JSON, or has something that is no version of a prompt.
    """
    items = []
    for place, item in enumerate(_items(path, refuse), 1):
        try:
            items.append(_checked(place, item))
        except ValueError as error:
            refuse(error)
    items.sort(key=lambda item: (item["name"], item["version"]))
    newest: dict[str, int] = {}
    for item in items:  # a version that was changed later comes after those before it all the same
        item["order"] = newest[item["name"]] = max(item["made"], newest.get(item["name"], item["made"]))
    items.sort(key=lambda item: item["order"])
    for item in items:
        author = Author(str(item.get("createdBy") or "Langfuse"), "")
        made, content = item["made"], lines.content(item["file"])
        yield lines.entry("write", item["name"], item.get("commitMessage") or "", author, made, **content)
        for label in sorted(set(item["labels"]) - {LATEST}):
            why = f"Point {label} at what was version {item['version']} of {item['name']}"
            yield lines.entry("label", item["name"], why, author, made, label=label)


def _items(path: Path, refuse: Refuse) -> Iterator[Any]:
    """All values of the arrays, lists' pages and single values that stand one after the other in a file."""
    try:
        with open_lines(path) as file:
            text = file.read().removeprefix(codecs.BOM_UTF8).decode(errors="surrogateescape")
        decoder, at = json.JSONDecoder(), 0
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            value, at = decoder.raw_decode(text, at)
            data = value.get("data", value) if isinstance(value, dict) else value
            yield from data if isinstance(data, list) else [data]
    except json.JSONDecodeError as error:
        refuse(ValueError(f"The file is not JSON from here on: {error}"))
    except RecursionError:
        refuse(ValueError("The file has a value of too many levels."))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        refuse(ValueError(f"The packed file is damaged or ends too early: {error}"))


def _checked(place: int, item: Any) -> dict[str, Any]:
    if not isinstance(item, dict) or not all(isinstance(item.get(key), kind) for key, kind in _REQUIRED.items()):
        raise ValueError(
            f"Item {place} of the file is no version of a prompt, with 'name', 'version', 'createdAt' and 'prompt'. "
            "A list has names alone: fetch each version."
        )
    tags, pointed = (item.get(key) or [] for key in ("tags", "labels"))
    kind = item.get("type") or ("text" if isinstance(item["prompt"], str) else "chat")
    try:
        if not all(isinstance(text, str) for text in (*tags, *pointed)):
            raise ValueError("its tags or labels are no texts")
        if not isinstance(item.get("commitMessage") or "", str):
            raise ValueError("its commitMessage is no text")
        file = front_matter.render(messages.file_of(kind, item["prompt"], item.get("config"), tags))
        json.dumps(item, ensure_ascii=False).encode()  # a lone surrogate is no text
        made = datetime.fromisoformat(item["createdAt"])
        made = made if made.tzinfo else made.replace(tzinfo=UTC)
        return {**item, "file": file, "labels": pointed, "made": lines.seconds(made)}
    except (Invalid, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"Item {place}, {item['name']!r}, version {item['version']}: {error}") from None
