"""The formats of other prompt files, by their names: how their files' names end."""

from __future__ import annotations

SUFFIXES = {"dotprompt": ".prompt", "prompty": ".prompty"}


def of_suffix(suffix: str) -> str | None:
    """The format of the files whose names end in *suffix*; None: it is none of these."""
    return next((name for name, one in SUFFIXES.items() if suffix.endswith(one)), None)
