"""Git's objects as bytes (git-cat-file(1)): ids, trees, commits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from promptgit.domain.models import Author

BLOB, TREE, COMMIT = "blob", "tree", "commit"
FILE_MODE, FOLDER_MODE = b"100644", b"40000"

LAST_SECOND = 253_402_300_799  # of the year 9999, the last that RFC 3339 can write

_MODES = frozenset([FILE_MODE, b"100755", FOLDER_MODE, b"120000", b"160000"])  # that git writes
_TYPE, _EXECUTABLE = 0o170000, 0o100

Tree = dict[bytes, bytes]
"""Sort key (an entry's name, with '/' behind a folder's) -> the entry as git writes it."""


class DuplicateEntry(ValueError):
    """A tree object has two entries of this name."""


def tree_entry(mode: bytes, name: bytes, oid: str) -> bytes:
    """An entry of a tree object."""
    return b"%s %s\0%s" % (mode, name, bytes.fromhex(oid))


def entry_mode(entry: bytes) -> bytes:
    """The mode of an entry."""
    return entry[: entry.index(b" ")]


def entry_id(entry: bytes) -> str:
    """The id that an entry points at, in hexadecimal."""
    return entry[-20:].hex()


def entries(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Mode as git writes it, name, and binary id of each entry of a tree object, as they come.

    git reads folders of the mode 040000 or 40755, as other tools write them, trees in a wrong order, and empty names.

    Raises:
        ValueError: it is no tree object.
    """
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        nul = data.index(b"\0", space)
        mode = data[at:space]
        at = nul + 21
        yield mode if mode in _MODES else _canonical(mode), data[space + 1 : nul], data[nul + 1 : at]
    if at > len(data):
        raise ValueError("the last entry of a tree object is cut off")


def parse_tree(data: bytes) -> Tree:
    """The entries of a tree object, in the form in which git writes them, whatever order and modes the object has.

    Raises:
        DuplicateEntry: two entries have the same name, and git itself is of two minds which of them counts.
        ValueError: it is no tree object.
    """
    tree: Tree = {}
    names: set[bytes] = set()
    for mode, name, oid in entries(data):
        if name in names:
            raise DuplicateEntry(name.decode(errors="replace"))
        names.add(name)
        tree[name + b"/" if mode == FOLDER_MODE else name] = b"%s %s\0%s" % (mode, name, oid)
    return tree


def _canonical(mode: bytes) -> bytes:
    """The mode that git writes for one that it reads (`canon_mode` in git's object.h)."""
    number = int(mode, 8)
    match number & _TYPE:
        case 0o040000:
            return FOLDER_MODE
        case 0o100000:
            return b"100755" if number & _EXECUTABLE else FILE_MODE
        case 0o120000:
            return b"120000"
        case _:
            return b"160000"


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


def blob_at(read: Callable[[str], bytes], commit: str, path: str) -> str | None:
    """The id of the blob at a path in a commit, if there is one; *read* gives the bytes of an object by its id."""
    oid = tree_of(read(commit))
    *folders, name = path.encode().split(b"/")
    for key in (*(folder + b"/" for folder in folders), name):
        entry = parse_tree(read(oid)).get(key)
        if entry is None:
            return None
        oid = entry_id(entry)
    return oid


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
