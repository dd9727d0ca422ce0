"""Webhooks: every change is posted to those who asked for it, in the order of `main`, at least once.

One process delivers. Each hook that something waits for has a thread, so that a slow receiver keeps nobody waiting but
itself.
"""

from __future__ import annotations

import hashlib
import logging
import random
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson

from promptgit.domain.models import CommitEntry, FeedEntry, by_commit
from promptgit.errors import CommitNotFound, HookNotFound, UnusableRepository
from promptgit.jobs import chores, hook_formats
from promptgit.jobs.hooks import DeliveryState, Entry, Hook, Hooks
from promptgit.jobs.outbound import Undelivered, post
from promptgit.service.feed import Feed, Page
from promptgit.service.stores import store_of
from promptgit.settings import Settings
from promptgit.store.git.objects import committed
from promptgit.store.index import change_queries
from promptgit.store.store import Store

log = logging.getLogger(__name__)

DELIVERY_SECONDS = 10.0
DAY = 86_400.0
_LOOK_SECONDS = 0.5
_LONGEST_PAUSE = 3_600.0
_LEAST_FAILURES = 24  # in a row: by the pauses between them half a day, whatever the clock says
_PAGE = 100


class Deliveries:
    """Delivers the changes of one store to its hooks, those in the file *path* or in its folder.

    *clock* gives seconds since 1970. *public_url* is where people find the service; '': messages have no links.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.time,
        seconds: float = DELIVERY_SECONDS,
        path: Path | None = None,
        public_url: str = "",
    ) -> None:
        self.hooks = Hooks(store.folder, path)
        self._store, self._clock, self._seconds = store, clock, seconds
        self._public_url = public_url
        self._feed = Feed(store)
        self.busy: set[str] = set()
        """The ids of hooks to which a thread of this process delivers now."""
        self.due: dict[str, float] = {}
        """Id of a hook whose last delivery failed -> when it is tried again, in seconds since 1970."""
        self._sent: dict[str, set[str]] = {}  # by hook: what of the commit after the cursor was delivered

    def turn(self) -> float:
        """Begin to deliver to each hook that something waits for; after how many seconds to look again. A chore."""
        hooks = self.hooks.all()
        main = self._store.repository.main() if hooks else ""
        self.hooks.begin(hooks, main)
        for hook in hooks:
            if hook.id not in self.busy and self._is_due(hook) and self.hooks.state(hook.id).cursor != main:
                self.busy.add(hook.id)
                threading.Thread(target=self._run, args=(hook,), name=f"hook-{hook.id}", daemon=True).start()
        return _LOOK_SECONDS

    def _is_due(self, hook: Hook) -> bool:
        left = self.due.get(hook.id, 0.0) - self._clock()
        return left <= 0 or left > _LONGEST_PAUSE  # the clock was set back

    def _run(self, hook: Hook) -> None:
        try:
            self.deliver(hook)
        except HookNotFound:
            log.info("The hook %s was removed", hook.id)
        except Exception:
            log.exception("The hook %s could not be served", hook.id)
            self.due[hook.id] = self._clock() + 60
        finally:
            self._store.close()  # what this thread has opened
            self.busy.discard(hook.id)

    def deliver(self, hook: Hook) -> None:
        """Deliver what waits for a hook, until nothing does, or until one delivery fails: it is tried again later.

        Raises:
            HookNotFound: it was removed.
        """
        state = self.hooks.state(hook.id)
        while True:
            page = self._page(hook, state)
            for commit in by_commit(page.changes):
                wanted = hook.wanted(commit)
                for entry in wanted:
                    state, is_done = self._attempt(hook, state, entry)
                    if not is_done:
                        return
                if wanted:
                    state = self._go_on(hook, state, commit.commit)
            if state.cursor != page.last:
                state = self._go_on(hook, state, page.last)
            if not page.more:
                return

    def _attempt(self, hook: Hook, state: DeliveryState, entry: Entry) -> tuple[DeliveryState, bool]:
        """Deliver an entry, if it was not; whether it was, or is given up. If not, the next attempt has its time."""
        message = message_id(hook, entry)
        sent = self._sent.setdefault(hook.id, set())
        if message in sent:
            return state, True
        self.hooks.get(hook.id)
        try:
            self.send(hook, message, entry.as_json())
        except Undelivered as error:
            now = self._clock()
            if str(error) != state.error:
                log.warning("The hook %s could not be told: %s", hook.id, error)
            since = state.failing_since or now
            state = DeliveryState(state.cursor, state.failures + 1, since, str(error))
            self.hooks.note(hook.id, state)
            is_old = now - max(since, min(now, self._stored(entry.commit))) >= DAY
            if not is_old or state.failures < _LEAST_FAILURES:
                pause = min(_LONGEST_PAUSE, 2.0 ** min(state.failures - 1, 12))
                self.due[hook.id] = now + pause * random.uniform(0.5, 1)  # noqa: S311  # no secret
                return state, False
            log.error("The hook %s was not told of %s %s: given up after a day", hook.id, entry.type, entry.commit)
        else:
            state = DeliveryState(state.cursor)
        sent.add(message)
        return state, True

    def send(self, hook: Hook, message: str, payload: dict[str, object]) -> None:
        """Post one message in the hook's format, with a link to the page about it.

        Raises:
            Undelivered: no 2xx came.
        """
        if (address := hook_formats.address_of(self._public_url, payload)) is not None:
            payload = {**payload, "url": address}
        now = int(self._clock())
        body, headers = hook_formats.request(hook.format, hook.url, hook.keys, message, now, payload)
        post(hook.url, body, headers, seconds=self._seconds, allow_private=hook.allow_private)

    def test(self, hook: Hook) -> None:
        """Post a message of the type `test`, of which receivers need not know more.

        Raises:
            Undelivered: no 2xx came.
        """
        now = datetime.fromtimestamp(self._clock(), UTC).replace(microsecond=0)
        self.send(hook, f"msg_{secrets.token_hex(16)}", {"type": "test", "timestamp": now})

    def waiting(self) -> int:
        """How many messages wait to be delivered, of all hooks."""
        hooks = self.hooks.all()
        return self._store.index.peek(lambda index: sum(self._count(index, hook) for hook in hooks)) if hooks else 0

    def _count(self, index: sqlite3.Connection, hook: Hook) -> int:
        cursor = self.hooks.state(hook.id).cursor
        number = change_queries.number_of(index, cursor) if cursor else None
        return change_queries.count(index, number or 0, hook.events, hook.prefix)

    def _page(self, hook: Hook, state: DeliveryState) -> Page:
        look = partial(self._feed.page, limit=_PAGE, with_releases=hook.wants_releases)
        try:
            return look(state.cursor)
        except CommitNotFound as error:
            ancestor = self._last_on_main(error.commit)
            log.warning("main was rewritten; the hook %s goes on after %s", hook.id, ancestor or "nothing: all anew")
            return look(ancestor)

    def _last_on_main(self, lost: str) -> str | None:
        """The last commit in the first-parent history of a lost one that `main` has, too."""
        try:
            for commit, _ in self._store.repository.git.headers(lost, first_parent=True):
                if self._store.index.read(change_queries.number_of, commit) is not None:
                    return commit
        except UnusableRepository:
            pass  # git has removed it
        return None

    def _stored(self, commit: str) -> int:
        return committed(self._store.repository.read(commit))[1]

    def _go_on(self, hook: Hook, state: DeliveryState, commit: str) -> DeliveryState:
        state = replace(state, cursor=commit)
        self.hooks.get(hook.id)
        self.hooks.note(hook.id, state)
        self._sent.pop(hook.id, None)
        return state


def message_id(hook: Hook, entry: Entry) -> str:
    """The same for the same entry and hook, whenever it is delivered."""
    prompt_id, own = (None, None) if isinstance(entry, CommitEntry) else (entry.prompt_id, _own(entry))
    named = orjson.dumps([hook.id, entry.commit, entry.type, prompt_id, own])
    return f"msg_{hashlib.sha256(named).hexdigest()[:32]}"


def _own(change: FeedEntry) -> object:
    """What tells a change from the others of its type and prompt in one commit."""
    match change.type:
        case "label":
            return change.other
        case "check":
            return [change.number, change.other]
        case "release":
            return [change.number, change.detail]
    return None


def of(settings: Settings) -> Deliveries:
    """The deliveries of a data folder."""
    path = Path(settings.hooks) if settings.hooks else None
    return Deliveries(store_of(settings), path=path, public_url=settings.public_url)


def start(settings: Settings) -> None:
    """Deliver whatever hooks there are or will be; call it in each worker."""
    chores.start("webhooks", settings.data, of(settings).turn)
