"""Connections are cut between a write and its answer: what is sent again with its key is made once.

A write is made, or it is not, or whoever asked for it is told that this is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from promptgit.client import Client
from tests.faults import attempts
from tests.faults.checker import check
from tests.faults.cutting import Cutter, cutting
from tests.faults.known import Known
from tests.faults.load import Load
from tests.faults.python_clients import AS_IT_IS, MADE, NOT_MADE, SHARED, UNKNOWN, People
from tests.faults.writers import gate
from tests.support import Server, git_text, wait_for

CUTS, KILLS = attempts(10, 100, 1_000), attempts(1, 3, 20)
_PATIENCE_SECONDS = 3_600.0


def test_a_write_is_made_once_however_often_its_answer_is_lost(
    server: Server, record_property: Callable[[str, object], None]
) -> None:
    """Writes of every kind are sent again, with their keys, until an answer comes through: none is unknown then."""
    gate(server.folder / "prompts.git")
    with cutting(server.url) as cutter:
        with Load([cutter.url], gated=True) as load:
            wait_for(partial(_has_cut, cutter, CUTS), _PATIENCE_SECONDS)
        cutter.share = 0.0
        load.settle()
    assert load.settled > CUTS // 10
    assert not load.known().refused
    assert all(len(states) == 1 for states in load.known().prompts.values())
    check(server.folder / "prompts.git", load.known())
    _tell(cutter, record_property)
    record_property("writes acknowledged, 0 doubled", load.acknowledged)


def test_the_clients_own_retries_make_a_write_once(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """People write to the same prompts with the Python client; now and then the server is killed.

    What they were told is so, what they were refused is not, and what is openly unknown to them is there at most once.
    """
    with ExitStack() as stack:
        server = stack.enter_context(Server(tmp_path / "data"))
        gate(server.folder / "prompts.git")
        with Client(server.url) as client:
            for name in SHARED:
                client.create(name, name)
        cutter = stack.enter_context(cutting(server.url))
        with People(cutter.url) as people:
            for kill in range(1, KILLS + 1):
                wait_for(partial(_has_cut, cutter, CUTS * kill // (KILLS + 1)), _PATIENCE_SECONDS)
                server.kill()
                server = stack.enter_context(Server(server.folder))
                cutter.target = server.url
            wait_for(partial(_has_cut, cutter, CUTS), _PATIENCE_SECONDS)
            cutter.share = 0.0
        repository, outcomes = server.folder / "prompts.git", people.outcomes()
        check(repository, Known())
    assert len(outcomes[MADE]) > CUTS // 10
    made = Counter(git_text(repository, "log", "--first-parent", "--format=%s", "main").split("\n"))
    for outcome, least, most in ((MADE, 1, 1), (NOT_MADE, 0, 0), (AS_IT_IS, 0, 1), (UNKNOWN, 0, 1)):
        for write in outcomes[outcome]:
            assert least <= made[write] <= most, f"{write} was {outcome}, and is there {made[write]} times"
    _tell(cutter, record_property)
    record_property("kills", KILLS)
    for outcome, writes in outcomes.items():
        record_property(f"writes {outcome}", len(writes))


def _has_cut(cutter: Cutter, cuts: int) -> bool:
    return cutter.cuts.total() >= cuts


def _tell(cutter: Cutter, record_property: Callable[[str, object], None]) -> None:
    for place, count in cutter.cuts.items():
        record_property(f"connections cut {place}", count)
