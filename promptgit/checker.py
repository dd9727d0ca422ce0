"""Compares the index with git."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from promptgit.store import label_queries
from promptgit.store.connections import uri_of
from promptgit.store.intake import Progress, build
from promptgit.store.schema import SCHEMA
from promptgit.store.store import Store

# What each table says, in words that do not depend on keys.
_ROWS = {
    "totals": "SELECT prompts, versions FROM {0}.totals",
    "prompt": "SELECT id, name, folded, versions, created, hex(moved), removed FROM {0}.prompts",
    "version": "SELECT p.id, v.number, v.id, lower(hex(v.commit_id)), lower(hex(v.blob)), v.timestamp, "
    "a.name, a.email, v.description "
    "FROM {0}.versions v LEFT JOIN {0}.prompts p ON p.key = v.prompt LEFT JOIN {0}.authors a ON a.key = v.author",
    "place": "SELECT p.id, l.after, l.name FROM {0}.places l LEFT JOIN {0}.prompts p ON p.key = l.prompt",
    "label": "SELECT label, name, number, lower(hex(blob)) FROM {0}.labels",
    "label's move": "SELECT p.id, m.label, m.move, m.number, lower(hex(m.commit_id)), m.timestamp, a.name, a.email, "
    "m.description FROM {0}.label_moves m LEFT JOIN {0}.prompts p ON p.key = m.prompt "
    "LEFT JOIN {0}.authors a ON a.key = m.author",
    "removal": "SELECT p.id, r.after, lower(hex(r.commit_id)), r.timestamp, a.name, a.email, r.description "
    "FROM {0}.removals r LEFT JOIN {0}.prompts p ON p.key = r.prompt LEFT JOIN {0}.authors a ON a.key = r.author",
    "commit": "SELECT c.number, lower(hex(c.id)), p.id, c.version, c.timestamp, a.name, a.email, c.description "
    "FROM {0}.commits c LEFT JOIN {0}.prompts p ON p.key = c.prompt LEFT JOIN {0}.authors a ON a.key = c.author",
    "change": "SELECT c.made, c.place, c.type, p.id, c.name, c.other, c.before, c.number "
    "FROM {0}.changes c LEFT JOIN {0}.prompts p ON p.key = c.prompt",
}
_SEARCHED = """
SELECT p.id, v.blob, s.name, s.content, p.name FROM search s
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
    except sqlite3.DatabaseError as error:
        yield f"The index cannot be read ({error}); 'promptgit reindex' builds a new one."


def _compare(path: Path, store: Store, progress: Progress | None) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="promptgit-check-") as folder, closing(_open(path)) as connection:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        if schema != SCHEMA:
            yield f"The index has schema {schema}, not {SCHEMA}; 'promptgit reindex' builds a new one."
            return
        fresh = Path(folder) / "index.sqlite3"
        sqlite3.connect(fresh).close()
        connection.execute("ATTACH ? AS git", (str(fresh),))
        connection.execute("BEGIN")  # whatever is written from now on is not looked at
        (head,) = connection.execute("SELECT lower(hex(commit_id)) FROM main.head").fetchone() or ("none",)
        if head not in store.repository or not store.repository.git.leads_to(head, store.repository.main()):
            yield f"The index reflects the commit {head}, which is not in the history of main."
            return
        build(fresh, store.repository, head, progress)
        for what, query in _ROWS.items():
            yield from _one_way(connection, f"Only the index has the {what}", query.format("main"), query.format("git"))
            yield from _one_way(connection, f"Only git has the {what}", query.format("git"), query.format("main"))
        yield from _search(connection, store.repository.read)
        for label, name in label_queries.ignored(connection):
            yield f"The file of the label {label!r} of {name!r} points at no version, and is ignored."


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(uri_of(path, "ro"), uri=True, isolation_level=None)


def _one_way(connection: sqlite3.Connection, words: str, these: str, others: str) -> Iterator[str]:
    for row in connection.execute(f"{these} EXCEPT {others}"):
        yield f"{words} {row}"


def _search(connection: sqlite3.Connection, read: Callable[[str], bytes]) -> Iterator[str]:
    for prompt_id, blob, name, content, expected in connection.execute(_SEARCHED):
        if blob is None or name != expected or content != read(blob.hex()).decode(errors="replace"):
            yield f"The search table has another text of the prompt {prompt_id}: {name!r}"
    for row in connection.execute(_UNSEARCHED):
        yield f"The search table lacks the prompt {row}"
