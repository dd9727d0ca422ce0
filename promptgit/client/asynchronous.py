"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import closing
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, Unpack, overload

import httpx2

from promptgit.client import wire
from promptgit.client.base import Base, Options, Turn
from promptgit.client.cache import Key
from promptgit.client.changes import AsyncCommit
from promptgit.client.commit_values import Committed
from promptgit.client.errors import ServerAway
from promptgit.client.release_verbs import ReleaseVerbs as Verbs
from promptgit.client.steps import Page, Request, Response, Steps, T, Wait
from promptgit.client.values import At, Prompt, moment
from promptgit.domain.models import Author

P = ParamSpec("P")


def _verb(
    steps: Callable[Concatenate[Verbs, P], Steps[T]],
) -> Callable[Concatenate[AsyncClient, P], Awaitable[T]]:
    @wraps(steps)
    async def call(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(steps(self._verbs, *args, **kwargs))

    return call


def _pages(
    steps: Callable[Concatenate[Verbs, P], Steps[Page[T]]],
) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]:
    @wraps(steps)
    async def call(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        page = await self._run(steps(self._verbs, *args, **kwargs))
        while True:
            for item in page.items:
                yield item
            if page.more is None:
                return
            page = await self._run(page.more())

    return call


class AsyncClient(Base[asyncio.Lock]):
    """A client of one server, for one event loop.

    Without *url* or *token*, `PROMPTGIT_URL` or `PROMPTGIT_TOKEN` is used; the other options are those of `Options`.
    *transport* is one of httpx2's; *sleep* is called to wait between attempts.

    Raises:
        ValueError: there is no *url*, or it is no address of a server.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(url, **options)
        self._http = httpx2.AsyncClient(transport=transport, **self._options)
        self._sleep = sleep
        self._refreshing: set[asyncio.Task[None]] = set()

    async def get(
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
        returned at once, and a task refreshes it. While the server is away, the prompt comes from the client's folder,
        or else is *fallback*.

        Raises:
            PromptNotFound, PromptDeleted, LabelNotFound, VersionNotFound, CommitNotFound, Unresolvable
            Unavailable: the server is away, and neither memory, the folder nor *fallback* has the prompt.
        """
        key = Key(prompt, label, version, None if at is None else moment(at), resolve)
        found = self._cache.look(key)
        if found is None:
            turn = self._turns.setdefault(key, Turn(asyncio.Lock()))  # of many tasks, one sends the request
            async with turn.lock:
                found = self._cache.look(key)
                if found is None:
                    return await self._run(self._fetch(key, fallback, turn))
        if found.refresh:
            task = asyncio.create_task(self._run(self._reads.refresh(key)))
            self._refreshing.add(task)  # the loop has only a weak reference
            task.add_done_callback(self._refreshing.discard)
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
    ) -> Awaitable[Committed]: ...

    @overload
    def commit(
        self, *, description: str | None = None, author: Author | None = None, dry_run: bool = False
    ) -> AsyncCommit: ...

    def commit(
        self,
        changes: Iterable[Mapping[str, Any]] | None = None,
        *,
        description: str | None = None,
        author: Author | None = None,
        dry_run: bool = False,
    ) -> Awaitable[Committed] | AsyncCommit:
        """Make several changes, as the API takes them, in one commit, or none of them.

        Without *changes*, an `async with` block that collects them:

            async with client.commit(description="Greet by name") as changes:
                changes.save("support/greeting", "Hello {{name}}!")
                changes.label("support/greeting", "staging")

        Raises:
            ChangesRefused: with the refusal of each change that is refused.
        """

        def send(collected: Iterable[Mapping[str, Any]]) -> Awaitable[Committed]:
            return self._run(self._verbs.commit(collected, description=description, author=author, dry_run=dry_run))

        return AsyncCommit(send) if changes is None else send(changes)

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

    async def close(self) -> None:
        """Close the connections; refreshes that are under way are cancelled."""
        for task in self._refreshing:
            task.cancel()
        await asyncio.gather(*self._refreshing, return_exceptions=True)
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, steps: Steps[T]) -> T:
        answer = None
        with closing(steps):
            try:
                while True:
                    answer = await self._do(steps.send(answer))
            except StopIteration as done:
                result: T = done.value
                return result

    async def _do(self, step: Request | Wait) -> Response | ServerAway | None:
        if isinstance(step, Wait):
            await self._sleep(step.seconds)
            return None
        try:
            return wire.response(await self._http.request(**wire.arguments(step)))
        except httpx2.RequestError as error:
            return wire.away(error, self.url)
