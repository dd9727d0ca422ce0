"""The libgit2 handles on the bare repository: one for each thread, opened anew when packs have gone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

import pygit2

from promptgit.errors import UnusableRepository
from promptgit.store.git import kinds
from promptgit.store.git.essentials import MEND_CONFIG
from promptgit.store.handles import Handles

_OPEN_PACKS = 256  # of the whole process
_WINDOW_BYTES, _MAPPED_BYTES = 1 << 20, 16 << 20  # of packs in memory, of the whole process


def set_up_libgit2() -> None:
    """Make writes of this process durable, and its memory bounded."""
    # Off by default in libgit2: without it an acknowledged commit can vanish in a power cut.
    pygit2.settings.enable_fsync_gitdir(True)
    # Each thread's handle would keep trees and commits, up to 256 MB, which are hardly ever read twice.
    pygit2.settings.enable_caching(False)
    # Each thread's handle would keep every pack open that it has read from.
    pygit2.settings.mwindow_file_limit = _OPEN_PACKS
    # By default it maps packs as wholes, and without end.
    pygit2.settings.mwindow_size = _WINDOW_BYTES
    pygit2.settings.mwindow_mapped_limit = _MAPPED_BYTES


class Opened:
    """One libgit2 handle for each thread, on the repository at *path* with the folder *packs* of pack files.

    *local* are the attributes of each thread, of which this class uses `git`, `packs` and `looked`.
    """

    look_seconds: ClassVar[float] = 1.0
    """How often a thread looks whether packs that it has open have gone."""

    def __init__(self, path: Path, packs: Path, local: Handles) -> None:
        self._path = path
        self._packs = packs
        self._local = local

    def __call__(self) -> pygit2.Repository:
        """Open this thread's handle, if it is not open.

        Raises:
            UnusableRepository: libgit2 cannot open the repository, or it is of a kind that is not served.
        """
        git: pygit2.Repository | None = getattr(self._local, "git", None)
        if git is None:
            self._local.packs, self._local.looked = self._changed_at(), time.monotonic()
            git = self._local.git = self._open()
        return git

    def _open(self) -> pygit2.Repository:
        try:
            git = pygit2.Repository(self._path)
        except pygit2.GitError as error:
            formats = self._extension("objectformat", "sha1"), self._extension("refstorage", "files")
            reason = kinds.of_settings(*formats) or str(error)
            if "owne" in reason:  # "is not owned by", in some versions "owner"
                reason += (
                    ". Run the service as the folder's owner, or let git trust it: "
                    f"git config --global --add safe.directory {self._path}"
                )
            elif "config" in reason or "parse" in reason:  # libgit2 does not always name the file
                reason = f"its file config is damaged: {reason}. {MEND_CONFIG}"
            raise UnusableRepository(str(self._path), reason) from error
        if (obstacle := kinds.of_files(self._path)) is not None:
            git.free()
            raise UnusableRepository(str(self._path), obstacle)
        return git

    def _extension(self, name: str, default: str) -> str:
        """A setting of the repository that libgit2 may refuse to open because of it."""
        try:
            return pygit2.Config(str(self._path / "config"))[f"extensions.{name}"] or default
        except (KeyError, OSError, pygit2.GitError):
            return default

    def close(self) -> None:
        """Close this thread's handle; the next use opens another."""
        git: pygit2.Repository | None = self._local.__dict__.pop("git", None)
        if git is not None:
            git.free()  # it is part of a cycle: left to the garbage collector, it would live on for long

    def close_if_packs_changed(self) -> None:
        """Close this thread's handle if the packs have changed since: libgit2 keeps those mapped that are gone.

        It is looked for at most once a second, because to open a handle takes as long as many reads (0.3 ms).
        """
        now = time.monotonic()
        if now - getattr(self._local, "looked", now) >= self.look_seconds:
            self._local.looked = now
            if self._changed_at() != self._local.packs:
                self.close()

    def _changed_at(self) -> int | None:
        """When a pack was last added or removed, in nanoseconds since 1970; None: the folder cannot be looked at."""
        try:
            return self._packs.stat().st_mtime_ns
        except OSError:
            return None
