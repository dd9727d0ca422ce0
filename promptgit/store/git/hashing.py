"""The ids of objects, by libgit2's SHA-1, which detects attempts at a collision as git's own does.

hashlib's does not: a blob made for a collision would be stored, and every clone would refuse it afterwards.
"""

from __future__ import annotations

import threading

import pygit2

from promptgit.errors import Invalid
from promptgit.store.git.objects import BLOB, COMMIT, TREE

_KINDS = {
    BLOB: pygit2.enums.ObjectType.BLOB,
    TREE: pygit2.enums.ObjectType.TREE,
    COMMIT: pygit2.enums.ObjectType.COMMIT,
}


class _Nowhere(pygit2.OdbBackend):
    """A place for objects that keeps none: libgit2 gives the ids of blobs alone without storing them."""

    def write_cb(self, oid: pygit2.Oid, data: bytes, kind: int) -> None:
        """Keep nothing."""

    def exists_cb(self, _: pygit2.Oid) -> bool:
        """Nothing is there."""
        return False

    def refresh_cb(self) -> None:
        """Nothing new is there."""


class _Local(threading.local):
    """One for each thread: a database calls Python while it holds its lock, and another thread would wait for both."""

    def __init__(self) -> None:
        self.nowhere = pygit2.Odb()
        self.nowhere.add_backend(_Nowhere(), 1)


_LOCAL = _Local()


def object_id(kind: str, data: bytes) -> str:
    """The id of an object, in hexadecimal.

    Raises:
        Invalid: the bytes are made for a collision of SHA-1, by whoever wrote the content or the description.
    """
    try:
        return str(pygit2.hash(data) if kind == BLOB else _LOCAL.nowhere.write(_KINDS[kind], data))
    except pygit2.GitError as error:
        field = "content" if kind == BLOB else "description"
        raise Invalid(field, f"is refused ({error}): git would take no clone that has it; change it") from error
