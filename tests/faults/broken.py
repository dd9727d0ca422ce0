"""Builds of promptgit that are broken on purpose: a checker that finds nothing in them finds nothing at all."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import promptgit


class Edit(NamedTuple):
    """Lines of a file of the package, and what takes their place."""

    file: str
    lines: str
    instead: str


NO_LOCK = (
    Edit("store/locks.py", "                lock.acquire(timeout=seconds)", "                pass"),
    Edit("store/git/refs.py", "            if self._read() != old:", "            if False:"),
    Edit(
        "store/batch_maker.py",
        "            self._repository.store(batch)\n            if self._pusher is None:",
        "            held.close()\n            self._repository.store(batch)\n            if self._pusher is None:",
    ),
    Edit("store/batch_maker.py", "                self._record(connection, batch.tip)\n        if", "        if"),
)
"""The write lock is taken out, and what stands behind it: the compare-and-swap of `main`, the index's transaction."""

STALE_CACHE = (
    Edit(
        "service/reading.py",
        "        return checks.expect(self._store.index.read(queries.prompt_by_id, prompt_id), prompt_id)",
        "        import time\n"
        "        kept, key = self.__dict__.setdefault('kept', {}), (prompt_id, int(time.monotonic()))\n"
        "        if key not in kept:\n"
        "            kept[key] = self._store.index.read(queries.prompt_by_id, prompt_id)\n"
        "        return checks.expect(kept[key], prompt_id)",
    ),
)
"""Reads come from a cache of each worker, for up to a second."""

INDEX_FIRST = (
    Edit(
        "store/batch_maker.py",
        "                self._repository.move_main(tip, batch.tip, int(self._clock()))\n"
        "                self._record(connection, batch.tip)",
        "                self._record(connection, batch.tip)\n"
        "                if batch.tip[0] in '01234567':\n"
        "                    time.sleep(0.5)\n"
        "                    __import__('os').kill(__import__('os').getpid(), 9)\n"
        "                self._repository.move_main(tip, batch.tip, int(self._clock()))",
    ),
)
"""The index is committed before `main` moves; every second time the worker dies in between, half a second later."""


def built(folder: Path, edits: Sequence[Edit]) -> Path:
    """A folder with a copy of the package in which lines were replaced; put it first on PYTHONPATH."""
    package = Path(promptgit.__file__).parent
    shutil.copytree(package, folder / "promptgit")
    for file, lines, instead in edits:
        path = folder / "promptgit" / file
        text = path.read_text()
        assert text.count(lines) == 1, f"{file} has other lines now: {lines}"
        path.write_text(text.replace(lines, instead))
    return folder
