"""The refs below refs/promptgit/, which are promptgit's own, and in no clone over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pygit2

from promptgit.errors import UnusableRepository
from promptgit.store.files import storage_errors

_LOST = "refs/promptgit/lost/"


class OwnRefs:
    """The refs of one repository, through the handle (a pygit2.Repository) that *opened* gives."""

    def __init__(self, opened: Callable[[], Any]) -> None:
        self._opened = opened

    def get(self, name: str) -> str | None:
        """The commit that a ref points at; None: there is no such ref."""
        try:
            return str(self._opened().references[name].target)
        except KeyError:
            return None

    def remove(self, name: str) -> None:
        """Remove a ref, if there is one."""
        with suppress(KeyError):
            self._opened().references.delete(name)

    def keep_lost(self, commit: str) -> None:
        """Keep a former tip of `main`, which left its first-parent history, under a ref of its own.

        Raises:
            StorageFull, StorageFailed
        """
        with storage_errors():
            self._opened().references.create(f"{_LOST}{commit}", commit, force=True)

    def kept_tips(self) -> list[str]:
        """The former tips of `main` that refs below refs/promptgit/lost/ keep.

        `main` was once moved so that its first-parent history lost such a tip; today's history may have the tip again.

        Raises:
            UnusableRepository: the refs cannot be listed.
        """
        git = self._opened()
        try:
            return [name.removeprefix(_LOST) for name in git.listall_references() if name.startswith(_LOST)]
        except pygit2.GitError as error:
            reason = f"its refs cannot be listed: {error}. Bring its file packed-refs back from a backup."
            raise UnusableRepository(git.path, reason) from error
