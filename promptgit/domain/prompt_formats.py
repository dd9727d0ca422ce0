"""Other prompt files in any of the formats: what reads and writes them."""

from __future__ import annotations

from functools import lru_cache

from promptgit.domain import dotprompt, front_matter, prompty
from promptgit.domain.conversion import Understood, Written
from promptgit.domain.front_matter import PromptFile
from promptgit.errors import Invalid

_KEPT_BYTES = 1 << 16  # of a content whose conversion is kept: 256 of them take some 32 MiB at most
_READ = {dotprompt.NAME: dotprompt.read, prompty.NAME: prompty.read}
_WRITE = {dotprompt.NAME: dotprompt.write, prompty.NAME: prompty.write}


def read(data: bytes, name: str) -> Understood:
    """What a file of the format *name* says."""
    try:
        return _READ[name](data)
    except ValueError as error:
        return Understood(PromptFile(data.decode(errors="replace")), (str(error),))


def written(content: bytes, name: str) -> Written:
    """A prompt's content as a file of the format *name*.

    Raises:
        Invalid: its config cannot be said in YAML, or is too large for front matter.
    """
    return (_kept if len(content) <= _KEPT_BYTES else _write)(content, name)


def _write(content: bytes, name: str) -> Written:
    try:
        return _WRITE[name](front_matter.parse(content))
    except ValueError as error:
        raise Invalid("config", str(error)) from None


_kept = lru_cache(maxsize=256)(_write)
