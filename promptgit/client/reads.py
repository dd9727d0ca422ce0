"""`get`: from memory, from the server, from the folder on disk, from the caller's fallback, in this order."""

from __future__ import annotations

import logging
from collections.abc import Callable

from promptgit.client.cache import Cache, Cached, Key
from promptgit.client.errors import ServerAway, is_away
from promptgit.client.folder import Folder
from promptgit.client.steps import Steps, T, within
from promptgit.client.values import Prompt
from promptgit.client.verbs import Verbs
from promptgit.domain.labels import LATEST
from promptgit.errors import LabelNotFound, PromptDeleted, PromptgitError, PromptNotFound, VersionNotFound

log = logging.getLogger(__name__)

_GONE = (PromptNotFound, PromptDeleted, LabelNotFound, VersionNotFound)


class Reads:
    """Prompts by name or id, at a label or a number.

    After the server was found away it is not asked for *pause* seconds where there is something else to answer with.
    Where there is, what is asked takes *hurry* seconds at most; None: as long as the client's time limit allows.
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
        self._hurry = hurry
        self._verbs, self._cache, self._folder, self._pause, self._clock = verbs, cache, folder, pause, clock
        self._away_until = float("-inf")

    def look(self, key: Key) -> Cached | None:
        """What is in memory."""
        return self._cache.look(key)

    def fetch(self, key: Key, fallback: str | None) -> Steps[Prompt]:
        """What is not in memory.

        Raises:
            PromptNotFound, PromptDeleted, LabelNotFound, VersionNotFound
            ServerAway, Unavailable: and nothing else has the prompt.
        """
        if key[1] is not None and key[2] is not None:
            raise ValueError("Give a label or a version, not both.")
        generation = self._cache.generation
        if self._clock() < self._away_until and (kept := self._kept(key, fallback, generation)):
            return kept
        try:
            has_other = fallback is not None or (self._folder is not None and self._folder.get(key) is not None)
            steps = self._read(key)
            prompt, etag = yield from (self._hurried(steps) if has_other else steps)
        except _GONE:
            self._forget(key)
            raise
        except PromptgitError as error:
            if not is_away(error):
                raise
            self._away_until = self._clock() + self._pause
            kept = self._kept(key, fallback, generation)
            if kept is None:
                raise
            log.warning("%s is not asked of the server: %s", key[0], error)
            return kept
        self._keep(key, prompt, etag, generation)
        return prompt

    def refresh(self, key: Key) -> Steps[None]:
        """Bring what is in memory up to date; while the server is away it stays as it is."""
        generation = self._cache.generation
        try:
            # The ETag of the prompt changes with its newest version, its name and its labels.
            found = yield from self._hurried(self._verbs.newest(key[0], self._cache.etag(key)))
            if found is None:
                self._cache.renew(key, generation)
                return
            prompt = yield from self._hurried(self._select(key, found[0]))
            self._keep(key, prompt, found[1], generation)
        except _GONE:
            self._forget(key)
        except PromptgitError as error:
            log.warning("%s cannot be refreshed: %s", key[0], error)

    def _read(self, key: Key) -> Steps[tuple[Prompt, str]]:
        found = yield from self._verbs.newest(key[0])
        assert found is not None  # nothing was asked for by ETag
        return (yield from self._select(key, found[0])), found[1]

    def _hurried(self, steps: Steps[T]) -> Steps[T]:
        if self._hurry is None:
            return steps
        told = f"no answer within {self._hurry:g} seconds."
        return within(steps, self._hurry, self._clock, lambda: ServerAway(told))

    def _select(self, key: Key, prompt: Prompt) -> Steps[Prompt]:
        """The version that is asked for."""
        _, label, number = key
        if label is not None and label != LATEST:
            if label not in prompt.labels:
                raise LabelNotFound(prompt.name, label)
            number = prompt.labels[label]
        if number is None or number == prompt.version_number:
            return prompt
        return prompt.at((yield from self._verbs.version(prompt.id, number)))

    def _keep(self, key: Key, prompt: Prompt, etag: str, generation: int) -> None:
        self._cache.put(key, prompt, etag, generation)
        if self._folder is not None:
            self._folder.put(key, prompt)

    def _kept(self, key: Key, fallback: str | None, generation: int) -> Prompt | None:
        kept = self._folder.get(key) if self._folder is not None else None
        if kept is not None:
            self._cache.put(key, kept, "", generation, stale=True)
            return kept
        return None if fallback is None else Prompt.fallback(key[0], fallback)

    def _forget(self, key: Key) -> None:
        self._cache.drop(key)
        if self._folder is not None:
            self._folder.drop(key)
