"""The state as of an earlier commit or time: a prompt of a long history, and a list of many prompts."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from tests.bench import histories
from tests.bench.connection import build
from tests.bench.floors import git
from tests.bench.histories import HISTORY_URL
from tests.bench.lab import Lab, Operation
from tests.bench.report import Row, compare
from tests.bench.server import Server, promptgit

_VERSIONS = 100_000
_PROMPTS = 1_000
_EACH = 10  # versions of each prompt of the list
_READS = 2_000
_LISTS = 60
_WARM_UP = 10

Moments = Callable[[Path, int], list[str]]  # of a repository, so many values of `at`


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    versions, prompts = lab.some(_VERSIONS), lab.some(_PROMPTS)
    return [
        Operation(f"as of a commit, one of {versions:,} versions", partial(_prompt, moments=_commits)),
        Operation(f"as of a time, one of {versions:,} versions", partial(_prompt, moments=_times)),
        Operation(f"as of a commit, the list of {prompts:,} prompts", _list),
    ]


def _prompt(lab: Lab, name: str, *, moments: Moments) -> Iterator[Row]:
    folder = lab.history(lab.some(_VERSIONS))
    asked = moments(folder / "prompts.git", lab.some(_READS))
    with promptgit(folder) as server:
        yield from _measure(lab, name, server, HISTORY_URL, asked, "the newest version")


def _list(lab: Lab, name: str) -> Iterator[Row]:
    prompts, folder = lab.some(_PROMPTS), lab.fresh()
    histories.make(folder, histories.many_prompts(prompts, _EACH))
    asked = _commits(folder / "prompts.git", lab.some(_LISTS), newest=prompts * (_EACH - 1))  # all prompts are there
    with promptgit(folder) as server:
        yield from _measure(lab, name, server, f"/api/prompts?limit={prompts}", asked, "the same list, now")


def _measure(lab: Lab, name: str, server: Server, address: str, asked: list[str], floor: str) -> Iterator[Row]:
    joint = "&" if "?" in address else "?"
    then = [build("GET", f"{address}{joint}{urlencode({'at': at})}") for at in asked]
    now = [build("GET", address)] * len(asked)
    for requests in (then, now):
        lab.load.run(server, requests[:_WARM_UP], 1)
    row = compare(name, floor, "p50", lambda: lab.load.run(server, then, 1), lambda: lab.load.run(server, now, 1))
    yield row
    yield Row(f"{name}: processor per request", floor, "cpu", row.own, row.bare)


def _commits(repository: Path, count: int, newest: int | None = None) -> list[str]:
    """Commits of `main`, or of its so many *newest* ones."""
    limit = [] if newest is None else [f"--max-count={newest}"]
    return random.Random(count).choices(git(repository, "rev-list", "--first-parent", *limit, "main").split(), k=count)


def _times(repository: Path, count: int) -> list[str]:
    """Times between the first version and the newest."""
    dates = git(repository, "log", "--first-parent", "--format=%cI", "main").split()[:-1]
    return random.Random(count).choices(dates, k=count)
