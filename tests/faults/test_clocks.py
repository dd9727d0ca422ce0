"""Wall clocks that lie, and jump while a server serves: order and numbers do not come from them.

Stock git tells what is right: the order of first parents, the committers' dates, the commit that a time means.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.faults import LONG, attempts
from tests.faults.checker import check
from tests.faults.clocks import DAY, WrongClock
from tests.faults.known import Known
from tests.faults.load import Load
from tests.faults.writers import GATED
from tests.support import Http, Server, command, git_text

CAMPAIGNS = attempts(short=1, long=4, full=20)
STARTS = attempts(short=1, long=2, full=2)
JUMPS: list[Callable[[WrongClock], None]] = [
    lambda clock: clock.set(-DAY),
    lambda clock: clock.set(DAY),
    lambda clock: clock.set(0),
    lambda clock: clock.set(-3_600),
    lambda clock: clock.set_to(2001),
    lambda clock: clock.set_to(2035),
    lambda clock: clock.set_to(2040),  # after the last second of 32 bits
    lambda clock: clock.set_to(1970),  # a machine whose battery is empty
]
RULES = f"[labels.{GATED}]\napprovals = 0\n".encode()
ATOM = "{http://www.w3.org/2005/Atom}"


def test_order_and_numbers_do_not_come_from_the_clock(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """While clients write, the clock jumps; in between the server is killed, and starts by another wrong clock."""
    clock, jumps, versions = WrongClock(tmp_path / "clock"), 0, 0
    for at in range(CAMPAIGNS):
        chance, known = random.Random(at), Known()
        folder = tmp_path / f"data{at}"
        for start in range(STARTS):
            chance.choice(JUMPS)(clock)
            with Server(folder, **clock.settings) as server:
                done = command("rules", "set", "--data", str(folder), data=RULES, **clock.settings)
                assert done.returncode == 0, done.stderr
                with Load([server.url], name=f"{start}") as load:
                    for number, jump in enumerate(chance.sample(JUMPS, 3), start=1):
                        load.until(6 * number)
                        jump(clock)
                    load.until(24)
                    server.kill()
            found = load.known()
            known = Known.joined([known, found])
            assert not found.refused, found.refused[0].body
            jumps += 4
        clock.set(0)
        check(folder / "prompts.git", known)
        assert_no_date_goes_back(folder / "prompts.git")
        with Server(folder, **clock.settings) as server:
            assert_told_in_order(server, known.ids())
            assert_past_is_as_git_says(server, chance)
        assert not LONG or command("check", "--data", str(folder)).returncode == 0
        versions += len(known.versions)
    record_property("jumps of the clock", jumps)
    record_property("versions acknowledged", versions)


def assert_no_date_goes_back(repository: Path) -> None:
    """Of what the service has stored: the first commit's date is the clock's at that time, too."""
    dates = [int(date) for date in git_text(repository, "log", "--first-parent", "--format=%ct", "main").split()]
    assert all(new >= old for new, old in pairwise(dates)), dates


def assert_told_in_order(server: Server, prompts: list[str]) -> None:
    """Histories, feed, activity and Atom have the order of `main`; no time goes back."""
    http = Http(server.url)
    line = git_text(server.folder / "prompts.git", "rev-list", "--first-parent", "--reverse", "main").split()
    place = {commit: at for at, commit in enumerate(line)}
    for prompt in prompts:
        versions = http("GET", f"/api/prompts/{prompt}/versions").json
        assert [version["version_number"] for version in versions] == list(range(1, len(versions) + 1))
        assert_in_order(versions, place)
    feed = http("GET", "/api/changes?limit=1000&group=commit").json
    assert [entry["commit"] for entry in feed] == line[1:1001]
    assert_in_order(feed, place)
    atom = ElementTree.fromstring(http("GET", "/activity.atom").body).findall(f"{ATOM}entry/{ATOM}updated")
    times = [entry.text or "" for entry in atom]
    assert times == sorted(times, reverse=True)
    assert http("GET", "/activity").status == 200


def assert_in_order(entries: list[dict[str, Any]], place: dict[str, int]) -> None:
    assert all(place[one["commit"]] < place[next_["commit"]] for one, next_ in pairwise(entries))
    assert all(one["timestamp"] <= next_["timestamp"] for one, next_ in pairwise(entries))


def assert_past_is_as_git_says(server: Server, chance: random.Random) -> None:
    """A time means the commit that `git rev-list --before` prints."""
    http, repository = Http(server.url), server.folder / "prompts.git"
    dates = {int(date) for date in git_text(repository, "log", "--first-parent", "--format=%ct", "main").split()}
    for date in chance.sample(sorted(dates), min(5, len(dates))):
        for seconds in (date - 1, date):
            asked = f"--before=@{seconds} +0000"  # without the zone git takes few digits for something else
            commit = git_text(repository, "rev-list", "-1", "--first-parent", asked, "main")
            time = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
            then = http("GET", f"/api/prompts?at={time}&limit=1000")
            if not commit:
                assert then.status == 404
            else:
                assert then.json == http("GET", f"/api/prompts?at={commit}&limit=1000").json
