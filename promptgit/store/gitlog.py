"""What `git log --raw -z` prints, as commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from promptgit import labels, names
from promptgit.models import Author
from promptgit.store.history import Commit, FileChange
from promptgit.store.objects import LAST_SECOND

# Names and dates as they are in the commit, no mailmap; the body raw (git-log(1), "PRETTY FORMATS").
FORMAT = "%H%x00%P%x00%an%x00%ae%x00%at%x00%B%x00"
ARGUMENTS = (
    "log",
    "--first-parent",
    "-m",  # a merge shows its change against the first parent
    "--reverse",
    "--raw",
    "-z",
    "--no-abbrev",
    "--no-renames",
    "--no-show-signature",
    "--no-notes",
    f"--format={FORMAT}",
)
ROOTS = (names.ROOT.encode(), labels.ROOT.encode())
_FIELDS = 7  # the six of FORMAT, and the empty one that ends it


def parse(chunks: Iterable[bytes], roots: tuple[bytes, ...] = ROOTS) -> Iterator[Commit]:
    """The commits in the output of git with `ARGUMENTS`, in its order, in bounded memory.

    Of their changes only those of paths that start with one of *roots*.
    Text that is not UTF-8 comes with U+FFFD in place of what cannot be read.
    """
    authors: dict[tuple[bytes, bytes], Author] = {}
    header: list[bytes] = []
    changes: list[FileChange] = []
    raw: bytes | None = None
    for token in _tokens(chunks):
        if len(header) < _FIELDS:
            header.append(token)
        elif raw is not None:
            if token.startswith(roots):
                changes.append(_change(raw, token))
            raw = None
        elif token.startswith((b":", b"\n:")):
            raw = token.lstrip(b"\n")
        else:
            yield _commit(header, changes, authors)
            header, changes = [token], []
    if len(header) == _FIELDS:
        yield _commit(header, changes, authors)


def _tokens(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        tokens = (rest + chunk).split(b"\0")
        rest = tokens.pop()
        yield from tokens


def _commit(header: list[bytes], changes: list[FileChange], authors: dict[tuple[bytes, bytes], Author]) -> Commit:
    commit, parents, name, email, timestamp, message, _ = header
    author = authors.get((name, email))
    if author is None:
        author = authors[name, email] = Author(name.decode(errors="replace"), email.decode(errors="replace"))
    return Commit(
        commit.decode("ascii"),
        parents[:40].decode("ascii") or None,
        author,
        min(int(timestamp or 0), LAST_SECOND),
        message.decode(errors="replace").removesuffix("\n"),
        tuple(changes),
    )


def _change(raw: bytes, path: bytes) -> FileChange:
    # ":100644 100644 <40 hex> <40 hex> M"
    old = raw[15:55].decode("ascii") if raw[1:4] == b"100" else None
    new = raw[56:96].decode("ascii") if raw[8:11] == b"100" else None
    return FileChange(path, old, new)
