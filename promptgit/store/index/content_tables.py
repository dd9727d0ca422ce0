"""The tables that are derived from contents, later than the rest of the index: the search and the references."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from promptgit.errors import StorageFull
from promptgit.store.git.repository import Repository
from promptgit.store.index import reference_rows, search
from promptgit.store.index.index import Index
from promptgit.store.index.intake import Progress

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger(__name__)


class ContentTables:
    """Brings the tables of the search and of references up to date, some prompts at a time: writers wait meanwhile."""

    def __init__(self, index: Index, repository: Repository) -> None:
        self._index = index
        self._repository = repository

    def search(self, query: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Like `Index.read`, for a query that needs the search table."""
        try:
            self.prepare_search()
        except StorageFull:
            log.warning("No room to bring the search up to date; it finds what it knew.")
        return self._index.read(query, *args, **kwargs)

    def prepare_search(self, progress: Progress | None = None) -> None:
        """Bring the search table up to date, which the next `search` does otherwise; *progress* counts prompts.

        Raises:
            StorageFull: there was no room for it.
        """
        count, unreadable = 0, self._repository.unreadable
        while not self._index.read(search.is_current, known := unreadable.noted()):
            taken = self._index.refresh(lambda index: search.refresh(index, self._repository.read, unreadable.noted()))
            if not taken and unreadable.noted() == known:
                break  # all that is left is damaged, and cannot be noted
            count += taken
            if progress is not None:
                progress(count)

    def prepare_references(self) -> None:
        """Take in the references of prompts that changed, except perhaps a few, which whoever asks reads.

        Raises:
            StorageFull: there was no room for it.
        """
        while self._index.read(reference_rows.is_behind):
            self._index.refresh(lambda index: reference_rows.refresh(index, self._repository.read))
