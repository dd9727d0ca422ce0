"""The feed: what every commit of `main` did, in order, whoever made it."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from promptgit.deferral import Deferred
from promptgit.domain import releases
from promptgit.domain.models import FeedEntry, by_commit
from promptgit.errors import CommitNotFound, Damaged
from promptgit.store.git.refs import Mark
from promptgit.store.index import change_queries, release_rows
from promptgit.store.store import Store

MOST_SECONDS = 30

_COMMIT = re.compile("[0-9a-f]{40}", re.ASCII)
_LOOK_SECONDS = 0.1
_ADVICE = "Begin anew, without 'after', and take what comes for all there is."
_MOST_CHANGES = 10_000  # of a page that counts commits
_MOST_ITEMS = 5_000  # of the releases of a page: to read 1,000 of them takes 140 ms (tomllib of Python 3.11, 2026-11)


class Page(NamedTuple):
    """Changes of whole commits; the commit from which to go on; whether more follow already."""

    changes: list[FeedEntry]
    last: str
    more: bool


class Feed:
    """Reads the feed of one store; of the threads that ask, at most *waiters* wait at the same time."""

    def __init__(self, store: Store, waiters: int = 0) -> None:
        self._store = store
        self._waiters = waiters
        self._lock = threading.Lock()
        self.waiting = 0
        """Threads of this process that wait."""

    def page(self, after: str | None, limit: int, *, grouped: bool = False, with_releases: bool = True) -> Page:
        """The changes after a commit (None: all), at most *limit*; more only if one commit made more.

        With *grouped*, those of at most *limit* commits. *with_releases* looks releases up as each commit left them;
        a page with many items of releases ends earlier.

        Raises:
            CommitNotFound: *after* is not in the first-parent history of `main`.
            Damaged: the file of a release cannot be read.
        """
        found = self._store.index.read(_page, after, limit, grouped)
        if not with_releases or all(change.type != "release" for change in found.changes):
            return found
        changes: list[FeedEntry] = []
        items = 0
        for commit in by_commit(found.changes):
            told = [self._with_release(change) for change in commit.changes]
            items += sum(len(change.release.items) for change in told if change.release)
            if changes and items > _MOST_ITEMS:
                return Page(changes, changes[-1].commit, True)
            changes += told
        return found._replace(changes=changes)

    def _with_release(self, change: FeedEntry) -> FeedEntry:
        if change.type != "release" or change.detail == release_rows.REMOVED:
            return change
        number = change.number or 0
        release = releases.parse(number, self._store.repository.file_at(change.commit, releases.path_of(number)) or b"")
        if release is None:  # the index has it from this very file
            raise Damaged(change.commit, f"its file of the release {number} is missing")
        return change._replace(release=release)

    def wait(
        self,
        after: str | None,
        limit: int,
        seconds: float,
        server_waits: bool | None = None,
        *,
        grouped: bool = False,
    ) -> Page:
        """The same; while nothing has come, wait for up to *seconds*, unless too many wait already.

        *server_waits* is the value of `deferral.WAITS`; None: the server cannot wait, and this thread does.

        Raises:
            CommitNotFound: *after* is not in the first-parent history of `main`, or is so no more.
            Deferred: nothing has come yet, and *server_waits* is true.
        """
        page = self.page(after, limit, grouped=grouped)
        if not page.changes and seconds > 0 and server_waits is not None:
            if server_waits:
                raise Deferred(self._news(page.last), seconds)
            return page
        if page.changes or seconds <= 0:
            return page
        with self._place() as may_wait:
            deadline = time.monotonic() + seconds
            while may_wait and not page.changes and (left := deadline - time.monotonic()) > 0:
                time.sleep(min(left, _LOOK_SECONDS))
                page = self.page(page.last, limit, grouped=grouped)
        return page

    @contextmanager
    def _place(self) -> Iterator[bool]:
        """True if this thread may wait, because not too many others do; it is counted within."""
        with self._lock:
            may_wait = self.waiting < self._waiters
            self.waiting += may_wait
        try:
            yield may_wait
        finally:
            with self._lock:
                self.waiting -= may_wait

    def _news(self, after: str) -> Callable[[], bool]:
        """A function that returns True once `main` may no longer be the commit *after*; it costs one stat(2)."""
        repository = self._store.repository
        seen: Mark | None = None

        def has_moved() -> bool:
            nonlocal seen
            mark = repository.main_file.mark()
            if mark is None or mark != seen:
                if repository.main() != after:
                    return True
                seen = mark
            return False

        return has_moved


def _page(connection: sqlite3.Connection, after: str | None, limit: int, grouped: bool) -> Page:
    number: int | None = 0
    if after is not None:
        number = change_queries.number_of(connection, after) if _COMMIT.fullmatch(after) else None
        if number is None:
            raise CommitNotFound(after[:60], _ADVICE)
    assert number is not None
    most = (_MOST_CHANGES, limit) if grouped else (limit, None)
    return Page(*change_queries.page(connection, number, *most))
