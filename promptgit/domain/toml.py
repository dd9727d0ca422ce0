"""TOML that anybody may have pushed, read in bounded time. Pure functions, no I/O."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_MOST_PARTS = 32  # of a dotted key: `tomllib` takes time in the square of their number (Python 3.11, 2026-11)
_TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'')
_BETWEEN_KEYS = re.compile(r"[^\w.-]+")


def load(data: bytes, most: int) -> dict[str, Any]:
    """What a file of at most *most* bytes says.

    Raises:
        ValueError: it is larger, no TOML in UTF-8, or has a key of more than 32 parts.
        RecursionError: it is nested too deeply.
    """
    if len(data) > most:
        raise ValueError(f"it has more than {most:,} bytes")
    text = data.decode()
    for line in _TEXT.sub("", text).split("\n"):
        keys = _BETWEEN_KEYS.split(line.replace(" ", "").replace("\t", ""))
        if any(key.count(".") >= _MOST_PARTS for key in keys):
            raise ValueError(f"a key has more than {_MOST_PARTS} parts")
    return tomllib.loads(text)
