"""Checks: what a CI says about a version, as a file in the tree. Pure functions and values, no I/O.

The check `eval` of a version is the file `checks/<first two hex digits>/<rest of the version's id>/eval`. It is TOML,
and tells a reader of a clone which version this is, too:

    prompt = "support/greeting"
    prompt_id = "..."
    version = 3
    state = "success"
    summary = "48 of 50 answers are right"
    url = "https://ci.example.org/run/17"
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import tomli_w

from promptgit.domain import texts, toml
from promptgit.domain.labels import expect_portable, is_label
from promptgit.domain.models import Author
from promptgit.domain.names import parse_id
from promptgit.errors import Invalid

ROOT = "checks/"
STATES = ("pending", "success", "failure")
MAX_SUMMARY = 1_000  # characters
MAX_URL = 2_000  # characters
_MOST_BYTES = 64 << 10  # the longest name, summary and address have a third of it

_HIGHEST = 10**18  # SQLite's integers go not much further
_FILE = re.compile(r"checks/([0-9a-f]{2})/([0-9a-f]{6}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/([^/]+)", re.ASCII)


class CheckFile(NamedTuple):
    """What the file of a check says."""

    prompt_id: str
    number: int
    state: str
    summary: str | None
    url: str | None


@dataclass(frozen=True, slots=True)
class Check:
    """A check of a version: what a CI says, and who said so when (*seconds* since 1970) in which commit.

    *committer* is None where that is the author.
    """

    name: str
    prompt_id: str
    number: int
    state: str
    summary: str | None
    url: str | None
    seconds: int
    author: Author
    committer: Author | None
    commit: str

    @property
    def timestamp(self) -> datetime:
        """When it was said, aware and in UTC."""
        return datetime.fromtimestamp(self.seconds, UTC)


def path_of(version_id: str, check: str) -> str:
    """The path in the tree of a check of the version with this id."""
    return f"{ROOT}{version_id[:2]}/{version_id[2:]}/{check}"


def parse_path(path: str) -> tuple[str, str] | None:
    """The version's id and the check whose file is *path*; None where no check has that path."""
    found = _FILE.fullmatch(path)
    return (found[1] + found[2], found[3]) if found and is_label(found[3]) else None


def content(name: str, said: CheckFile) -> bytes:
    """What the file of a check of the prompt of this name holds."""
    values: dict[str, Any] = {
        "prompt": name,
        "prompt_id": said.prompt_id,
        "version": said.number,
        "state": said.state,
    }
    values |= {key: value for key, value in (("summary", said.summary), ("url", said.url)) if value is not None}
    return tomli_w.dumps(values).encode()


def parse(data: bytes) -> CheckFile | None:
    """What the file of a check says; None where it says something else."""
    try:
        values = toml.load(data, _MOST_BYTES)
        told: list[Any] = [values.get(key) for key in ("prompt_id", "version", "state", "summary", "url")]
    except (ValueError, RecursionError):
        return None
    said = CheckFile(*told)
    is_sound = (
        isinstance(said.prompt_id, str)
        and parse_id(said.prompt_id) == said.prompt_id
        and type(said.number) is int
        and 0 < said.number < _HIGHEST
        and said.state in STATES
        and all(text is None or isinstance(text, str) for text in (said.summary, said.url))
        and (said.url is None or is_address(said.url))
    )
    return said if is_sound else None


def check_name(check: str) -> str:
    """A name that a check can have: the rules of labels.

    Raises:
        Invalid: it breaks one.
    """
    if not is_label(check):
        raise Invalid(
            "check",
            "is not 1 to 36 of the characters a-z, 0-9, '_', '.' and '-', the first a letter or a digit; "
            "choose such a one",
        )
    expect_portable(check, "check")
    return check


def check_said(state: str, summary: str | None, url: str | None) -> tuple[str, str | None, str | None]:
    """State, summary and address as they are stored; an empty summary or address is none.

    Raises:
        Invalid: one of them breaks a rule.
    """
    if state not in STATES:
        raise Invalid("state", f"is none of {', '.join(STATES)}")
    summary = texts.check_line("summary", summary or "", MAX_SUMMARY)
    url = texts.check_line("url", url or "", MAX_URL)
    if url and not is_address(url):
        raise Invalid("url", "is no address that begins with http:// or https://")
    return state, summary or None, url or None


def is_address(url: str) -> bool:
    """True if it is an address of HTTP, which a page may link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url
