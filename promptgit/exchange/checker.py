"""Compares the index with git."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from errno import EROFS
from pathlib import Path

from promptgit.domain.labels import LATEST
from promptgit.errors import Damaged, UnusableRepository
from promptgit.store.git.repository import Repository
from promptgit.store.index import check_queries, label_queries, reference_rows, release_queries, search
from promptgit.store.index.connections import uri_of
from promptgit.store.index.intake import Progress, build
from promptgit.store.index.makers import COLUMNS
from promptgit.store.index.requests import request_in
from promptgit.store.index.schema import SCHEMA
from promptgit.store.store import Store

# What each table says, in words that do not depend on keys; and its checksums, which reads compare.
_PROMPT = "LEFT JOIN {0}.prompts p ON p.key = t.prompt"
_MAKERS = "LEFT JOIN {0}.authors a ON a.key = t.author LEFT JOIN {0}.authors co ON co.key = t.committer"
_SAID = f"lower(hex(t.commit_id)), t.timestamp, {COLUMNS}, t.description, t.seal"
_ROWS = {
    "totals": "SELECT prompts, versions, releases FROM {0}.totals",
    "prompt": "SELECT t.id, t.name, folded, versions, created, hex(altered), removed, places, labels, updated, a.name, "
    "a.email, seal FROM {0}.prompts t LEFT JOIN {0}.authors a ON a.key = t.author",
    "version": f"SELECT p.id, t.number, t.made, t.id, lower(hex(t.blob)), {_SAID}, t.json, t.json_seal "
    f"FROM {{0}}.versions t {_PROMPT} {_MAKERS}",
    "place": f"SELECT p.id, t.since, t.place, t.name, t.lives, t.seal FROM {{0}}.places t {_PROMPT}",
    "label": "SELECT label, name, number, lower(hex(blob)), seal FROM {0}.labels",
    "label's move": f"SELECT p.id, t.label, t.made, t.move, t.number, t.before, t.outside, {_SAID} "
    f"FROM {{0}}.label_moves t {_PROMPT} {_MAKERS}",
    "check": "SELECT t.version, t.name, p.id, t.number, t.state, t.summary, t.url, lower(hex(t.commit_id)), "
    f"t.timestamp, {COLUMNS}, t.seal FROM {{0}}.checks t {_PROMPT} {_MAKERS}",
    "rules": "SELECT hex(content), lower(hex(commit_id)), seal FROM {0}.rules",
    "release": "SELECT number, label, state, hex(content), opened, lower(hex(commit_id)), seal FROM {0}.releases",
    "item of a release": "SELECT number, place, prompt_id, before, target, version FROM {0}.release_items",
    "removal": f"SELECT p.id, t.after, {_SAID} FROM {{0}}.removals t {_PROMPT} {_MAKERS}",
    "commit": f"SELECT t.number, lower(hex(t.id)), p.id, t.version, t.timestamp, {COLUMNS}, t.description, "
    f"t.changes, t.stored, t.seal FROM {{0}}.commits t {_PROMPT} {_MAKERS}",
    "date": "SELECT stored, number, before, seal FROM {0}.dates",
    "change": "SELECT t.made, t.place, t.type, p.id, t.name, t.other, t.before, t.number, t.detail, t.seal "
    f"FROM {{0}}.changes t {_PROMPT}",
}
_REQUESTS = "SELECT lower(hex(key)), lower(hex(commit_id)) FROM {0}.requests"
_SEARCHED = """
SELECT p.id, v.blob, s.name, s.content, p.name, (SELECT json_group_array(tag) FROM tags WHERE prompt = s.rowid)
FROM search s
LEFT JOIN prompts p ON p.key = s.rowid AND p.removed IS NULL
LEFT JOIN versions v ON v.prompt = p.key AND v.number = p.versions
WHERE s.rowid NOT IN (SELECT prompt FROM unsearched)
"""
_UNSEARCHED = """
SELECT id, name FROM prompts WHERE removed IS NULL AND key NOT IN (SELECT prompt FROM unsearched)
AND key NOT IN (SELECT rowid FROM search)
"""


def differences(store: Store, progress: Progress | None = None) -> Iterator[str]:
    """Every difference between the index and git, each a line of text; nothing is changed.

    An index that is only behind `main` is compared with the history that it reflects: the next
    request takes in the rest.
    """
    path = store.index.path
    if not path.exists():
        yield f"There is no index at {path}; the service, or 'promptgit reindex', builds it."
        return
    try:
        yield from _compare(path, store, progress)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        yield f"The index cannot be read ({error}); 'promptgit reindex' builds a new one."
    except (Damaged, UnusableRepository) as error:
        yield f"The index cannot be compared with git: {error}"


def _compare(path: Path, store: Store, progress: Progress | None) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="promptgit-check-") as folder, closing(_open(path)) as connection:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        if schema != SCHEMA:
            yield f"The index has schema {schema}, not {SCHEMA}; 'promptgit reindex' builds a new one."
            return
        damages = [line for (line,) in connection.execute("PRAGMA integrity_check") if line != "ok"]
        if damages:
            yield from (f"The index is damaged ({line}); 'promptgit reindex' builds a new one." for line in damages)
            return
        fresh = Path(folder) / "index.sqlite3"
        sqlite3.connect(fresh).close()
        connection.execute("ATTACH ? AS git", (str(fresh),))
        connection.execute("BEGIN")  # whatever is written from now on is not looked at
        (head,) = connection.execute("SELECT lower(hex(commit_id)) FROM main.head").fetchone() or ("none",)
        if head not in store.repository or not store.repository.git.leads_to(head, store.repository.main()):
            yield f"The index reflects the commit {head}, which is not in the history of main."
            return
        build(fresh, store.repository, head, progress, now=time.time())
        for what, query in _ROWS.items():
            yield from _one_way(connection, f"Only the index has the {what}", query.format("main"), query.format("git"))
            yield from _one_way(connection, f"Only git has the {what}", query.format("git"), query.format("main"))
        git, index = _REQUESTS.format("git"), _REQUESTS.format("main")  # which may have older ones as well
        yield from _one_way(connection, "Only git has the request", git, index)
        yield from _requests(connection, store.repository)
        yield from _search(connection, store.repository.read)
        for prompt_id, rows in reference_rows.wrong(connection, store.repository.read):
            yield f"The index has other references of the prompt {prompt_id} than its texts: {rows}"
        for label, name in label_queries.ignored(connection):
            why = "is of a reserved label" if label == LATEST else "points at no version"
            yield (
                f"The file of the label {label!r} of {name!r} {why}, and is ignored. "
                "If git alone has moved the prompt, move this file along, to the prompt's new name."
            )
        newest = fresh
        if head != (main := store.repository.main()):
            newest = Path(folder) / "newest.sqlite3"
            build(newest, store.repository, main, progress)
        with closing(sqlite3.connect(newest)) as built:
            yield from _ungoverned(built)


def _ungoverned(connection: sqlite3.Connection) -> Iterator[str]:
    """What rules and releases do not agree with, or cannot be understood of them, in a new index of `main`."""
    yield from release_queries.warnings(connection)
    for label, prompt, number, commit in release_queries.outside(connection):
        where = f"at version {number}" if number else "nowhere"
        yield f"outside: {label!r} of {prompt!r} is gated, and {commit} points it {where} without a release."
    for number in release_queries.ignored(connection):
        yield f"The file of release {number} cannot be understood, and is ignored."
    for version, check in check_queries.ignored(connection):
        yield f"The file of the check {check!r} of the version {version} says nothing of that version, and is ignored."


def _open(path: Path) -> sqlite3.Connection:
    """A connection that only reads. In a read-only folder, SQLite needs to know that nobody changes the file."""
    uri = uri_of(path, "ro")
    if not os.access(path.parent, os.W_OK):
        wal = path.with_name(f"{path.name}-wal")
        if wal.exists() and wal.stat().st_size:
            raise OSError(EROFS, "A part of the index is here, and the folder can only be read; check a copy", wal)
        uri += "&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


def _one_way(connection: sqlite3.Connection, words: str, these: str, others: str) -> Iterator[str]:
    for row in connection.execute(f"{these} EXCEPT {others}"):
        yield f"{words} {row}"


def _requests(connection: sqlite3.Connection, repository: Repository) -> Iterator[str]:
    for key, commit in connection.execute(_REQUESTS.format("main")):
        head = repository.read(commit).split(b"\n\n", 1)[0] if commit in repository else b""
        found = request_in(head.split(b"\n"))
        if found is None or found.key != key:
            yield f"Only the index has the request {key} of the commit {commit}"


def _search(connection: sqlite3.Connection, read: Callable[[str], bytes]) -> Iterator[str]:
    for prompt_id, blob, name, content, expected, tags in connection.execute(_SEARCHED):
        try:
            data = b"" if blob is None else read(blob.hex())
        except Damaged as error:
            yield str(error)
            continue
        if blob is None or name != expected or content != data.decode(errors="replace"):
            yield f"The search table has another text of the prompt {prompt_id}: {name!r}"
        if sorted(json.loads(tags)) != sorted(search.tags_in(data)):
            yield f"The search table has other tags of the prompt {prompt_id}: {tags}"
    for row in connection.execute(_UNSEARCHED):
        yield f"The search table lacks the prompt {row}"
