"""The disk fills up, in bytes or in inodes, while clients make writes of every kind."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.faults import LONG, attempts
from tests.faults.checker import check
from tests.faults.disks import small_disk
from tests.faults.load import Load
from tests.faults.writers import gate
from tests.support import Answer, Http, Server, command, wait_for

ROUNDS = attempts(1, 5, 100)
"""How often the disk fills up."""
PATIENCE_SECONDS = 600
REFUSED, MORE = 12, 12
"""How many writes are refused each time, and how many versions are acknowledged once there is room again."""


@pytest.mark.parametrize("what", ["bytes", "inodes"] if LONG else ["inodes"])
def test_a_full_disk_is_never_acknowledged(
    what: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """What is refused says that nothing was written; reads go on, and writes as soon as there is room."""
    with small_disk(tmp_path / "disk") as disk:
        folder = disk.root / "data"
        with Server(folder) as server:
            gate(folder / "prompts.git")
            with Load([server.url], gated=True) as load:
                load.until(MORE)
                for _ in range(ROUNDS):
                    before = len(load.known().refused)
                    with disk.full_of(what):
                        wait_for(partial(_has_refused, load, before + REFUSED), PATIENCE_SECONDS)
                        expect_reads(Http(server.url), load)
                    load.until(load.versions + MORE)
            known = load.known()
            answers = Counter((answer.status, code_of(answer)) for answer in known.refused)
            assert answers.keys() <= {(507, "storage_full"), (503, "storage_failed"), (503, "outcome_unknown")}, answers
            assert Http(server.url)("GET", "/readyz").status == 200
            assert server.stop() == 0
        check(folder / "prompts.git", known)
        checked = command("check", "--data", str(folder))
        assert checked.returncode == 0, checked.stdout
    record_property(f"times full of {what}", ROUNDS)
    record_property("writes acknowledged, 0 lost", load.acknowledged)
    record_property("writes refused, 0 of them made, 0 answered with 500", len(known.not_made))
    record_property("openly unknown", sum(answers[answer] for answer in answers if "outcome_unknown" in answer))


def test_a_disk_without_room_for_a_write_is_warned_of(tmp_path: Path) -> None:
    """Reads go on, so that the service is ready; whoever watches it is told that no write is taken."""
    with small_disk(tmp_path / "disk") as disk, Server(disk.root / "data", "--workers", "1") as server:
        http = Http(server.url)
        assert http("POST", "/api/prompts", {"content": "x"}).status == 201
        filler = disk.root / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk.root).free - (1 << 19)))
        told = http("GET", "/readyz")
        assert told.status == 200, told
        assert "Less than 1 MiB is free" in told.json["warnings"][0]
        assert http("POST", "/api/prompts", {"content": "x"}).status == 507
        filler.unlink()
        assert http("GET", "/readyz").json["warnings"] == []


def expect_reads(http: Http, load: Load) -> None:
    """Raise unless versions that were acknowledged can be read, and the list."""
    for version in load.known().versions[-3:]:
        answer = http("GET", f"/api/prompts/{version.prompt}/versions/{version.number}/content")
        assert (answer.status, answer.body) == (200, version.content), answer
    for path in ("/api/prompts?include=content", "/api/changes?limit=1000", "/healthz"):
        assert http("GET", path).status == 200, path


def code_of(answer: Answer) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json", answer
    return str(answer.json["code"])


def _has_refused(load: Load, count: int) -> bool:
    return len(load.known().refused) >= count
