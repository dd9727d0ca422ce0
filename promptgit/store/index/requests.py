"""Requests that may be repeated: their marks in commits, and which commit each has made.

A commit that a request with a key has made bears two headers, in front of a signature if there is one:

    promptgit-request <SHA-256 of the credential and the key>
    promptgit-request-body <SHA-256 of the method, the target and the body>

The first finds the commit, the second tells a repeat from another request with the same key. Git keeps headers that it
does not know, so every clone and every index that is built anew has them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable
from typing import TypeVar

from promptgit.domain.models import Request
from promptgit.errors import KeyReused
from promptgit.store.git import objects
from promptgit.store.index.connections import Unusable

T = TypeVar("T")

KEPT_SECONDS = 24 * 60 * 60

_KEY, _BODY = "promptgit-request", "promptgit-request-body"
_DIGEST = re.compile(rb"[0-9a-f]{64}")


def headers_of(request: Request | None) -> list[str]:
    """The lines that a commit bears for the request that makes it."""
    return [] if request is None else [f"{_KEY} {request.key}", f"{_BODY} {request.body}"]


def request_in(headers: Iterable[bytes]) -> Request | None:
    """The request that made the commit with these header lines, if it had a key."""
    values = dict(line.split(b" ", 1) for line in headers if line.startswith(_KEY.encode()) and b" " in line)
    key, body = values.get(_KEY.encode(), b""), values.get(_BODY.encode(), b"")
    if not (_DIGEST.fullmatch(key) and _DIGEST.fullmatch(body)):
        return None
    return Request(key.decode("ascii"), body.decode("ascii"))


def note(connection: sqlite3.Connection, made: Iterable[tuple[str, Request]]) -> None:
    """Note which commit (40 hexadecimal digits) each request has made, in the order of the commits."""
    connection.executemany(
        "INSERT OR REPLACE INTO requests VALUES (?, ?)",
        ((bytes.fromhex(request.key), bytes.fromhex(commit)) for commit, request in made),
    )


def find(
    connection: sqlite3.Connection, request: Request, read: Callable[[str], bytes | None], now: float
) -> str | None:
    """The commit that *request* made at most 24 hours before *now* (seconds since 1970, by the committer's date).

    *read* gives the bytes of an object by its id in hexadecimal, or None if there is no such object.

    Raises:
        KeyReused: another request with this key made a commit in that time.
        Unusable: the index names a commit of another key, or one that does not exist.
    """
    row = connection.execute("SELECT commit_id FROM requests WHERE key = ?", (bytes.fromhex(request.key),)).fetchone()
    if row is None:
        return None
    commit: str = row[0].hex()
    data = read(commit)
    if data is None:
        raise Unusable
    found = request_in(data.split(b"\n\n", 1)[0].split(b"\n"))
    if found is None or found.key != request.key:
        raise Unusable
    if objects.committed(data)[1] < now - KEPT_SECONDS:
        return None
    if found.body != request.body:
        raise KeyReused
    return commit
