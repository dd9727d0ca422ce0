"""The index: built anew, and following a commit that came from elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.bench.connection import Failed, fetch
from tests.bench.floors import git, timed
from tests.bench.histories import HISTORY_URL
from tests.bench.lab import Lab, Operation
from tests.bench.report import Figures, Row, compare, figures
from tests.bench.server import PROMPTGIT, Server, promptgit

_FOREIGN = 30  # commits


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    longest = lab.longest
    return [
        Operation(f"reindex {longest:,} versions", partial(_reindex, length=longest)),
        Operation("first read after a foreign commit", _follow),
    ]


def _reindex(lab: Lab, name: str, *, length: int) -> Iterator[Row]:
    data = lab.history(length)
    log = ["git", f"--git-dir={data / 'prompts.git'}", "log", "--first-parent", "--raw", "-z", "main"]

    def once(command: list[str]) -> Figures:
        seconds = timed(command)
        return Figures(rate=length / seconds, p50=seconds * 1000)

    own = [PROMPTGIT, "reindex", "--data", str(data)]
    yield compare(name, "git log --first-parent --raw -z", "rate", lambda: once(own), lambda: once(log))


def _follow(lab: Lab, name: str) -> Iterator[Row]:
    data = lab.history(lab.some(100_000))
    count = lab.some(_FOREIGN)
    with promptgit(data) as server:

        def own() -> Figures:
            seconds: list[float] = []
            for _ in range(count):
                version = _newest(server)[0]
                _commit(data / "prompts.git")
                after, taken = _newest(server)
                if after != version + 1:
                    raise Failed(f"version {version} was followed by {after}")
                seconds.append(taken)
            return figures(seconds)

        def bare() -> Figures:
            return figures([_newest(server)[1] for _ in range(count)])

        yield compare(name, "the same read, nothing new", "p50", own, bare)


def _newest(server: Server) -> tuple[int, float]:
    """The newest version's number, and the seconds that it took to read it."""
    start = time.perf_counter()
    _, body = fetch(server.address, HISTORY_URL)
    return json.loads(body)["version_number"], time.perf_counter() - start


def _commit(repository: Path) -> None:
    """Commit with git alone: what the version before the newest one had comes back."""
    identity = ["-c", "user.name=Admin", "-c", "user.email=admin@example.org", "-c", "core.fsync=all"]
    main = git(repository, "rev-parse", "main")
    commit = git(repository, *identity, "commit-tree", "main~1^{tree}", "-p", main, "-m", "By hand")
    git(repository, "update-ref", "refs/heads/main", commit, main)
