"""Kinds of repositories that promptgit does not serve, each with what to do about it.

They are found by the repository's settings and files: what libgit2 says when it opens none of them names no way out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from promptgit.errors import UnusableRepository

_SHALLOW = "it is a shallow clone, whose versions would have wrong numbers. Run 'git fetch --unshallow' in it."
_PARTIAL = (
    "it is a partial clone, which has not all contents. Make one with 'git clone --mirror', without --filter, and put "
    "it in its place."
)
_REFTABLE = (
    "its refs are a reftable, and promptgit moves files. Run 'git refs migrate --ref-format=files' in it (git 2.46 or "
    "later), or clone it with 'git clone --mirror --ref-format=files'."
)
_OTHER_HASH = (
    "its objects are named by {}, and promptgit's by SHA-1. Bring the history over with 'git fast-export --all', and "
    "'git fast-import' in a new bare repository."
)
_LENDER_GONE = (
    "it borrows objects from {}, which cannot be read. Bring that folder back, or remove its line from "
    "objects/info/alternates if 'git fsck' is content without."
)


def without_commit(path: Path, oid: str) -> UnusableRepository:
    """The error of a repository whose `main` names an object that is no commit."""
    return UnusableRepository(
        str(path),
        f"its main is at {oid}, which is no commit. Find the last one with 'git fsck --lost-found', and bring it back "
        "with 'git update-ref refs/heads/main <commit>'.",
    )


def of_settings(objects: str, refs: str) -> str | None:
    """Why a repository is not served whose `extensions.objectFormat` and `.refStorage` are these; None: they are.

    A sentence or two, as below.
    """
    if objects.lower() != "sha1":
        return _OTHER_HASH.format(objects.upper().replace("SHA256", "SHA-256"))
    if refs.lower() != "files":
        return _REFTABLE
    return None


def of_files(path: Path) -> str | None:
    """The same, by what can be seen at a glance in the repository at *path*."""
    if (path / "shallow").exists():
        return _SHALLOW
    gone = next((lender for lender in lenders(path) if not (lender / "pack").is_dir()), None)
    return None if gone is None else _LENDER_GONE.format(gone)


def of_packs(path: Path) -> str | None:
    """The same, by the files of its packs."""
    return _PARTIAL if any((path / "objects" / "pack").glob("*.promisor")) else None


def lenders(path: Path) -> Iterator[Path]:
    """The folders of objects from which a repository borrows (gitrepository-layout(5), objects/info/alternates)."""
    objects = path / "objects"
    try:
        lines = (objects / "info" / "alternates").read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        if line and not line.startswith("#"):
            yield objects / line  # an absolute one stands alone
