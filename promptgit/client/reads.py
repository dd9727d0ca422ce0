"""How `get` finds a prompt that is not in memory: it asks the server, then the client's folder, then the fallback."""

from __future__ import annotations

import logging
from collections.abc import Callable

from promptgit.client.cache import Cache, Key
from promptgit.client.errors import is_away
from promptgit.client.folder import Folder
from promptgit.client.steps import Steps, T, within
from promptgit.client.values import Prompt
from promptgit.client.verbs import Verbs
from promptgit.domain.labels import LATEST
from promptgit.errors import LabelNotFound, PromptDeleted, PromptgitError, PromptNotFound, VersionNotFound

log = logging.getLogger(__name__)

_GONE = (PromptNotFound, PromptDeleted, LabelNotFound, VersionNotFound)


class Reads:
    """Reads prompts by name or id, at a label or a number, into the cache and the folder.

    Where the folder or a fallback can answer, the requests of a read take *hurry* seconds at most (None: the client's
    time limit holds), and none is sent for *pause* seconds after the server was found away.
    """

    def __init__(
        self,
        verbs: Verbs,
        cache: Cache,
        folder: Folder | None,
        pause: float,
        clock: Callable[[], float],
        hurry: float | None,
    ) -> None:
        self._verbs, self._cache, self._folder = verbs, cache, folder
        self._pause, self._clock, self._hurry = pause, clock, hurry
        self._away_until = float("-inf")

    def fetch(self, key: Key, fallback: str | None) -> Steps[Prompt]:
        """Read a prompt that is not in memory.

        Raises:
            PromptNotFound, PromptDeleted, LabelNotFound, VersionNotFound
            ServerAway, Unavailable: and neither the folder nor a fallback has the prompt.
        """
        if key.label is not None and key.number is not None:
            raise ValueError("Give a label or a version, not both.")
        if key.resolve and key.number is not None and key.at is not None:
            raise ValueError("Give resolve with a version or with at, not with both: a label can be as of then.")
        generation = self._cache.generation
        kept = None if self._folder is None else self._folder.get(key)
        other = Prompt.fallback(key.prompt, fallback) if kept is None and fallback is not None else kept
        if other is None or self._clock() >= self._away_until:
            steps = self._read(key)
            try:
                prompt, etag = yield from (steps if other is None else self._hurried(steps))
            except _GONE:
                self._forget(key)
                raise
            except PromptgitError as error:
                if not is_away(error):
                    raise
                self._away_until = self._clock() + self._pause
                if other is None:
                    raise
                log.warning("%s is not read from the server: %s", key.prompt, error)
            else:
                self._keep(key, prompt, etag, generation)
                return prompt
        if kept is not None:
            self._cache.put(key, kept, "", generation, stale=True)
        return other

    def refresh(self, key: Key) -> Steps[None]:
        """Bring a prompt in memory up to date; while the server is away, it stays as it is."""
        generation = self._cache.generation
        try:
            # The ETag of the prompt changes with its newest version, its name and its labels.
            found = yield from self._hurried(self._newest(key, self._cache.etag(key)))
            if found is None:
                self._cache.renew(key, generation)
                return
            prompt = yield from self._hurried(self._select(key, found[0]))
            self._keep(key, prompt, found[1], generation)
        except _GONE:
            self._forget(key)
        except PromptgitError as error:
            log.warning("%s cannot be refreshed: %s", key.prompt, error)

    def _read(self, key: Key) -> Steps[tuple[Prompt, str]]:
        found = yield from self._newest(key)
        assert found is not None  # None answers only a request with an ETag
        return (yield from self._select(key, found[0])), found[1]

    def _newest(self, key: Key, etag: str = "") -> Steps[tuple[Prompt, str] | None]:
        """The prompt of a key, and an ETag that changes with what the key asks for; "": none does."""
        resolve = key.resolve and _is_of_newest(key)
        found = yield from self._verbs.newest(key.prompt, etag, at=key.at, resolve=resolve, wants=_wants(key))
        return found if found is None or resolve == key.resolve else (found[0], "")

    def _hurried(self, steps: Steps[T]) -> Steps[T]:
        return steps if self._hurry is None else within(steps, self._hurry, self._clock)

    def _select(self, key: Key, prompt: Prompt) -> Steps[Prompt]:
        """The prompt at the version that the key asks for."""
        label, number = key.label, key.number
        if key.resolve and not _is_of_newest(key):
            if label is not None:
                return prompt.at((yield from self._verbs.at_label(prompt.id, label, at=key.at)))
            assert number is not None
            return prompt.at((yield from self._verbs.version(prompt.id, number, resolve=True)))
        if label is not None and label != LATEST:
            if label not in prompt.labels:
                raise LabelNotFound(prompt.name, label)
            number = prompt.labels[label]
        if number is None or number == prompt.version_number:
            return prompt
        if key.at is not None and number > prompt.version_number:
            raise VersionNotFound(prompt.name, str(number), prompt.version_number)
        return prompt.at((yield from self._verbs.wanted(prompt.id, number, _wants(key))))

    def _keep(self, key: Key, prompt: Prompt, etag: str, generation: int) -> None:
        self._cache.put(key, prompt, etag, generation)
        if self._folder is not None:
            self._folder.put(key, prompt)

    def _forget(self, key: Key) -> None:
        self._cache.drop(key)
        if self._folder is not None:
            self._folder.drop(key)


def _is_of_newest(key: Key) -> bool:
    return key.number is None and key.label in (None, LATEST)


def _wants(key: Key) -> str:
    """For the sake of which version the newest one is asked for; "" is for its own."""
    if _is_of_newest(key):
        return ""
    if key.resolve:
        return "id"  # the request that follows is counted
    return f"label={key.label}" if key.number is None else f"version={key.number}"
