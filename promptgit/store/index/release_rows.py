"""The rows of releases and of the rules, and which moves of gated labels came without a release."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from promptgit.domain import releases, rules
from promptgit.domain.history import Commit, FileChange
from promptgit.domain.releases import Release
from promptgit.domain.rules import Rules
from promptgit.errors import Damaged
from promptgit.store.index.change_rows import Done
from promptgit.store.index.connections import Unusable
from promptgit.store.index.rows import insert
from promptgit.store.index.seals import expect, seal

_Move = tuple[str, str, int | None]  # the id of a prompt, a label, and where it is pointed
_RULES = rules.PATH.encode()
_ROOT = releases.ROOT.encode()
_MOST_LEFT_OUT = 1_000_000  # numbers between one release and the next
REMOVED = "removed"
"""What was done with a release whose file has left."""


def begin(connection: sqlite3.Connection) -> None:
    """Say in a new index that there are no rules."""
    connection.execute("INSERT INTO rules VALUES (NULL, NULL, ?)", (seal(None, None),))


def read_rules(connection: sqlite3.Connection) -> tuple[Rules, bytes | None, str | None]:
    """The rules that hold, what their file holds, and the commit (hexadecimal) that changed it last.

    The commit is None while there is no such file.

    Raises:
        Unusable: the row is damaged, or missing.
    """
    rows = connection.execute("SELECT content, commit_id, seal FROM rules").fetchall()
    if len(rows) != 1:
        raise Unusable("a row of the index is missing")
    content, commit, sealed = rows[0]
    expect(sealed, (content, commit))
    return Rules() if commit is None else rules.parse(content), content, commit.hex() if commit else None


def highest(connection: sqlite3.Connection) -> int:
    """The highest number that a release has ever had; 0: there was none."""
    (number,) = connection.execute("SELECT releases FROM totals").fetchone()
    return int(number)


class ReleaseRows:
    """Takes in the files of releases and the rules, within a transaction of the caller's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rules: Rules | None = None
        self._before = Rules()  # the commit at hand
        self._sanctioned: set[_Move] = set()

    def apply(self, commit: Commit, number: int, read: Callable[[str], bytes]) -> list[Done]:
        """Take in what a commit changes, the one *number* of the history; what it did.

        *read* gives the bytes of a blob by its id in hexadecimal.
        """
        if self._rules is None:
            self._rules = read_rules(self._connection)[0]
        self._before, self._sanctioned = self._rules, set()
        done: list[Done] = []
        for change in commit.changes:
            if change.old == change.new:
                continue
            if change.path == _RULES:
                done.append(self._take_rules(commit, change, read))
            elif change.path.startswith(_ROOT) and (found := releases.parse_path(change.path.decode(errors="replace"))):
                done += self._take(found, commit, number, change, read)
        return done

    def is_outside(self, prompt_id: str, name: str, label: str, number: int | None) -> bool:
        """True if the rules before the commit at hand gate a label, and no release in it points it at *number*."""
        return self._before.rule_for(label, name) is not None and (prompt_id, label, number) not in self._sanctioned

    def _take_rules(self, commit: Commit, change: FileChange, read: Callable[[str], bytes]) -> Done:
        content = None if change.new is None else _read(change.new, read)
        if content is not None and len(content) > rules.MAX_BYTES:
            content = None
        made = None if change.new is None else bytes.fromhex(commit.id)
        row = content, made, seal(content, made)
        self._connection.execute("UPDATE rules SET content = ?, commit_id = ?, seal = ?", row)
        self._rules = Rules() if made is None else rules.parse(content)
        return Done("rules", None, None)

    def _take(
        self, number: int, commit: Commit, at: int, change: FileChange, read: Callable[[str], bytes]
    ) -> list[Done]:
        before = find(self._connection, number)
        known = highest(self._connection)
        if number > known + _MOST_LEFT_OUT:
            return []  # else one push could use the numbers up
        self._connection.execute("UPDATE totals SET releases = ?", (max(number, known),))
        self._connection.execute("DELETE FROM releases WHERE number = ?", (number,))
        self._connection.execute("DELETE FROM release_items WHERE number = ?", (number,))
        if change.new is None:
            return [Done("release", None, None, number=number, detail=REMOVED)]
        content = _read(change.new, read) or b""
        release = releases.parse(number, content)
        opened = at if before is None else before[1]
        label, state = (release.label, release.state) if release else ("", "")
        told = number, label, state, content, opened, bytes.fromhex(commit.id)
        self._connection.execute("INSERT INTO releases VALUES (?, ?, ?, ?, ?, ?, ?)", (*told, seal(*told)))
        if release is None:
            return []
        rows = [
            (number, place, item.prompt_id, item.before, item.number, item.version_id)
            for place, item in enumerate(release.items)
        ]
        insert(self._connection, "release_items", rows)
        old = before[0] if before else None
        if release.state in releases.MOVING and (old is None or old.state != release.state):
            self._sanctioned |= {(item.prompt_id, release.label, item.number) for item in release.items}
        deeds = ["approved"] if len(release.approvals) > len(old.approvals if old else ()) else []
        if old is None or old.state != release.state:
            deeds.append("opened" if release.state == releases.OPEN else release.state)
        return [Done("release", None, None, release.label, number=number, detail=deed) for deed in deeds]


def find(connection: sqlite3.Connection, number: int) -> tuple[Release | None, int, str] | None:
    """A release (None: its file cannot be understood), the number of the commit that opened it, the last commit's id.

    Raises:
        Unusable: its row is damaged.
    """
    row = connection.execute(
        "SELECT number, label, state, content, opened, commit_id, seal FROM releases WHERE number = ?", (number,)
    ).fetchone()
    if row is None:
        return None
    expect(row[-1], row[:-1])
    return releases.parse(number, row[3]), row[4], row[5].hex()


def _read(blob: str, read: Callable[[str], bytes]) -> bytes | None:
    try:
        return read(blob)
    except Damaged:
        return None
