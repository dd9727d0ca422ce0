"""What all errors have in common."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(eq=False)
class PromptgitError(Exception):
    """What promptgit refuses, or cannot do.

    A kind of error that carries data is a dataclass; `sentence` is filled in with its fields.
    """

    code = "error"
    sentence = ""

    def __post_init__(self) -> None:
        # However it was made, also with keyword arguments: what an exception is pickled with.
        self.args = tuple(getattr(self, field.name) for field in fields(self) if field.init)

    def __str__(self) -> str:
        return self.sentence.format(self=self)


class Unavailable(PromptgitError):
    """The service cannot do it now; nothing was written, except perhaps where the outcome is unknown.

    Try again after *retry_after* seconds.
    """

    code = "unavailable"
    retry_after = 1
