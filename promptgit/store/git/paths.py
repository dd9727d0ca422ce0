"""Names of files and folders that ruin a repository: git refuses to read them, to send them, or to check them out.

The rules are those of git's `verify_path`, with `core.protectNTFS` and `core.protectHFS`. Names of prompts obey
stricter ones (`promptgit.domain.names`); these hold for every path that is written, for names that came by git may
be any.
"""

from __future__ import annotations

import re
from functools import lru_cache

_LONGEST = 255  # bytes, of a name on nearly every file system
# .git, and the short name that Windows gives to it; NTFS drops spaces and dots at the end, and what comes behind ':'.
_NTFS_GIT = re.compile(rb"(?i:\.git|git~1)[ .]*(?::.*)?", re.DOTALL)
# HFS+ passes over these characters (next_hfs_char in git's utf8.c).
_HFS_IGNORES = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def is_plain(path: str) -> bool:
    """False for a path that came by git, and which the git command takes for another one: it resolves '.' and '..'."""
    return {"", ".", ".."}.isdisjoint(path.split("/"))


@lru_cache(4_096)
def problem(segment: bytes) -> str | None:
    """What is wrong with the name of a file or folder, as the end of a sentence that names it; None: nothing."""
    if not segment:
        return "has an empty segment, with which git cannot read the folder"
    if b"\0" in segment or b"/" in segment:
        return "has a character that no name of a file can have"
    if segment in (b".", b".."):
        return "has the segment '.' or '..', which no clone can check out"
    if len(segment) > _LONGEST:
        return f"has a segment of {len(segment)} bytes, and {_LONGEST} are the most that file systems take"
    if any(_NTFS_GIT.fullmatch(part) for part in segment.split(b"\\")) or _is_git_on_hfs(segment):
        return "has a segment that means git's own folder on some system, so that no clone can be checked out"
    return None


def _is_git_on_hfs(segment: bytes) -> bool:
    return _HFS_IGNORES.sub("", segment.decode(errors="replace")).lower() == ".git"
