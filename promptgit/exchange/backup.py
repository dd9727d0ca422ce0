"""Backups on the same machine: a bare repository with all refs, which a service can be started on."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from promptgit.auth.tokens import Tokens
from promptgit.errors import BackupRefused, UnusableTokens
from promptgit.store.files import fsync_folder, fsync_tree, make_folder_durably
from promptgit.store.git import birth
from promptgit.store.git.remotes import Diverged, RemoteFailed, fetch_all
from promptgit.store.git.repository import Repository
from promptgit.store.store import COMMITTER

_DIVERGED = (
    "its main is not in this repository's: it is of another, or main was rewritten. Keep it; choose another place."
)
_STALE_LOCK_SECONDS = 2.0  # git holds a ref's lock for milliseconds


def back_up(source: Repository, path: Path) -> Repository:
    """Make the backup at *path*, or bring the one that is there up to date; also while others write.

    What is in a backup already is never removed or replaced, except for the copies of the tokens' file and the access
    log, which are left if the tokens cannot be read. It can be broken off at any moment and done again. One at a time:
    others wait.

    Raises:
        BackupRefused: there is something else, or git could not do it.
    """
    path = Path(os.path.realpath(path))  # links stay, wherever they lead to
    if path.is_relative_to(os.path.realpath(source.path)):
        raise BackupRefused(str(path), "it is the repository itself. Choose another place.")
    try:
        make_folder_durably(path.parent)
        with FileLock(path.with_name(f".{path.name}.backup.lock")):
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                _bring_up(source, path)
            else:
                _begin(source, path)
            with suppress(UnusableTokens):
                tokens = Tokens(source.path.parent)
                if tokens.file.copy_into(path) is not None:
                    tokens.log.copy_into(path)
    except Diverged as error:
        raise BackupRefused(str(path), _DIVERGED) from error
    except (RemoteFailed, OSError) as error:
        raise BackupRefused(str(path), str(error)) from error
    return Repository(path, COMMITTER)


def _begin(source: Repository, path: Path) -> None:
    """Under another name first: what is at *path* is whole."""
    new = path.with_name(f".{path.name}.backup")
    shutil.rmtree(new, ignore_errors=True)
    birth.init(new).free()
    fetch_all(source.path, new)
    fsync_tree(new)
    os.rename(new, path)
    fsync_folder(path.parent)


def _bring_up(source: Repository, path: Path) -> None:
    there = Repository(path, COMMITTER)
    if not (path / "objects").is_dir() or not there.is_complete():
        raise BackupRefused(str(path), "something else is there. Choose another place.")
    if there.main() not in source:
        raise BackupRefused(str(path), _DIVERGED)
    for lock in [*path.glob("*.lock"), *path.glob("refs/**/*.lock")]:  # of a backup that was killed
        if time.time() - lock.stat().st_mtime > _STALE_LOCK_SECONDS:
            lock.unlink()
    fetch_all(source.path, path)
    fsync_tree(path)
