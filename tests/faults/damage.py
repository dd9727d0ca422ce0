"""Damage to files, as disks, operators and bugs do it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file around; bit 0 is the highest of the first byte, and negative ones count from the end."""
    with _writable(path), open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END) * 8
        at, place = divmod(bit % size, 8)
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 0x80 >> place]))


def truncate(path: Path, size: int = 0) -> None:
    """Cut a file after *size* bytes."""
    with _writable(path):
        os.truncate(path, size)


def zero(path: Path, start: int, size: int) -> None:
    """Overwrite *size* bytes with zeros, from byte *start*."""
    with _writable(path), open(path, "r+b") as file:
        file.seek(start)
        file.write(bytes(size))


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Packs are read-only."""
    mode = path.stat().st_mode
    os.chmod(path, mode | 0o200)
    try:
        yield
    finally:
        os.chmod(path, mode)
