"""What all refusals have in common."""

from __future__ import annotations


class PromptgitError(Exception):
    """What promptgit refuses, or cannot do."""

    code = "error"


class Unavailable(PromptgitError):
    """The service cannot do it now; nothing was written, except perhaps where the outcome is unknown.

    Try again after *retry_after* seconds.
    """

    code = "unavailable"
    retry_after = 1
