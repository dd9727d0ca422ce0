"""What is read of releases: each with its state and what it lacks, by the state of now."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from promptgit.domain import releases
from promptgit.domain.releases import OPEN, Item
from promptgit.domain.rights import Rights
from promptgit.service import checks, prefixes, release_plans
from promptgit.service.readiness import Credentials, Judge, Judged
from promptgit.service.release_plans import Wanted
from promptgit.store.index import release_queries
from promptgit.store.index.release_rows import read_rules
from promptgit.store.store import Store


class ReleaseReading:
    """Reads the releases of one store; *credentials* tell which approvals count."""

    def __init__(self, store: Store, credentials: Credentials) -> None:
        self._store = store
        self._credentials = credentials

    def get(self, number: int) -> Judged:
        """A release, with what it lacks.

        Raises:
            ReleaseNotFound
        """
        return self._store.index.read(self._judged, number)

    def page(
        self, *, states: Sequence[str] = (), label: str | None = None, before: int | None = None, limit: int
    ) -> list[Judged]:
        """At most *limit* releases with one of these states (none: all), those below *before*, newest first.

        Derived states are found among the open ones, of which `open` means all.
        """
        stored = {OPEN if state in releases.DERIVED else state for state in states or releases.STATES}

        def look(index: sqlite3.Connection) -> list[Judged]:
            found: list[Judged] = []
            below = None if before is None else checks.edge(before)
            while len(found) < limit:
                some = release_queries.numbers(index, states=sorted(stored), label=label, before=below, limit=limit)
                judged = (self._judged(index, number) for number in some)
                found += [one for one in judged if not states or one.state in states or one.release.state in states]
                if len(some) < limit:
                    break
                below = some[-1]
            return found[:limit]

        return self._store.index.read(look)

    def of_prompt(self, prompt_id: str, states: Sequence[str]) -> list[Judged]:
        """The releases that move a label of this prompt and have one of these stored states, newest first."""

        def look(index: sqlite3.Connection) -> list[Judged]:
            found = release_queries.of_prompt(index, prompt_id, states)
            return [self._judged(index, release.number) for release in found]

        return self._store.index.read(look)

    def preview(
        self,
        label: str,
        wanted: Iterable[Wanted] | None = None,
        *,
        source: str | None = None,
        prefix: str = "",
        rights: Rights,
    ) -> tuple[Item, ...]:
        """The items of the release that `open` would make now of the same values.

        Raises:
            (those of `open`)
        """
        find = release_plans.finder(label, wanted, source, prefix)

        def look(index: sqlite3.Connection) -> tuple[Item, ...]:
            found = find(index)
            prefixes.expect_below(index, [one.prompt_id for one in found], rights)
            return release_plans.items(index, label, found, read_rules(index)[0])

        return self._store.index.read(look)

    def _judged(self, index: sqlite3.Connection, number: int) -> Judged:
        release, opened, _ = release_plans.find(index, number)
        return Judge(index, self._credentials, self._store.repository.planned).judge(release, opened)
