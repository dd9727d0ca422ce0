"""What a running server takes of its machine: memory, descriptors, files in its folder."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

from tests.support import Server, processes_of, stat_of


@dataclass(frozen=True, slots=True)
class Footprint:
    """One look at a server, or the medians of many.

    *memory* is in MiB, and counts a page that several processes share once for all of them (PSS, proc(5));
    *anonymous* is the part that is no file's. *descriptors* are those of all its processes; *removed* are the files
    that they have open or mapped although nobody can find them any more. *files* is the number of files in its folder,
    *log* the size of SQLite's logs there, in MiB.
    """

    memory: float
    anonymous: float
    descriptors: float
    removed: float
    files: float
    log: float


def footprint_of(server: Server) -> Footprint:
    """Look at it now. The git commands that it runs are not counted: they end."""
    memory = anonymous = descriptors = removed = 0
    for process in python_processes(server):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            rollup = dict(line.split(":", 1) for line in (process / "smaps_rollup").read_text().splitlines()[1:])
            maps = {line.split(maxsplit=5)[5] for line in (process / "maps").read_text().splitlines() if "/" in line}
            links = [os.readlink(link) for link in (process / "fd").iterdir()]
            memory += int(rollup["Pss"].split()[0])
            anonymous += int(rollup["Pss_Anon"].split()[0])
            descriptors += len(links)
            removed += sum(
                name.startswith(str(server.folder)) and name.endswith("(deleted)") for name in [*maps, *links]
            )
    files = [Path(folder, name) for folder, _, names in os.walk(server.folder) for name in names]
    log = 0
    for file in files:
        if file.name.endswith("-wal"):
            with suppress(FileNotFoundError):
                log += file.stat().st_size
    return Footprint(memory / 1024, anonymous / 1024, descriptors, removed, len(files), log / 2**20)


def median_of(looks: list[Footprint]) -> Footprint:
    """The median of each figure."""
    return Footprint(*(median(getattr(look, field.name) for look in looks) for field in fields(Footprint)))


def python_processes(server: Server) -> list[Path]:
    """The server's own processes in /proc, the oldest first: the master, then its workers."""
    ours = []
    for process in processes_of(server.process.pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            if "python" in os.path.basename(os.readlink(process / "exe")):
                ours.append(process)
    return sorted(ours, key=lambda process: int(stat_of(process)[19]))  # when each began (proc_pid_stat(5))
