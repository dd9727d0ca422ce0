"""Answers in JSON: what the API shows of each value, ETags, links to next pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlencode

import orjson
from flask import Response

from promptgit.domain import front_matter
from promptgit.domain.evaluations import Check
from promptgit.domain.models import LabelMove, Prompt, Version, makers_json
from promptgit.domain.references import PutIn
from promptgit.domain.variables import names_in
from promptgit.service.blaming import Lines

JSON = "application/json"
_OPTIONS = orjson.OPT_UTC_Z
_KEPT_LENGTH = 1 << 13  # characters of a text whose variables are kept: 8 MiB at most for 256 texts


def version(value: Version) -> dict[str, object]:
    """A version as the API shows it, without content."""
    return {
        "id": value.id,
        "prompt_id": value.prompt_id,
        "version_number": value.number,
        "timestamp": value.timestamp,
        "description": value.description,
        **makers_json(value.author, value.committer),
        "commit": value.commit,
        "labels": value.labels,
    }


def lines(value: Lines) -> dict[str, object]:
    """Lines in a row, and of the version that wrote them the number, when, and by whom."""
    wrote = value.version
    return {
        "lines": value.length,
        "version_number": wrote.number,
        "timestamp": wrote.timestamp,
        **makers_json(wrote.author, wrote.committer),
    }


def prompt(value: Prompt) -> dict[str, object]:
    """A prompt as the API shows it, without content."""
    return {
        "id": value.id,
        "name": value.name,
        "path": value.path,
        "version_number": value.newest.number,
        "created_at": value.created_at,
        "updated_at": value.newest.timestamp,
        "description": value.newest.description,
        **makers_json(value.newest.author, value.newest.committer),
        "commit": value.newest.commit,
        "labels": value.labels,
    }


def label(value: LabelMove) -> dict[str, object]:
    """Where a label points, and since when."""
    return {"label": value.label, "version_number": value.number} | _made(value)


def label_move(value: LabelMove) -> dict[str, object]:
    """A move of a label; null stands for nowhere."""
    outside = {"outside": True} if value.outside else {}
    return {"from": value.before, "to": value.number} | _made(value) | outside


def _made(value: LabelMove) -> dict[str, object]:
    return {
        "timestamp": value.timestamp,
        "description": value.description,
        **makers_json(value.author, value.committer),
        "commit": value.commit,
    }


def check(value: Check) -> dict[str, object]:
    """What a CI says about a version."""
    return {
        "check": value.name,
        "prompt_id": value.prompt_id,
        "version_number": value.number,
        "state": value.state,
        "summary": value.summary,
        "url": value.url,
        "timestamp": moment(value.seconds),
        **makers_json(value.author, value.committer),
        "commit": value.commit,
    }


def moment(seconds: int) -> datetime:
    """Seconds since 1970 as a time, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def content(data: bytes | str) -> dict[str, object]:
    """A content for JSON, its variables, and those that it declares, if any.

    U+FFFD stands for bytes that are not UTF-8; `/content` has the bytes.
    """
    text = data if isinstance(data, str) else data.decode(errors="replace")
    return {"content": text} | (_kept if len(text) <= _KEPT_LENGTH else _about)(text)


def _about(text: str) -> dict[str, object]:
    inputs = [one.json() for one in front_matter.declared(text)]
    return {"variables": names_in(text)} | ({"inputs": inputs} if inputs else {})


_kept = lru_cache(maxsize=256)(_about)  # the same prompts are read again and again


def resolved(put_in: Iterable[PutIn]) -> dict[str, object]:
    """Which versions were put into a content, each once, in order."""
    shown = [
        {"prompt_id": node.prompt_id, "name": node.name, "version_number": node.version}
        | ({} if reference.label is None else {"label": reference.label})
        for _, reference, node in put_in
    ]
    return {"resolved_references": [one for at, one in enumerate(shown) if one not in shown[:at]]}


def etag(value: Prompt) -> str:
    """The ETag of a prompt: the commit of its newest version, and of a rename or a label's move since then."""
    return f"{value.newest.commit}.{value.altered[:12]}" if value.altered else value.newest.commit


def version_etag(value: Version) -> str:
    """The ETag of a version in JSON: its commit, and a digest of its labels, which are in the body and may move."""
    if not value.labels:
        return value.commit
    return f"{value.commit}.{hashlib.sha256(','.join(value.labels).encode()).hexdigest()[:12]}"


def composed_etag(tag: str, put_in: Iterable[PutIn]) -> str:
    """The ETag of a content with other prompts put in, of which *tag* is the ETag: with a digest of these."""
    told = "\n".join(f"{reference} {node.id} {node.name}" for _, reference, node in put_in)
    return f"{tag}.{hashlib.sha256(told.encode()).hexdigest()[:12]}"


def dumps(value: object) -> bytes:
    """*value* as JSON."""
    return orjson.dumps(value, option=_OPTIONS)


def json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """*value* as a JSON response."""
    return Response(dumps(value), status, headers, content_type=JSON)


def json_array(chunks: Iterable[str], headers: Mapping[str, str]) -> Response:
    """A streamed JSON array; a chunk holds one or more objects, separated by commas."""
    return Response(_array(chunks), headers=headers, content_type=JSON)


def _array(chunks: Iterable[str]) -> Iterator[bytes]:
    before = b"["
    for chunk in chunks:
        yield before + chunk.encode()
        before = b","
    yield b"]" if before == b"," else b"[]"


def next_link(path: str, query: Mapping[str, str], **changes: object) -> dict[str, str]:
    """A Link header to the next page: an address with some of its query changed (RFC 8288)."""
    changed = urlencode({**query, **{key: str(value) for key, value in changes.items()}})
    return {"Link": f'<{path}?{changed}>; rel="next"'}
