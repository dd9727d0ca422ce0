"""Loose objects, which git leaves of a small push: libgit2 1.9.7 never ends reading one that was cut short.

Meanwhile it holds Python's lock, so that the whole process stands still.
"""

from __future__ import annotations

import zlib
from pathlib import Path

_CHUNK = 1 << 16


def is_cut_short(objects: Path, oid: str) -> bool:
    """True if the file of a loose object ends before its data does; False also where there is no such file."""
    inflated = zlib.decompressobj()
    try:
        with open(f"{objects}/{oid[:2]}/{oid[2:]}", "rb", buffering=0) as file:
            while not inflated.eof and (chunk := file.read(_CHUNK)):
                inflated.decompress(chunk)
    except (OSError, zlib.error):
        return False  # libgit2 says what is wrong with it
    return not inflated.eof
