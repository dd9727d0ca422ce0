"""What `git log --raw -z` prints, as commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from promptgit.domain import evaluations, labels, names, releases, rules
from promptgit.domain.history import Commit, FileChange
from promptgit.domain.models import Author
from promptgit.store.git.objects import LAST_SECOND

# Names and dates as they are in the commit, no mailmap; the body raw (git-log(1), "PRETTY FORMATS"). What stands before
# it holds no line end. All in one piece between two NULs: each more takes a twentieth of the time.
FORMAT = "%H %at %ct %P%n%an%n%ae%n%cn%n%ce%n%B"
ARGUMENTS = (
    "log",
    "--first-parent",
    "--diff-merges=first-parent",
    "--reverse",
    "--raw",
    "-z",
    "--no-abbrev",
    "--no-renames",
    "--no-show-signature",
    "--no-notes",
    f"--format={FORMAT}",
)
ROOTS = tuple(root.encode() for root in (names.ROOT, labels.ROOT, evaluations.ROOT, releases.ROOT, rules.PATH))


def parse(chunks: Iterable[bytes], roots: tuple[bytes, ...] = ROOTS) -> Iterator[Commit]:
    """The commits in the output of git with `ARGUMENTS`, in its order, in bounded memory.

    Of their changes only those of paths that start with one of *roots*.
    Text that is not UTF-8 comes with U+FFFD in place of what cannot be read.
    """
    authors: dict[tuple[bytes, bytes], Author] = {}
    header = raw = b""
    changes: list[FileChange] = []
    for token in chain.from_iterable(_tokens(chunks)):
        if raw:
            if token.startswith(roots):
                changes.append(_change(raw, token))
            raw = b""
        elif token.startswith((b":", b"\n:")):
            raw = token.lstrip(b"\n")
        else:
            if header:
                yield _commit(header, changes, authors)
            header, changes = token, []
    if header:
        yield _commit(header, changes, authors)


def _tokens(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    rest = b""
    for chunk in chunks:
        tokens = (rest + chunk).split(b"\0")
        rest = tokens.pop()
        yield tokens


def _commit(header: bytes, changes: list[FileChange], authors: dict[tuple[bytes, bytes], Author]) -> Commit:
    line, name, email, committer_name, committer_email, message = header.split(b"\n", 5)
    commit, timestamp, stored, parents = line.split(b" ", 3)
    return Commit(
        commit.decode("ascii"),
        parents[:40].decode("ascii") or None,
        _author(name, email, authors),
        min(int(timestamp or 0), LAST_SECOND),
        message.decode(errors="replace").removesuffix("\n"),
        tuple(changes if len(changes) < 2 else _joined(changes)),
        _author(committer_name, committer_email, authors),
        min(int(stored or 0), LAST_SECOND),
    )


def _author(name: bytes, email: bytes, known: dict[tuple[bytes, bytes], Author]) -> Author:
    author = known.get((name, email))
    if author is None:
        author = known[name, email] = Author(name.decode(errors="replace"), email.decode(errors="replace"))
    return author


def _joined(changes: list[FileChange]) -> list[FileChange]:
    """One change for each path: a tree that was in a wrong order, and is not any more, has its paths go and come."""
    joined: dict[bytes, FileChange] = {}
    for change in changes:
        before = joined.get(change.path)
        if before is not None:
            change = FileChange(change.path, before.old or change.old, before.new or change.new)
        joined[change.path] = change
    return list(joined.values())


def _change(raw: bytes, path: bytes) -> FileChange:
    # ":100644 100644 <40 hex> <40 hex> M"
    old = raw[15:55].decode("ascii") if raw[1:4] == b"100" else None
    new = raw[56:96].decode("ascii") if raw[8:11] == b"100" else None
    return FileChange(path, old, new)
