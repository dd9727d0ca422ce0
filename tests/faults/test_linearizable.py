"""What one client was told, all see from then on: whatever writes, and is killed, at the same time."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.faults import LONG, attempts
from tests.faults.broken import INDEX_FIRST, NO_LOCK, STALE_CACHE, Edit, built
from tests.faults.checker import Lost, line_of
from tests.faults.line import Line
from tests.faults.line_checker import check_line
from tests.faults.node_clients import Load
from tests.faults.records import Records
from tests.support import Http, Server, assert_sound, command, foreign_commit, processes_of, stat_of

pytestmark = [pytest.mark.server, pytest.mark.slow]

CLIENTS, WORKERS = 16, 4
OPERATIONS = attempts(400, 10_000, 100_000)
SERVER_KILLS = attempts(1, 4, 25)
WORKER_KILLS = attempts(2, 4, 4)
"""How many workers are killed before the server is, each time."""
IN_LONG_FORM = pytest.mark.skipif(not LONG, reason="of the long form: make faults")
RULES = b"[labels.live]\napprovals = 0\n"


class Campaign:
    """Sixteen clients of one server of four workers, which are killed; what was told is compared at the end."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._folder, self._settings = folder, settings
        self.server_kills = self.worker_kills = 0
        self._serve()
        self.repository = folder / "prompts.git"
        foreign_commit(self.repository, {"rules.toml": RULES})
        self._before = len(line_of(self.repository))
        self.records = Records()

    def _serve(self) -> None:
        self.server = Server(self._folder, "--workers", str(WORKERS), **self._settings)

    def run(self, name: str, operations: int, server_kills: int, worker_kills: int) -> None:
        """Let clients work until there are so many more operations; kills are spread over them."""
        chance = random.Random(name)
        with Load(lambda: [self.server.url], CLIENTS, name, gated="live") as load:
            for at in range(1, server_kills + 1):
                for _ in range(worker_kills):
                    load.until_done(chance.randrange(1, 20))
                    self._kill_worker(chance)
                load.until_operations(at * operations // (server_kills + 1))
                self._kill_server()
            load.until_operations(operations)
        records = load.records()
        self.records.writes += records.writes
        self.records.reads += records.reads

    def check(self) -> Line:
        line = Line(self.repository)
        check_line(line, self.records, self._before)
        return line

    def close(self) -> None:
        self.server.__exit__()

    def _kill_worker(self, chance: random.Random) -> None:
        master = self.server.process.pid
        with suppress(FileNotFoundError, ProcessLookupError):
            workers = [one for one in processes_of(master) if stat_of(one)[1] == str(master)]
            os.kill(int(chance.choice(workers).name), signal.SIGKILL)
            self.worker_kills += 1

    def _kill_server(self) -> None:
        self.server.kill()
        self._serve()
        self.server_kills += 1


def test_what_clients_are_told_is_linearizable(tmp_path: Path, record_property: Any) -> None:
    """No version is missing, other, doubled or from nowhere; no read is older than what anybody knew before it began.

    `If-Match` is kept, a release is made once, and git counts the versions as the answers did.
    """
    campaign = Campaign(tmp_path / "data")
    try:
        campaign.run("line", OPERATIONS, SERVER_KILLS, WORKER_KILLS)
        line = campaign.check()
        http = Http(campaign.server.url)
        for prompt in {write.prompt for write in campaign.records.writes if write.acknowledged}:
            told = http("GET", f"/api/prompts/{prompt}/versions").json
            commits = [version["commit"] for version in told]
            assert commits == line.owners[commits[0], 1].commits
            assert [version["version_number"] for version in told] == list(range(1, len(told) + 1))
        assert campaign.server.stop() == 0
    finally:
        campaign.close()
    assert_sound(campaign.repository)
    done = command("check", "--data", str(tmp_path / "data"))
    assert done.returncode == 0, done.stdout
    record_property("operations", campaign.records.operations)
    record_property("writes acknowledged", sum(bool(write.acknowledged) for write in campaign.records.writes))
    record_property("kills of a worker", campaign.worker_kills)
    record_property("kills of the server", campaign.server_kills)


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(NO_LOCK, id="no lock"),
        pytest.param(STALE_CACHE, id="stale cache", marks=IN_LONG_FORM),
        pytest.param(INDEX_FIRST, id="index first", marks=IN_LONG_FORM),
    ],
)
def test_the_checker_finds_what_a_broken_build_does(build: Sequence[Edit], tmp_path: Path) -> None:
    """The control: the same clients and the same comparison, with a build that breaks the promise."""
    campaign = Campaign(tmp_path / "data", PYTHONPATH=str(built(tmp_path / "broken", build)))
    try:
        for attempt in range(40):
            campaign.run(f"broken {attempt}", 150, 0, 0)
            try:
                campaign.check()
            except Lost as found:
                print(f"found in attempt {attempt}: {found}")
                return
    finally:
        campaign.close()
    pytest.fail("nothing was found")
