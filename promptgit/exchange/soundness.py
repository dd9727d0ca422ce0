"""Looks for what is wrong in the repository itself: damaged objects, and paths that git cannot check out."""

from __future__ import annotations

from collections.abc import Iterator

from promptgit.errors import Damaged
from promptgit.store.git import fsck, objects, paths
from promptgit.store.git.objects import FOLDER_MODE
from promptgit.store.store import Store


def faults(store: Store, *, quick: bool) -> Iterator[str]:
    """Every fault that is found, each a line of text; with *quick* only the folders of `main` are read."""
    if not quick:
        for line in fsck.damages(store.repository.git):
            yield f"git fsck: {line}"
    repository = store.repository
    try:
        root = objects.tree_of(repository.read(repository.main()))
    except Damaged as error:
        yield str(error)
    else:
        yield from _unsafe(store, root, b"")


def _unsafe(store: Store, tree: str, above: bytes) -> Iterator[str]:
    """The paths below a folder, which is *above* with a slash, that would ruin a clone."""
    try:
        entries = list(objects.entries(store.repository.read(tree)))
    except ValueError as error:
        yield f"The folder {_shown(above)} cannot be read: {error}."
        return
    except Damaged as error:
        yield str(error)
        return
    for mode, name, oid in entries:
        if reason := paths.problem(name):
            yield f"The path {_shown(above + name)} {reason}; see docs/recovery.md."
        if mode == FOLDER_MODE:
            yield from _unsafe(store, oid.hex(), above + name + b"/")


def _shown(path: bytes) -> str:
    return repr(path.decode(errors="replace"))
