"""What a store looks like at this moment, at little cost whatever its size; nothing is brought up to date."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from promptgit.store.index.connections import head_of
from promptgit.store.store import Store


@dataclass(frozen=True, slots=True)
class Totals:
    """How many prompts are there, and how many versions all of them have, the deleted ones included."""

    prompts: int
    versions: int


def totals(connection: sqlite3.Connection) -> Totals:
    """What the index has counted."""
    return Totals(*connection.execute("SELECT prompts, versions FROM totals").fetchone())


def lag(store: Store) -> float:
    """How many seconds ago `main` moved to where the index is not yet; 0 if the index reflects it."""
    if store.index.peek(head_of) == store.repository.main():
        return 0.0
    return max(time.time() - store.repository.main_file.moved_at(), 0.001)  # clocks of file systems tick slowly


def packs(store: Store) -> tuple[int, int]:
    """How many packs there are, and the bytes of all files in their folder.

    Loose objects are not counted: that would be a walk through 256 folders, and only git itself makes some.
    """
    with os.scandir(store.repository.path / "objects" / "pack") as entries:
        sizes = [(entry.name.endswith(".pack"), _size(entry)) for entry in entries]
    return sum(is_pack for is_pack, _ in sizes), sum(size for _, size in sizes)


def index_bytes(store: Store) -> int:
    """The bytes of the index and its log."""
    return sum(_size(store.index.path.with_name(store.index.path.name + suffix)) for suffix in ("", "-wal", "-shm"))


def free_bytes(store: Store) -> int:
    """Room for the service's user on the disk of the folder."""
    stat = os.statvfs(store.folder)
    return stat.f_bavail * stat.f_frsize


def _size(file: Path | os.DirEntry[str]) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0  # gone meanwhile
