"""A new bare repository: its settings and its first commit, durable before anybody is served."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pygit2

from promptgit.domain.models import Author
from promptgit.store.files import fsync_folder, fsync_tree
from promptgit.store.git import packs
from promptgit.store.git.layout import first_commit
from promptgit.store.git.refs import MAIN

Origin = Callable[[Path, str], str]
"""Given the path of a new repository and its first commit: the commit, which it then has, at which `main` begins."""


def init(path: Path) -> pygit2.Repository:
    """Make a repository without any commit."""
    git = pygit2.init_repository(path, bare=True, initial_head="main")
    git.config["core.protectHFS"] = True
    git.config["core.protectNTFS"] = True
    git.config["core.fsync"] = "all"  # for an administrator's git too
    git.config["gc.auto"] = 0  # gc while somebody writes can lose objects
    return git


def create(path: Path, committer: Author, now: int, origin: Origin | None) -> None:
    """Make a whole repository, or nothing: it gets its name once all of it is on disk."""
    new = path.with_name(path.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    git = init(new)
    first = write_first_commit(git, committer, now)
    if origin is not None and (commit := origin(new, first)) != first:
        git.references.create(MAIN, commit, force=True)
    git.free()
    fsync_tree(new)  # libgit2 does not fsync HEAD, config and folders
    os.rename(new, path)
    fsync_folder(path.parent)


def write_first_commit(git: pygit2.Repository, committer: Author, now: int) -> str:
    """Begin `main` with the commit that explains the repository's layout; its id. *now* is in seconds since 1970."""
    commit, found = first_commit(committer, now)
    pack = packs.write(Path(git.path) / "objects" / "pack", found)
    git.create_reference(MAIN, commit)
    packs.release(pack)
    return commit
