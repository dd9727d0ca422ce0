"""Saves in a repository that has grown: neither its prompts nor its commits may make one slow."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bench import histories
from tests.bench.connection import Failed, build, fetch
from tests.bench.histories import HISTORY_URL
from tests.bench.lab import Lab, Operation
from tests.bench.report import Figures, Row, compare
from tests.bench.samples import text
from tests.bench.server import Server, promptgit

_FEW = 10  # prompts
_SAVES = 300
_WARM_UP = 20
_FIRST = 10_000_000  # the number of the first text: none of the histories has it


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    prompts, short = lab.some(100_000), lab.some(1_000)
    lengths = sorted({lab.some(100_000), lab.longest})
    many = Operation(f"save beside {prompts:,} other prompts", partial(_prompts, prompts=prompts))
    longs = [
        Operation(f"save after {length:,} commits", partial(_commits, length=length, short=short)) for length in lengths
    ]
    return [many, *longs]


def _prompts(lab: Lab, name: str, *, prompts: int) -> Iterator[Row]:
    grown, small = lab.fresh(), lab.fresh()
    for folder, others in ((grown, prompts), (small, _FEW)):
        histories.make(folder, histories.named_by_uuid(others + 1), at_once=True)
    url = f"/api/prompts/{histories.uuid_name(0)}"
    yield _compare(lab, name, f"the same, beside {_FEW}", grown, small, url)


def _commits(lab: Lab, name: str, *, length: int, short: int) -> Iterator[Row]:
    grown, small = (_copy(lab, lab.history(commits)) for commits in (length, short))
    yield _compare(lab, name, f"the same, after {short:,}", grown, small, HISTORY_URL)


def _copy(lab: Lab, folder: Path) -> Path:
    """A data folder of its own: the histories are read by others, who count their versions."""
    copy = lab.fresh()
    shutil.copytree(folder, copy)
    os.sync()
    return copy


def _compare(lab: Lab, name: str, floor: str, grown: Path, small: Path, url: str) -> Row:
    numbers, count = itertools.count(_FIRST), lab.some(_SAVES)

    def save(server: Server, saves: int) -> Figures:
        requests = [build("PUT", url, {"content": text(n)}) for n in itertools.islice(numbers, saves)]
        before = _versions(server, url)
        sent = lab.load.run(server, requests, 1)
        made = _versions(server, url) - before
        if made != saves:
            raise Failed(f"{saves} saves made {made} versions")
        return sent

    with promptgit(grown) as server, promptgit(small) as other:
        save(server, _WARM_UP), save(other, _WARM_UP)
        return compare(name, floor, "p50", lambda: save(server, count), lambda: save(other, count))


def _versions(server: Server, url: str) -> int:
    return int(json.loads(fetch(server.address, url)[1])["version_number"])
