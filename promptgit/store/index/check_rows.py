"""The rows of checks: what CIs say about versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from promptgit.domain import evaluations
from promptgit.domain.history import Commit, FileChange
from promptgit.errors import Damaged
from promptgit.store.index import makers
from promptgit.store.index.change_rows import Done
from promptgit.store.index.makers import Makers
from promptgit.store.index.seals import seal

_ROOT = evaluations.ROOT.encode()
_VERSION = """
SELECT p.key, p.name FROM prompts p JOIN versions v ON v.prompt = p.key WHERE p.id = ? AND v.number = ? AND v.id = ?
"""


def concern(commit: Commit) -> bool:
    """True if a commit changes a file of a check."""
    return any(change.path.startswith(_ROOT) for change in commit.changes)


def apply(connection: sqlite3.Connection, commit: Commit, by: Makers, read: Callable[[str], bytes]) -> list[Done]:
    """Take in the files of checks that a commit changes; the versions before it must be in the index, as rows.

    *read* gives the bytes of a blob by its id in hexadecimal. Returns what the commit did.
    """
    done: list[Done] = []
    for change in commit.changes:
        found = evaluations.parse_path(change.path.decode(errors="replace"))
        if found is None or change.old == change.new:
            continue
        connection.execute("DELETE FROM checks WHERE version = ? AND name = ?", found)
        if change.new is not None:
            done += _take(connection, commit, by, *found, _said(change, read))
    return done


def _take(
    connection: sqlite3.Connection,
    commit: Commit,
    by: Makers,
    version: str,
    check: str,
    said: evaluations.CheckFile | None,
) -> list[Done]:
    key = name = None
    if said is not None:
        key, name = connection.execute(_VERSION, (said.prompt_id, said.number, version)).fetchone() or (None, None)
    told = (said.number, said.state, said.summary, said.url) if said and key is not None else (None,) * 4
    sealed = seal(version, check, key is not None, *told, commit.id, commit.timestamp, *makers.sealed(commit))
    row = (version, check, key, *told, bytes.fromhex(commit.id), commit.timestamp, *by, sealed)
    connection.execute(f"INSERT INTO checks VALUES ({', '.join('?' * len(row))})", row)
    if said is None or key is None:
        return []
    return [Done("check", key, name, check, number=said.number, detail=said.state)]


def _said(change: FileChange, read: Callable[[str], bytes]) -> evaluations.CheckFile | None:
    assert change.new is not None
    try:
        return evaluations.parse(read(change.new))
    except Damaged:
        return None
