"""Usage: who still reads what, counted at no cost to a read, and told before something is taken away."""

from __future__ import annotations

import json
import re
import resource
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.client import Client
from promptgit.domain.usage import Served
from promptgit.settings import Settings
from promptgit.usage.counters import Counters
from tests.conftest import Clock
from tests.support import Http, Server, command

FIRST_DAY, SECOND_DAY = "2023-11-14", "2023-11-15"  # of `Clock`


class Team:
    """An application with tokens, and a prompt with two versions, of which the first is in production."""

    def __init__(self, data: Path, clock: Clock, **settings: Any) -> None:
        self.app = create_app(Settings(data=data, **settings), clock=clock)
        self.counters: Counters = self.app.extensions["promptgit.usage"]
        self._secrets = {name: Tokens(data).create(name, Scope.WRITE)[1] for name in ("checkout", "ci")}
        made = self("ci", "/api/prompts", "POST", {"name": "a/b", "content": "1"})
        self.prompt = made.headers["Location"]
        self("ci", self.prompt, "PUT", {"content": "2"})
        self("ci", f"{self.prompt}/labels/production", "PUT", {"version_number": 1})

    def __call__(
        self, who: str, path: str, method: str = "GET", body: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        sent = {"Authorization": f"Bearer {self._secrets[who]}", **(headers or {})}
        return self.app.test_client().open(path, method=method, json=body, headers=sent, buffered=True)

    def usage(self) -> dict[tuple[int, str | None, str | None], dict[str, int]]:
        """The days of each version, label and credential."""
        found = self("ci", f"{self.prompt}/usage").json
        return {(one["version_number"], one["label"], one["who"]): one["days"] for one in found}

    def client(self, who: str) -> Client:
        transport = httpx2.WSGITransport(self.app)
        return Client("http://localhost", token=self._secrets[who], transport=transport, cache_seconds=0)


@pytest.fixture
def team(tmp_path: Path, clock: Clock) -> Team:
    return Team(tmp_path / "data", clock)


def test_reads_of_contents_are_counted_on_every_way_and_nothing_else(team: Team, clock: Clock) -> None:
    """By version, label, credential and day: quick reads, those through Flask, and Langfuse's."""
    version = f"{team.prompt}/versions/1"
    etag = team("checkout", version).headers["ETag"]
    assert team("checkout", version, headers={"If-None-Match": etag}).status_code == 304
    assert team("checkout", version, headers={"If-None-Match": f'"x", {etag}'}).status_code == 304
    through_flask = {"If-None-Match": '"x"'}
    for path in (f"{version}/content", team.prompt, "/api/names/a/b"):
        assert team("checkout", path).status_code == 200
        assert team("checkout", path, headers=through_flask).status_code == 200
    for path in ("/api/prompts?include=content", f"{team.prompt}?resolve=true"):
        assert team("checkout", path).status_code == 200
    clock.now += 86_400
    for path in (f"{team.prompt}/labels/production", "/api/prompts?label=production&include=content"):
        assert team("ci", path).status_code == 200
    for query in ("", "?label=latest", "?version=1"):
        assert team("ci", f"/api/public/v2/prompts/a%2Fb{query}").status_code == 200
    for which in ("a/b@production", "a/b@1", "a/b&label=production"):
        assert team("ci", f"/beta/litellm_prompt_management?prompt_id={which}").status_code == 200
    ask = {"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "a/b"}}
    tool = {"name": "get_prompt", "arguments": {"name": "a/b", "version_number": 1}}
    assert "result" in team("ci", "/mcp", "POST", ask).json
    assert "result" in team("ci", "/mcp", "POST", ask | {"method": "tools/call", "params": tool}).json
    for path in ("/api/prompts", f"{team.prompt}/versions", f"{team.prompt}/versions/9", f"{team.prompt}/labels"):
        team("ci", path)
    for path in (f"{team.prompt}/diff?from=1&to=2", f"{version}/blame", "/api/changes", "/api/public/v2/prompts"):
        team("ci", path)
    team("ci", version, "HEAD")
    assert team.usage() == {
        (2, "latest", "checkout"): {FIRST_DAY: 6},
        (2, "latest", "ci"): {SECOND_DAY: 1},
        (1, "production", "ci"): {SECOND_DAY: 6},
        (1, None, "checkout"): {FIRST_DAY: 5},
        (1, None, "ci"): {SECOND_DAY: 3},
    }
    (one,) = [one for one in team("ci", f"{team.prompt}/usage").json if one["who"] == "checkout" and one["label"]]
    assert one["last_read"] == "2023-11-14T22:13:20Z"


def test_the_client_says_for_which_label_it_reads(team: Team) -> None:
    """It reads the newest version to learn where labels point; counted is what it was asked for, once."""
    with team.client("checkout") as client:
        assert client.get("a/b", label="production").text == "1"
        assert client.get("a/b", version=1).text == "1"
        assert client.get("a/b").text == "2"
        client.labels("a/b")
        usage = client.usage("a/b")
    assert {(one.version_number, one.label, one.who): sum(one.days.values()) for one in usage} == {
        (2, "latest", "checkout"): 1,
        (1, "production", "checkout"): 1,
        (1, None, "checkout"): 1,
    }
    assert usage[0].last_read.isoformat() == "2023-11-14T22:13:20+00:00"


def test_what_the_file_does_not_take_is_kept_and_no_read_fails(team: Team, clock: Clock, tmp_path: Path) -> None:
    """A full disk, a damaged file and a lost one; days that are over are dropped, and so are the oldest of too many."""
    file = tmp_path / "data" / "usage.sqlite3"
    assert team("ci", team.prompt).status_code == 200
    with full_disk():
        assert team("ci", f"{team.prompt}/usage").status_code == 200
    assert team("ci", team.prompt).status_code == 200
    assert team.usage() == {(2, "latest", "ci"): {FIRST_DAY: 2}}
    file.write_bytes(b"x" * 4096)
    assert team.usage() == {}
    assert team("ci", team.prompt).status_code == 200
    assert team.usage() == {(2, "latest", "ci"): {FIRST_DAY: 1}}
    assert file.with_name("usage.sqlite3.damaged").exists()
    clock.now += 89 * 86_400
    assert list(team.usage()) == [(2, "latest", "ci")]
    clock.now += 86_400
    assert team.usage() == {}
    file.unlink()
    assert team("ci", team.prompt).status_code == 200
    assert len(team.usage()) == 1


def test_many_processes_count_together_and_the_file_stays_small(tmp_path: Path, clock: Clock) -> None:
    ours, theirs = (Counters(tmp_path, days=90, clock=clock, most_bytes=200_000) for _ in range(2))
    threads = [threading.Thread(target=_read, args=(one, 500)) for one in (ours, theirs) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    theirs.flush()
    (usage,) = ours.of("p")
    assert usage.days == {FIRST_DAY: 2_000}
    clock.now += 86_400
    for start in range(0, 12_000, 3_000):
        theirs.count(tuple(Served("p", number, "") for number in range(start, start + 3_000)), "crawler")
        theirs.flush()
        clock.now += 86_400
    assert (tmp_path / "usage.sqlite3").stat().st_size < 700_000
    numbers = {one.version_number for one in ours.of("p")}
    assert max(numbers) == 11_999 and min(numbers) >= 6_000, "the oldest days are dropped first"
    theirs.count(tuple(Served("q", number, "") for number in range(30_000)), None)
    assert len(theirs.of("q")) <= 10_000, "what memory holds is bounded"


def _read(counters: Counters, times: int) -> None:
    for _ in range(times):
        counters.count((Served("p", 1, "latest"),), None)


@contextmanager
def full_disk() -> Iterator[None]:
    """Within, no file of this process grows: to SQLite that is what a full disk is."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _words(page: str) -> str:
    return re.sub("<[^>]*>", "", page)


def test_it_can_be_switched_off(tmp_path: Path, clock: Clock) -> None:
    team = Team(tmp_path / "data", clock, usage="off")
    assert team("ci", team.prompt).status_code == 200
    assert team.usage() == {}
    assert not (tmp_path / "data" / "usage.sqlite3").exists()
    for wrong in ({"usage": "no"}, {"usage_days": 0}):
        with pytest.raises(ValueError, match="PROMPTGIT_USAGE"):
            Settings(**wrong)


def test_people_are_told_before_something_is_taken_away(tmp_path: Path) -> None:
    """On the pages and by the commands; what a process has counted is in the file when it has stopped."""
    data = tmp_path / "data"
    with Server(data, "--workers", "2") as server:
        http = Http(server.url)
        where = http("POST", "/api/prompts", {"name": "a", "content": "1"}).headers["Location"]
        http("PUT", f"{where}/labels/production", {"version_number": 1})
        for _ in range(3):
            assert Http(server.url)("GET", f"{where}/labels/production").status == 200
        assert server.stop() == 0
    at = ("--data", str(data))
    (version,) = json.loads(command("log", "a", "--usage", "--json", *at).stdout)
    (usage,) = version["usage"]
    assert (usage["label"], usage["who"], sum(usage["days"].values())) == ("production", None, 3)
    ago = r"(just now|\d+ minutes? ago)"
    told = f"Programs still ask for {{}}: last read {ago}; 3 reads in the last 7 days\\."
    assert re.search(f"\nRead:   {ago}, 3 reads by the label production\n", command("log", "a", "--usage", *at).stdout)
    assert re.search(f"last read {ago}\n$", command("log", "a", "--usage", "--oneline", *at).stdout)
    pages = create_app(Settings(data=data)).test_client()
    for path in (f"{where}/delete", f"{where}/labels/production/remove"):
        assert re.search(told.format("it"), _words(pages.get(path.removeprefix("/api")).text))
    assert re.search(f"last read {ago}", _words(pages.get(where.removeprefix("/api")).text))
    removed = command("label", "-d", "a", "production", *at)
    assert re.search(told.format("production of a"), removed.stderr), removed.stderr
    assert re.search(told.format("a"), command("rm", "a", *at).stderr)
