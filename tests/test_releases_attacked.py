"""Ways around a gate that were tried: each is closed, and loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptgit.domain.names import id_of
from tests.support import command, foreign_commit, git_text
from tests.test_releases import RULES, Team

FREE_RULES = "[labels.production]\napprovals = 0\n"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    made = Team(tmp_path / "data")
    made.rule(RULES.replace('checks = ["eval"]', ""))
    return made


def release(team: Team, version: int) -> int:
    number = team.open(version)
    team.ok("post", f"/api/releases/{number}/approve", "bob")
    team.ok("post", f"/api/releases/{number}/release", "bob")
    return number


@pytest.mark.parametrize(
    "change",
    [
        ('label = "production"', "label = 5"),
        ('label = "production"', 'label = "latest"'),
        ("at = ", "at = 0001-01-01 00:00:00+14:00 #"),
        ("at = ", "at = 9999-12-31 23:59:59-14:00 #"),
        ("to = 2", "to = 99999999999999999999999"),
    ],
)
def test_a_pushed_release_that_says_nonsense_is_ignored(team: Team, change: tuple[str, str]) -> None:
    release(team, 2)
    good = git_text(team.folder / "prompts.git", "show", "main:releases/0/1.toml")
    foreign_commit(team.folder / "prompts.git", {"releases/0/2.toml": good.replace(*change).encode()}, "By hand")
    assert [one["number"] for one in team.ok("get", "/api/releases", "ada")] == [1]
    assert team.open(3) == 3


def test_a_pushed_check_of_a_huge_number_is_ignored(team: Team) -> None:
    version = team.ok("get", f"/api/prompts/{team.prompt}/versions/1", "ada")["id"]
    said = f'prompt_id = "{team.prompt}"\nversion = {10**30}\nstate = "success"\n'
    path = f"checks/{version[:2]}/{version[2:]}/eval"
    foreign_commit(team.folder / "prompts.git", {path: said.encode()}, "By hand")
    assert team.ok("get", f"/api/prompts/{team.prompt}/checks", "ada") == []


def test_a_label_that_git_left_behind_does_not_come_back_to_life(team: Team) -> None:
    """Neither by a revert, nor by a restore among other changes."""
    release(team, 2)
    for restore in (False, True):
        foreign_commit(team.folder / "prompts.git", {"prompts/support/greeting.md": None}, "By hand")
        if restore:
            team.ok("post", "/api/commits", "writer", changes=[{"prompt_id": team.prompt, "restore": 3}])
        else:
            team.ok("post", f"/api/prompts/{team.prompt}/versions/3/revert", "writer")
        assert team.label() is None
        foreign_commit(team.folder / "prompts.git", {"labels/production/support/greeting": b"2\n"}, "By hand")


def test_who_may_not_move_the_label_does_not_release_by_opening(team: Team) -> None:
    team.rule(FREE_RULES)
    number = team.open(2, when_ready=True)
    assert (team.label(), team.ok("get", f"/api/releases/{number}", "ada")["state"]) == (None, "ready")
    number = team.open(2, who="bob", when_ready=True)
    assert (team.label(), team.ok("get", f"/api/releases/{number}", "ada")["state"]) == (2, "released")


def test_nothing_is_released_by_itself_once_no_rule_asks_for_it(team: Team) -> None:
    team.open(2, when_ready=True)
    team.rule("")
    team.ok("put", f"/api/prompts/{team.prompt}/versions/2/checks/anything", "writer", state="success")
    assert team.label() is None


def test_a_repeated_override_gets_its_answer(team: Team) -> None:
    release(team, 2)
    headers = {**team.headers["admin"], "Idempotency-Key": "once"}
    body = {"name": "free/greeting", "override": True, "description": "Moved"}
    first, second = (team.client.patch(f"/api/prompts/{team.prompt}", json=body, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code, second.json) == (200, 200, first.json)


def test_an_override_does_not_guess_the_id_of_a_new_prompt(team: Team) -> None:
    """The name was another prompt's first: the id of the new one is that of its commit."""
    made = team.create("support/once", "ada")
    team.ok("patch", f"/api/prompts/{made}", "ada", name="free/once")
    changes = [
        {"name": "support/once", "content": "x"},
        {"name": "support/once", "label": "production", "version_number": "new"},
    ]
    problem = team.refused(
        422, "invalid", "post", "/api/commits", "admin", changes=changes, override=True, description="Now"
    )
    assert "two commits" in problem["detail"]


def test_of_two_releases_that_a_check_makes_ready_one_has_the_label(team: Team) -> None:
    """Also where one of them would leave it where it is."""
    team.rule(RULES.replace("approvals = 1", "approvals = 0"))
    other = team.create("support/other", "ada")
    for number in (1, 2):
        team.check(number, who="admin")
    first = {"label": "production", "items": [{"prompt_id": team.prompt, "version_number": 1}], "description": "1"}
    made = team.ok("post", "/api/releases", "bob", **first)["number"]
    team.ok("post", f"/api/releases/{made}/release", "bob")
    moving = team.open(3, when_ready=True)
    items = [{"prompt_id": team.prompt, "version_number": 1}, {"prompt_id": other, "version_number": 1}]
    body = {"label": "production", "items": items, "description": "x", "when_ready": True}
    staying = team.ok("post", "/api/releases", "writer", **body)["number"]
    checks = [
        {"prompt_id": team.prompt, "check": "eval", "version_number": 3, "state": "success"},
        {"prompt_id": other, "check": "eval", "version_number": 1, "state": "success"},
    ]
    team.ok("post", "/api/commits", "ci", changes=checks)
    assert team.ok("get", f"/api/releases/{moving}", "ada")["state"] == "released"
    assert team.ok("get", f"/api/releases/{staying}", "ada")["state"] == "outdated"


def test_a_prompt_that_went_elsewhere_and_back_is_outdated(team: Team) -> None:
    """Deleted and brought back, or renamed: what was approved is not what would be shown."""
    other = team.create("support/other", "ada")
    body = {"label": "production", "items": [{"prompt_id": other, "version_number": 1}], "description": "x"}
    deleted = team.ok("post", "/api/releases", "writer", **body)["number"]
    team.ok("delete", f"/api/prompts/{other}", "ada")
    team.ok("post", f"/api/prompts/{other}/versions/1/revert", "ada")
    renamed = team.ok("post", "/api/releases", "writer", **body)["number"]
    team.ok("patch", f"/api/prompts/{other}", "ada", name="support/renamed")
    for number in (deleted, renamed):
        assert team.ok("get", f"/api/releases/{number}", "ada")["state"] == "outdated"
        team.refused(409, "release_outdated", "post", f"/api/releases/{number}/approve", "bob")


def test_owners_that_look_the_same_are_one(team: Team) -> None:
    team.rule(RULES.replace("approvals = 1", "approvals = 2").replace('checks = ["eval"]', ""))
    number = team.open()
    for name, owner in (("z1", "Zo\u00e9 X"), ("z2", "zoe\u0301  x")):
        team.join(name, owner=owner, may_move=["production"])
        team.ok("post", f"/api/releases/{number}/approve", name)
    assert team.ok("get", f"/api/releases/{number}", "ada")["missing"] == ["1 approval"]


def test_the_number_of_a_release_is_never_given_again(team: Team) -> None:
    """Not after a push has removed its file, nor after one has taken a very high one."""
    assert (team.open(1), team.open(2)) == (1, 2)
    foreign_commit(team.folder / "prompts.git", {"releases/0/2.toml": None}, "By hand")
    assert team.open(3) == 3
    good = git_text(team.folder / "prompts.git", "show", "main:releases/0/3.toml").encode()
    foreign_commit(team.folder / "prompts.git", {"releases/999999999/999999999999.toml": good}, "By hand")
    assert team.open(1) == 4


def test_a_check_is_told_though_a_release_that_waits_for_it_cannot_be_made(team: Team) -> None:
    """A file lies where the folder of its label would be."""
    team.rule('[labels.production]\napprovals = 0\nchecks = ["eval"]\n')
    number = team.open(2, when_ready=True)
    foreign_commit(team.folder / "prompts.git", {"labels/production/support": b"1\n"}, "By hand")
    team.check(2)
    assert team.ok("get", f"/api/releases/{number}", "ada")["state"] == "ready"


def test_an_override_that_cannot_be_logged_is_not_done(team: Team) -> None:
    """The access log is written first."""
    (team.folder / "access.log").unlink(missing_ok=True)
    (team.folder / "access.log").mkdir()
    body = {"version_number": 1, "override": True, "description": "x"}
    before = team.main()
    answer = team.call("put", f"/api/prompts/{team.prompt}/labels/production", "admin", **body)
    assert (answer.status_code, answer.json["code"], team.main()) == (503, "storage_failed", before)


def test_a_step_that_is_repeated_is_told_as_it_was(team: Team) -> None:
    number = team.open(2)
    headers = {**team.headers["bob"], "Idempotency-Key": "once"}
    first = team.client.post(f"/api/releases/{number}/approve", headers=headers).json
    team.ok("post", f"/api/releases/{number}/release", "bob")
    again = team.client.post(f"/api/releases/{number}/approve", headers=headers).json
    assert (first["state"], again) == ("ready", first)


def test_a_check_and_a_rename_in_one_commit_are_told_under_one_name(team: Team) -> None:
    changes = [
        {"prompt_id": team.prompt, "rename_to": "free/greeting"},
        {"prompt_id": team.prompt, "check": "lint", "version_number": 1, "state": "success"},
    ]
    team.ok("post", "/api/commits", "ada", changes=changes)
    told = [one for one in team.ok("get", "/api/changes?limit=1000", "ada") if one["commit"] == team.main()]
    assert {one["name"] for one in told} == {"free/greeting"}
    assert team.prompt == id_of("support/greeting")
    assert command("check", "--data", str(team.folder)).returncode == 0
