"""The lines of a history in JSON Lines, one commit a line: what each may say. docs/coming-and-going.md tells it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from promptgit.domain import front_matter, inputs, labels, messages, names, texts
from promptgit.domain.models import Author
from promptgit.errors import BadLine, ContentTooLarge, PromptgitError
from promptgit.store.git import objects
from promptgit.store.git.hashing import object_id

Entry = dict[str, Any]
"""A line, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where a label is to point: at a version's number, at the newest one (0), or nowhere (None)."""

    label: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line; *number* counts from 1. *content* is None for a deletion, and where there is a *pointer*.

    With *source* it is a rename: the prompt of that name gets the name *name*; *content* counts only where there
    is none.
    """

    number: int
    name: str
    content: bytes | None
    description: str
    author: Author
    timestamp: int
    source: str | None = None
    pointer: Pointer | None = None

    @property
    def blob(self) -> str | None:
        """The id of the content's blob, in hexadecimal."""
        return None if self.content is None else object_id(objects.BLOB, self.content)


def parse(number: int, raw: bytes, max_content: int) -> Line:
    """The line that *raw* is.

    Raises:
        BadLine: it is not JSON in UTF-8, a field is missing, or a field breaks a rule.
    """
    told = ""
    try:
        entry = json.loads(raw.decode())
        if not isinstance(entry, dict):
            raise ValueError("it is not a JSON object")
        told = f"{entry.get('name')!r:.250}: "
        text = {
            key: _text(entry, key) for key in ("name", "op", "description", "author_name", "author_email", "timestamp")
        }
        op = text["op"]
        if op not in ("write", "delete", "rename", "label"):
            raise ValueError(f"the op is {op!r}, none of 'write', 'delete', 'rename' and 'label'")
        return Line(
            number,
            names.check(text["name"]),
            _content(entry, max_content) if op in ("write", "rename") else None,
            texts.check_description(text["description"]),
            texts.check_author(Author(text["author_name"], text["author_email"])),
            _timestamp(text["timestamp"]),
            names.canonical(_text(entry, "renamed_from")) if op == "rename" else None,
            _pointer(entry) if op == "label" else None,
        )
    except RecursionError:
        raise BadLine(number, f"{told}the JSON is nested too deeply") from None
    except (ValueError, PromptgitError) as error:
        raise BadLine(number, f"{told}{error}") from None


def _text(entry: Entry, key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise ValueError(f"the field {key!r} " + ("is missing" if key not in entry else "is not a text"))
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the field {key!r} has a lone surrogate at place {error.start + 1}") from None
    return value


def _content(entry: Entry, max_content: int) -> bytes:
    """The content; in Base64 it may hold anything, as files that came by git do."""
    given = [key for key in ("content", "content_base64", "prompt") if entry.get(key) is not None]
    if len(given) > 1:
        raise ValueError(f"the line has {' and '.join(map(repr, given))}, each of which is the whole text; give one")
    if entry.get("content_base64") is None:
        return texts.check_content(_file(entry) if given == ["prompt"] else _text(entry, "content"), max_content)
    data = base64.b64decode(_text(entry, "content_base64"), validate=True)
    if len(data) > max_content:
        raise ContentTooLarge(len(data), max_content)
    return data


def _file(entry: Entry) -> str:
    """The prompt file that says what the line says in parts: a text or messages, and what stands in front matter."""
    prompt, tags, declared = entry["prompt"], entry.get("tags", []), inputs.read(entry.get("input", {}))
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError("the field 'tags' is not a list of texts")
    if declared is None:
        raise ValueError("the field 'input' does not declare variables by 'default', 'description' and 'required'")
    file = messages.file_of("chat" if isinstance(prompt, list) else "text", prompt, entry.get("config"), tags)
    return front_matter.render(replace(file, inputs=declared)).decode(errors="surrogatepass")


def _pointer(entry: Entry) -> Pointer:
    number = entry.get("version_number", 0)
    if number is not None and (type(number) is not int or number < 0):
        raise ValueError("the field 'version_number' is neither the number of a version nor null")
    return Pointer(labels.check(_text(entry, "label")), number)


def _timestamp(text: str) -> int:
    made = datetime.fromisoformat(text)
    if made.tzinfo is None:
        raise ValueError(f"the timestamp {text!r} has no offset from UTC; end it in 'Z'")
    return seconds(made)


def seconds(made: datetime) -> int:
    """An aware time in seconds since 1970.

    Raises:
        ValueError: git, or RFC 3339, cannot say it.
    """
    count = int(made.timestamp())
    if count < 0:
        raise ValueError(f"the timestamp {made.isoformat()!r} is before 1970, which git cannot store")
    if count > objects.LAST_SECOND:
        raise ValueError(f"the timestamp {made.isoformat()!r} is after the year 9999 in UTC")
    return count


def entry(op: str, name: str, description: str, author: Author, timestamp: int, **fields: object) -> Entry:
    """A line to write; *timestamp* is in seconds since 1970. What git allows, and a line does not, is repaired."""
    author = texts.repair_author(author)
    return {
        "name": name,
        "op": op,
        **fields,
        "description": texts.repair_description(description),
        "author_name": author.name,
        "author_email": author.email,
        "timestamp": moment(max(timestamp, 0)),
    }


def moment(seconds: int) -> str:
    """A time, given in seconds since 1970, as RFC 3339 writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def content(data: bytes) -> dict[str, str]:
    """The field for a content: as text, or in Base64 where it is none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\0"
    return {"content_base64": base64.b64encode(data).decode()} if "\0" in text else {"content": text}
