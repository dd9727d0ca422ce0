"""The client for threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, Unpack, overload

import httpx2

from promptgit.client import wire
from promptgit.client.base import Base, Options, Turn
from promptgit.client.cache import Key
from promptgit.client.changes import Commit
from promptgit.client.commit_values import Committed
from promptgit.client.errors import ServerAway
from promptgit.client.release_verbs import ReleaseVerbs as Verbs
from promptgit.client.steps import Page, Request, Response, Steps, T, Wait
from promptgit.client.values import At, Prompt, moment
from promptgit.domain.models import Author

P = ParamSpec("P")


def _verb(steps: Callable[Concatenate[Verbs, P], Steps[T]]) -> Callable[Concatenate[Client, P], T]:
    @wraps(steps)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(steps(self._verbs, *args, **kwargs))

    return call


def _pages(
    steps: Callable[Concatenate[Verbs, P], Steps[Page[T]]],
) -> Callable[Concatenate[Client, P], Iterator[T]]:
    @wraps(steps)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        page = self._run(steps(self._verbs, *args, **kwargs))
        yield from page.items
        while page.more is not None:
            page = self._run(page.more())
            yield from page.items

    return call


class Client(Base[threading.Lock]):
    """A client of one server. Safe to use from many threads; not across a fork.

    Without *url* or *token*, `PROMPTGIT_URL` or `PROMPTGIT_TOKEN` is used; the other options are those of `Options`.
    *transport* is one of httpx2's; *sleep* is called to wait between attempts.

    Raises:
        ValueError: there is no *url*, or it is no address of a server.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], object] = time.sleep,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(url, **options)
        self._http = httpx2.Client(transport=transport, **self._options)
        self._sleep = sleep

    def get(
        self,
        prompt: str,
        *,
        label: str | None = None,
        version: int | None = None,
        at: At | None = None,
        resolve: bool = False,
        fallback: str | None = None,
    ) -> Prompt:
        """A prompt by its name or id: its newest version, or the one at *label*, or the one of the number *version*.

        With *at*, the prompt as of then; with *resolve*, with prompts within it put in. Cached: a stale prompt is
        returned at once, and a thread refreshes it. While the server is away, the prompt comes from the client's
        folder, or else is *fallback*.

        Raises:
            PromptNotFound, PromptDeleted, LabelNotFound, VersionNotFound, CommitNotFound, Unresolvable
            Unavailable: the server is away, and neither memory, the folder nor *fallback* has the prompt.
        """
        key = Key(prompt, label, version, None if at is None else moment(at), resolve)
        found = self._cache.look(key)
        if found is None:
            turn = self._turns.setdefault(key, Turn(threading.Lock()))  # of many threads, one sends the request
            with turn.lock:
                found = self._cache.look(key)
                if found is None:
                    return self._run(self._fetch(key, fallback, turn))
        if found.refresh:
            threading.Thread(target=self._refresh, args=(key,), name="promptgit-refresh", daemon=True).start()
        return found.prompt

    find = _verb(Verbs.find)
    version = _verb(Verbs.version)
    content = _verb(Verbs.content)
    file_as = _verb(Verbs.file_as)
    blame = _verb(Verbs.blame)
    usage = _verb(Verbs.usage)
    diff = _verb(Verbs.diff)
    list = _pages(Verbs.list)
    versions = _pages(Verbs.versions)
    references = _verb(Verbs.references)
    labels = _verb(Verbs.labels)
    label_history = _verb(Verbs.label_history)
    changes = _pages(Verbs.changes)

    create = _verb(Verbs.create)
    save = _verb(Verbs.save)
    put = _verb(Verbs.put)
    rename = _verb(Verbs.rename)
    delete = _verb(Verbs.delete)
    revert = _verb(Verbs.revert)
    set_label = _verb(Verbs.set_label)
    remove_label = _verb(Verbs.remove_label)
    promote = _verb(Verbs.promote)

    @overload
    def commit(
        self,
        changes: Iterable[Mapping[str, Any]],
        *,
        description: str | None = None,
        author: Author | None = None,
        dry_run: bool = False,
    ) -> Committed: ...

    @overload
    def commit(
        self, *, description: str | None = None, author: Author | None = None, dry_run: bool = False
    ) -> Commit: ...

    def commit(
        self,
        changes: Iterable[Mapping[str, Any]] | None = None,
        *,
        description: str | None = None,
        author: Author | None = None,
        dry_run: bool = False,
    ) -> Committed | Commit:
        """Make several changes, as the API takes them, in one commit, or none of them.

        Without *changes*, a `with` block that collects them:

            with client.commit(description="Greet by name") as changes:
                changes.save("support/greeting", "Hello {{name}}!")
                changes.label("support/greeting", "staging")

        Raises:
            ChangesRefused: with the refusal of each change that is refused.
        """

        def send(collected: Iterable[Mapping[str, Any]]) -> Committed:
            return self._run(self._verbs.commit(collected, description=description, author=author, dry_run=dry_run))

        return Commit(send) if changes is None else send(changes)

    checks = _verb(Verbs.checks)
    version_checks = _pages(Verbs.version_checks)
    set_check = _verb(Verbs.set_check)
    rules = _verb(Verbs.rules)
    set_rules = _verb(Verbs.set_rules)
    releases = _pages(Verbs.releases)
    release = _verb(Verbs.release)
    open_release = _verb(Verbs.open_release)
    approve_release = _verb(Verbs.approve_release)
    reject_release = _verb(Verbs.reject_release)
    withdraw_release = _verb(Verbs.withdraw_release)
    make_release = _verb(Verbs.make_release)
    roll_back_release = _verb(Verbs.roll_back_release)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refresh(self, key: Key) -> None:
        try:
            self._run(self._reads.refresh(key))
        except RuntimeError:
            if not self._http.is_closed:  # a client that is closed meanwhile needs no refresh
                raise

    def _run(self, steps: Steps[T]) -> T:
        answer = None
        with closing(steps):
            try:
                while True:
                    answer = self._do(steps.send(answer))
            except StopIteration as done:
                result: T = done.value
                return result

    def _do(self, step: Request | Wait) -> Response | ServerAway | None:
        if isinstance(step, Wait):
            self._sleep(step.seconds)
            return None
        try:
            return wire.response(self._http.request(**wire.arguments(step)))
        except httpx2.RequestError as error:
            return wire.away(error, self.url)
