"""Git's objects as bytes (git-cat-file(1)): ids, trees, commits."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from promptgit.models import Author

BLOB, TREE, COMMIT = "blob", "tree", "commit"
FILE_MODE, FOLDER_MODE = b"100644", b"40000"

LAST_SECOND = 253_402_300_799  # of the year 9999, the last that RFC 3339 can write

Tree = dict[bytes, bytes]
"""Sort key (an entry's name, with '/' behind a folder's) -> the entry as it stands in the object."""


def object_id(kind: str, data: bytes) -> str:
    """The id of an object, in hexadecimal."""
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()


def tree_entry(mode: bytes, name: bytes, oid: str) -> bytes:
    """An entry of a tree object."""
    return b"%s %s\0%s" % (mode, name, bytes.fromhex(oid))


def entry_mode(entry: bytes) -> bytes:
    """The mode of an entry."""
    return entry[: entry.index(b" ")]


def entry_id(entry: bytes) -> str:
    """The id that an entry points at, in hexadecimal."""
    return entry[-20:].hex()


def parse_tree(data: bytes) -> Tree:
    """The entries of a tree object."""
    tree: Tree = {}
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        nul = data.index(b"\0", space)
        key = data[space + 1 : nul] + (b"/" if data[at:space] == FOLDER_MODE else b"")
        tree[key] = data[at : nul + 21]
        at = nul + 21
    return tree


def build_tree(tree: Tree) -> bytes:
    """The tree object with these entries, in git's order."""
    return b"".join([tree[key] for key in sorted(tree)])


def build_commit(
    tree: str,
    parent: str | None,
    author: Author,
    authored: int,
    committer: Author,
    committed: int,
    message: str,
    headers: Iterable[str] = (),
) -> bytes:
    """A commit object, with *headers* of ours behind git's own; times are seconds since 1970, written in UTC.

    Written here and not by libgit2, which cuts a final '.' off "Ada L." and the like.
    """
    lines = [f"tree {tree}"]
    if parent is not None:
        lines.append(f"parent {parent}")
    lines.append(f"author {author.name} <{author.email}> {authored} +0000")
    lines.append(f"committer {committer.name} <{committer.email}> {committed} +0000")
    lines += headers
    return ("\n".join(lines) + f"\n\n{message}\n").encode()


def add_signature(commit: bytes, signature: bytes) -> bytes:
    """A commit object with the armoured signature of what it was without one (gitformat-signature(5))."""
    headers, message = commit.split(b"\n\n", 1)
    return headers + b"\ngpgsig " + signature.rstrip(b"\n").replace(b"\n", b"\n ") + b"\n\n" + message


def tree_of(commit: bytes) -> str:
    """The id of a commit object's tree."""
    return commit[5:45].decode("ascii")


def parent_of(commit: bytes) -> str | None:
    """The id of a commit object's first parent; None: it has none."""
    return commit[53:93].decode("ascii") if commit[46:].startswith(b"parent ") else None


def committed(commit: bytes) -> tuple[str, int]:
    """The e-mail of who stored a commit object, and when, in seconds since 1970.

    The time is 0 where the object does not say, or says what is no date.
    """
    found = re.search(rb"^committer .*<(.*)> (\d+) [+-]\d+$", commit.split(b"\n\n", 1)[0], re.MULTILINE)
    if found is None or int(found[2]) > LAST_SECOND:
        return "", 0
    return found[1].decode(errors="replace"), int(found[2])
