"""Where two texts differ."""

from __future__ import annotations

import pygit2


def hunks(old: bytes, new: bytes) -> list[tuple[int, int, int, int]]:
    """Where two texts differ: first line and number of lines, of the old text and of the new, as `git diff` has them.

    Heuristics keep large texts that have little in common from taking long.
    """
    patch = pygit2.Patch.create_from(old, new, flag=pygit2.enums.DiffOption.FORCE_TEXT, context_lines=0)
    return [(hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines) for hunk in patch.hunks]
