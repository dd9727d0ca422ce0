"""Who wrote each line of a version."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from promptgit.domain.models import Version
from promptgit.errors import IndexBusy
from promptgit.store.index import ancestry, version_queries
from promptgit.store.store import Store


class Lines(NamedTuple):
    """So many lines in a row, and the version that wrote them."""

    length: int
    version: Version


class Blaming:
    """Asks git which version wrote each line."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, version: Version) -> list[Lines]:
        """The lines of a version's text, in order, in runs that one version wrote; none of an empty text.

        Lines end at LF alone, as git has it; the last one needs none.

        Raises:
            BlameTimeout: it would have taken too long.
            PathBlocked: git cannot be asked for a path that the prompt had.
            Damaged, UnusableRepository: git could not read an object.
            IndexBusy: `main` was rewritten meanwhile.
        """
        along = self._store.index.read(ancestry.stretches, version.prompt_id, version.number)
        if not along or along[-1].versions[-1][1] != version.commit:
            raise IndexBusy
        runs = [(number, sum(1 for _ in lines)) for number, lines in groupby(self._store.blame.writers(along))]
        numbers = sorted({number for number, _ in runs})
        found = self._store.index.read(version_queries.versions_of, version.prompt_id, numbers)
        commits = {number: commit for stretch in along for number, commit in stretch.versions}
        if [one.commit for one in found] != [commits[number] for number in numbers]:
            raise IndexBusy
        writers = dict(zip(numbers, found, strict=True))
        return [Lines(count, writers[number]) for number, count in runs]
