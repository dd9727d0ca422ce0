"""Releases: a gated label moves by approval and checks, each step a commit."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.settings import Settings
from tests.support import command, foreign_commit, git_text
from tests.test_tokens import bearer

RULES = '[labels."production"]\napprovals = 1\nchecks = ["eval"]\nprefixes = ["support/"]\n'


class Team:
    """A service with a prompt `support/greeting` of three versions, by `ada`, and the people who work with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.client = create_app(Settings(data=folder, lock_timeout=5)).test_client()
        self.tokens = Tokens(folder)
        self.headers: dict[str, dict[str, str]] = {}
        self.join("admin", Scope.ADMIN)
        self.join("ada", owner="ada@example.org", may_move=["production"])
        self.join("bob", owner="bob@example.org", may_move=["production"])
        self.join("ci", may_check=["eval"])
        self.join("writer")
        self.prompt = self.create("support/greeting", "ada")
        for number in (2, 3):
            self.ok("put", f"/api/prompts/{self.prompt}", "ada", content=f"text {number}")

    def join(self, name: str, scope: Scope = Scope.WRITE, **rights: Any) -> str:
        token, secret = self.tokens.create(name, scope, **rights)
        self.headers[name] = bearer(secret)
        return token.id

    def create(self, name: str, who: str) -> str:
        made: str = self.ok("post", "/api/prompts", who, name=name, content="text 1")["id"]
        return made

    def call(self, method: str, path: str, who: str, **body: Any) -> TestResponse:
        sent: dict[str, Any] = {} if method == "get" else {"json": body}
        return getattr(self.client, method)(path, headers=self.headers[who], **sent)

    def ok(self, method: str, path: str, who: str, **body: Any) -> Any:
        answer = self.call(method, path, who, **body)
        assert answer.status_code in (200, 201, 204), answer.get_data(as_text=True)
        return answer.get_json() if answer.data else None

    def refused(self, status: int, code: str, method: str, path: str, who: str, **body: Any) -> dict[str, Any]:
        """The problem document of a refusal, which has written nothing."""
        before = self.main()
        answer = self.call(method, path, who, **body)
        assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
        assert self.main() == before
        return dict(answer.json)

    def main(self) -> str:
        return git_text(self.folder / "prompts.git", "rev-parse", "main").strip()

    def rule(self, content: str = RULES) -> None:
        self.ok("put", "/api/rules", "admin", content=content)

    def open(self, number: int = 2, who: str = "writer", **more: Any) -> int:
        items = [{"prompt_id": self.prompt, "version_number": number}]
        body = {"label": "production", "items": items, "description": "Shorter", **more}
        made: int = self.ok("post", "/api/releases", who, **body)["number"]
        return made

    def check(self, number: int = 2, state: str = "success", who: str = "ci") -> Any:
        return self.ok("put", f"/api/prompts/{self.prompt}/versions/{number}/checks/eval", who, state=state)

    def label(self) -> int | None:
        labels: dict[str, int] = self.ok("get", f"/api/prompts/{self.prompt}", "ada")["labels"]
        return labels.get("production")


@pytest.fixture
def team(tmp_path: Path) -> Team:
    made = Team(tmp_path / "data")
    made.rule()
    return made


def test_the_whole_way(team: Team) -> None:
    """Opened by one, evaluated by a CI, approved by another, released: each is a commit, and the file tells it."""
    number = team.open()
    shown = team.ok("get", f"/api/releases/{number}", "ci")
    assert shown["state"] == "open" and shown["items"][0]["from"] is None and shown["items"][0]["to"] == 2
    assert len(shown["missing"]) == 2
    problem = team.refused(409, "release_not_ready", "post", f"/api/releases/{number}/release", "bob")
    assert problem["missing"] == shown["missing"]
    team.check()
    assert team.ok("post", f"/api/releases/{number}/approve", "bob", description="Read it")["state"] == "ready"
    released = team.ok("post", f"/api/releases/{number}/release", "bob")
    assert released["state"] == "released" and released["missing"] == [] and released["closed"]["by"] == "bob"
    assert team.label() == 2
    files = git_text(team.folder / "prompts.git", "show", "--name-only", "--format=", "main").split()
    assert files == ["labels/production/support/greeting", f"releases/0/{number}.toml"]
    told = tomllib.loads(git_text(team.folder / "prompts.git", "show", f"main:releases/0/{number}.toml"))
    assert told["state"] == "released" and told["approvals"][0]["owner"] == "bob@example.org"
    assert told["items"] == [
        {"prompt": "support/greeting", "prompt_id": team.prompt, "to": 2, "version_id": told["items"][0]["version_id"]}
    ]
    (move,) = team.ok("get", f"/api/prompts/{team.prompt}/labels/production/history", "ada")
    assert move["to"] == 2 and "outside" not in move


def test_when_ready_the_last_approval_or_check_releases(team: Team) -> None:
    first = team.open(when_ready=True)
    team.ok("post", f"/api/releases/{first}/approve", "bob")
    assert team.label() is None
    team.check()
    shown = team.ok("get", f"/api/releases/{first}", "ada")
    assert (shown["state"], shown["closed"]["by"]) == ("released", "promptgit")
    assert team.label() == 2
    second = team.open(3, when_ready=True)
    team.check(3)
    assert team.label() == 2
    assert team.ok("post", f"/api/releases/{second}/approve", "bob")["state"] == "released"
    assert team.label() == 3


def test_nobody_approves_what_they_made(team: Team) -> None:
    """By owner: as opener, as author or committer of any version on the way, also with another token."""
    number = team.open(2)
    team.refused(403, "self_approval", "post", f"/api/releases/{number}/approve", "ada")
    team.join("ada-2", owner="ada@example.org", may_move=["production"])
    team.refused(403, "self_approval", "post", f"/api/releases/{number}/approve", "ada-2")
    team.join("opener", owner="eve@example.org", may_move=["production"])
    team.ok(
        "put", f"/api/prompts/{team.prompt}", "writer", content="4", author={"name": "B", "email": "Bob@Example.org"}
    )
    other = team.open(4, who="opener")
    team.refused(403, "self_approval", "post", f"/api/releases/{other}/approve", "opener")
    team.refused(403, "self_approval", "post", f"/api/releases/{other}/approve", "bob")
    team.ok("put", f"/api/prompts/{team.prompt}", "opener", content="5")
    team.refused(403, "self_approval", "post", f"/api/releases/{team.open(5)}/approve", "opener")


def test_an_approval_counts_once_for_an_owner(team: Team) -> None:
    team.rule(RULES.replace("approvals = 1", "approvals = 2").replace('checks = ["eval"]', ""))
    number = team.open()
    team.ok("post", f"/api/releases/{number}/approve", "bob")
    before = team.main()
    team.join("bob-2", owner="bob@example.org", may_move=["production"])
    for again in ("bob", "bob-2"):
        assert len(team.ok("post", f"/api/releases/{number}/approve", again)["approvals"]) == 1
    assert team.main() == before
    team.refused(409, "release_not_ready", "post", f"/api/releases/{number}/release", "bob")
    team.refused(403, "label_protected", "post", f"/api/releases/{number}/approve", "writer")
    carol = team.join("carol", may_move=["production"])
    assert team.ok("post", f"/api/releases/{number}/approve", "carol")["state"] == "ready"
    team.tokens.revoke(carol)
    shown = team.ok("get", f"/api/releases/{number}", "ada")
    assert shown["state"] == "open" and [one["counts"] for one in shown["approvals"]] == [True, False]


def test_a_gated_label_moves_in_no_other_way(team: Team) -> None:
    prompt = f"/api/prompts/{team.prompt}"
    team.refused(403, "label_gated", "put", f"{prompt}/labels/production", "ada", version_number=1)
    number = team.open()
    team.check()
    team.ok("post", f"/api/releases/{number}/approve", "bob")
    team.ok("post", f"/api/releases/{number}/release", "bob")
    for who in ("ada", "admin"):
        team.refused(403, "label_gated", "put", f"{prompt}/labels/production", who, version_number=3)
        team.refused(403, "label_gated", "delete", f"{prompt}/labels/production", who)
        team.refused(403, "label_gated", "delete", prompt, who)
        team.refused(403, "label_gated", "patch", prompt, who, name="free/greeting")
    body = {"name": "support/greeting", "prompt": "x", "labels": ["production"]}
    answer = team.call("post", "/api/public/v2/prompts", "ada", **body)
    assert answer.status_code == 403
    team.ok("put", f"{prompt}/labels/staging", "ada", version_number=3)
    team.ok("post", f"{prompt}/versions/1/revert", "ada")
    assert team.label() == 2


def test_who_may_move_nothing_is_told_of_the_gate(team: Team) -> None:
    """The right that a protected label takes would not help."""
    body = {"version_number": 1}
    team.refused(403, "label_gated", "put", f"/api/prompts/{team.prompt}/labels/production", "writer", **body)
    made = team.create("free/other", "ada")
    team.refused(403, "label_protected", "put", f"/api/prompts/{made}/labels/production", "writer", **body)
    promotion = {"from": "latest"}
    team.refused(403, "label_gated", "post", "/api/labels/production/promote", "writer", prefix="support/", **promotion)


def test_checks_among_other_changes_release(team: Team) -> None:
    """A save in the same commit does not hold up what waits for the check."""
    number = team.open(when_ready=True)
    team.ok("post", f"/api/releases/{number}/approve", "bob")
    check = {"name": "support/greeting", "check": "eval", "version_number": 2, "state": "success"}
    save = {"name": "support/greeting", "content": "text 4"}
    team.ok("post", "/api/commits", "ci", changes=[save, check])
    assert (team.label(), team.ok("get", f"/api/releases/{number}", "ada")["state"]) == (2, "released")


def test_a_label_is_not_brought_below_a_gate_by_a_rename(team: Team) -> None:
    made = team.create("free/other", "ada")
    team.ok("put", f"/api/prompts/{made}/labels/production", "ada", version_number=1)
    team.refused(403, "label_gated", "patch", f"/api/prompts/{made}", "ada", name="support/other")


def test_an_override_is_loud(team: Team) -> None:
    prompt = f"/api/prompts/{team.prompt}"
    team.refused(
        403, "forbidden", "put", f"{prompt}/labels/production", "ada", version_number=1, override=True, description="x"
    )
    team.refused(422, "invalid", "put", f"{prompt}/labels/production", "admin", version_number=1, override=True)
    team.ok("put", f"{prompt}/labels/production", "admin", version_number=1, override=True, description="On fire")
    team.ok("patch", prompt, "admin", name="free/greeting", override=True, description="Moved")
    (moved, renamed) = team.ok("get", "/api/releases?state=overridden", "ada")[::-1]
    assert moved["description"] == "On fire" and moved["items"][0]["to"] == 1
    assert renamed["items"] == [{"prompt_id": team.prompt, "name": "free/greeting", "from": 1, "to": 1}]
    assert "outside" not in team.ok("get", f"{prompt}/labels/production/history", "ada")[-1]
    (entry, _) = [one for one in team.ok("get", "/api/access-log", "admin") if one["action"] == "gate_overridden"]
    assert entry["by"]["token"] == "admin"
    assert entry["what"] == {"releases": ["releases/0/1.toml"], "description": "On fire"}


def test_what_has_moved_since_is_outdated(team: Team) -> None:
    team.rule(RULES.replace('checks = ["eval"]', ""))
    first, second = team.open(2), team.open(3)
    team.ok("post", f"/api/releases/{first}/approve", "bob")
    team.ok("post", f"/api/releases/{second}/approve", "bob")
    team.ok("post", f"/api/releases/{first}/release", "bob")
    assert team.ok("get", f"/api/releases/{second}", "ada")["state"] == "outdated"
    team.refused(409, "release_outdated", "post", f"/api/releases/{second}/release", "bob")
    back = team.open(3)
    team.ok("post", f"/api/releases/{back}/approve", "bob")
    team.ok("post", f"/api/releases/{back}/release", "bob")
    rolled = team.ok("post", f"/api/releases/{back}/rollback", "bob", description="Worse")
    assert (rolled["rollback_of"], rolled["state"]) == (back, "released")
    assert team.label() == 2
    assert team.ok("get", f"/api/releases/{second}", "ada")["state"] == "outdated"  # it points there again
    team.refused(409, "rollback_refused", "post", f"/api/releases/{back}/rollback", "bob", description="Again")
    team.refused(409, "rollback_refused", "post", f"/api/releases/{second}/rollback", "bob", description="Never made")


def test_a_pushed_move_is_outside(team: Team) -> None:
    foreign_commit(team.folder / "prompts.git", {"labels/production/support/greeting": b"3\n"}, "Out of hours")
    (move,) = team.ok("get", f"/api/prompts/{team.prompt}/labels/production/history", "ada")
    assert move["outside"] is True
    assert team.label() == 3


@pytest.mark.parametrize(
    "content",
    [b"nonsense", b"a = 1\n", b"\xff", b"#" * 70_000, b"labels = 3\n"],
    ids=["words", "key", "bytes", "size", "type"],
)
def test_rules_that_cannot_be_understood_gate_everything(team: Team, content: bytes) -> None:
    foreign_commit(team.folder / "prompts.git", {"rules.toml": content}, "Oops")
    made = team.create("free/other", "ada")
    team.refused(403, "label_gated", "put", f"/api/prompts/{made}/labels/anything", "admin", version_number=1)
    number = team.open()
    problem = team.refused(409, "release_not_ready", "post", f"/api/releases/{number}/release", "admin")
    assert "rules.toml" in problem["detail"]
    team.rule()
    team.ok("put", f"/api/prompts/{made}/labels/anything", "ada", version_number=1)


def test_rules_are_written_by_administrators_who_have_seen_them(team: Team) -> None:
    got = team.call("get", "/api/rules", "ada")
    assert got.json["labels"] == {"production": {"approvals": 1, "checks": ["eval"], "prefixes": ["support/"]}}
    team.refused(403, "forbidden", "put", "/api/rules", "ada", content="")
    team.refused(422, "invalid", "put", "/api/rules", "admin", content="[labels.latest]\n")
    stale = team.client.put("/api/rules", json={"content": ""}, headers={**team.headers["admin"], "If-Match": '"0"'})
    assert (stale.status_code, stale.json["code"]) == (412, "stale_rules")
    fresh = {**team.headers["admin"], "If-Match": got.headers["ETag"]}
    assert team.client.put("/api/rules", json={"content": "\n"}, headers=fresh).status_code == 200
    create = {**team.headers["admin"], "If-None-Match": "*"}
    assert team.client.put("/api/rules", json={"content": ""}, headers=create).status_code == 412


@pytest.mark.parametrize("name", ["con", "nul.txt", "eval.", "v1.lock", "v1.git"])
def test_rules_that_nobody_could_meet_are_not_written(team: Team, name: str) -> None:
    """No label, and no check, can be set by a name that not every system can check out. What was pushed gates."""
    for content in (f'[labels."{name}"]\n', f'[labels.production]\nchecks = ["eval", "{name}"]\n'):
        refused = team.refused(422, "invalid", "put", "/api/rules", "admin", content=content)
        assert name in refused["errors"]["content"][0]
        foreign_commit(team.folder / "prompts.git", {"rules.toml": content.encode()}, "By hand")
        assert team.ok("get", "/api/rules", "ada")["problems"] == []
    missing = team.ok("get", f"/api/releases/{team.open()}", "ada")["missing"]
    assert any(repr(name) in lack for lack in missing)


def test_a_rewritten_history_shifts_a_released_label(team: Team) -> None:
    """The number in the label's file means another version then: readyz and `promptgit check` say so."""
    team.rule(RULES.replace('checks = ["eval"]', ""))
    number = team.open(3)
    team.ok("post", f"/api/releases/{number}/approve", "bob")
    team.ok("post", f"/api/releases/{number}/release", "bob")
    repository = team.folder / "prompts.git"
    files = {
        path: git_text(repository, "show", f"main:{path}").encode()
        for path in git_text(repository, "ls-tree", "-r", "--name-only", "main").splitlines()
    }
    root = git_text(repository, "rev-list", "--max-parents=0", "main").strip()
    for text in (b"other 1", b"other 2", b"other 3"):
        root = foreign_commit(repository, {"prompts/support/greeting.md": text}, "Again", parent=root)
    foreign_commit(repository, files | {"prompts/support/greeting.md": b"other 4"}, "The rest")
    warnings = team.client.get("/readyz").json["warnings"]
    assert any("label_shifted" in warning and "release 1" in warning for warning in warnings)
    checked = command("check", "--data", str(team.folder))
    assert (checked.returncode, "label_shifted" in checked.stdout) == (1, True)


def test_check_tells_what_goes_past_releases(team: Team) -> None:
    """An outside move, a release and a check that cannot be understood, rules that are wrong."""
    repository = team.folder / "prompts.git"
    version = team.ok("get", f"/api/prompts/{team.prompt}/versions/1", "ada")["id"]
    wrong = {
        "labels/production/support/greeting": b"3\n",
        "releases/0/7.toml": b"state = 1\n",
        f"checks/{version[:2]}/{version[2:]}/eval": b"passed\n",
    }
    foreign_commit(repository, wrong, "By hand")
    foreign_commit(repository, {"rules.toml": b'[labels.production]\napprovals = "one"\n'}, "Rules")
    checked = command("check", "--data", str(team.folder))
    assert checked.returncode == 1
    for words in ("outside: 'production'", "release 7 cannot be understood", "check 'eval'", "approvals is no number"):
        assert words in checked.stdout, checked.stdout
    assert team.ok("get", f"/api/prompts/{team.prompt}/versions/1/checks", "ada") == []
    assert team.open() == 8


def test_the_feed_tells_releases_as_each_commit_left_them(team: Team) -> None:
    """What a receiver needs to know without asking again: what for, what moves, where it stands, who did it."""
    first = team.open()
    team.check()
    team.ok("post", f"/api/releases/{first}/approve", "bob", description="Read it")
    team.ok("post", f"/api/releases/{first}/release", "bob")
    second = team.open(3)
    team.ok("post", f"/api/releases/{second}/reject", "bob", description="Too long")
    team.ok("post", f"/api/releases/{team.open(3)}/withdraw", "writer")
    told = [entry for entry in team.ok("get", "/api/changes?limit=1000", "ci") if entry["type"] == "release"]
    assert [(entry["release"], entry["action"], entry["state"], entry["by"], entry["owner"]) for entry in told] == [
        (1, "opened", "open", "writer", "writer"),
        (1, "approved", "open", "bob", "bob@example.org"),
        (1, "released", "released", "bob", "bob@example.org"),
        (2, "opened", "open", "writer", "writer"),
        (2, "rejected", "rejected", "bob", "bob@example.org"),
        (3, "opened", "open", "writer", "writer"),
        (3, "withdrawn", "withdrawn", "writer", "writer"),
    ]
    assert {entry["release_description"] for entry in told} == {"Shorter"}
    item = {"prompt_id": team.prompt, "name": "support/greeting", "from": None, "to": 2}
    assert [entry["items"] for entry in told] == [[item]] * 3 + [[item | {"from": 2, "to": 3}]] * 4
    commits = team.ok("get", "/api/changes?group=commit&limit=1000", "ci")
    released = next(one for one in commits if one["commit"] == told[2]["commit"])
    assert [change["type"] for change in released["changes"]] == ["label", "release"]
    assert released["changes"][1] == told[2]


def test_a_page_of_large_releases_ends_early(team: Team) -> None:
    """And the next one goes on where it ended."""
    number = team.open()
    file = git_text(team.folder / "prompts.git", "show", f"main:releases/0/{number}.toml")
    head, _, item = file.partition("[[items]]")
    many = (head + f"[[items]]{item}\n" * 1_000).encode()
    for other in range(2, 9):
        foreign_commit(team.folder / "prompts.git", {f"releases/0/{other}.toml": many})
    path = "/api/changes?limit=1000"
    sizes: list[int] = []
    told: list[int] = []
    while path:
        answer = team.call("get", path, "ci")
        steps: list[dict[str, Any]] = [entry for entry in answer.json or () if entry["type"] == "release"]
        told += [entry["release"] for entry in steps]
        sizes.append(sum(len(entry["items"]) for entry in steps))
        path = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert (told, len(sizes), max(sizes)) == ([1, *range(2, 9)], 2, 4_001)


def test_the_checks_of_all_versions_come_in_pages_of_whole_versions(team: Team) -> None:
    for number in (1, 2, 3):
        for check in ("eval", "lint"):
            team.ok("put", f"/api/prompts/{team.prompt}/versions/{number}/checks/{check}", "admin", state="success")
    where = f"/api/prompts/{team.prompt}/checks"
    told = [(one["version_number"], one["check"]) for one in team.ok("get", where, "ada")]
    assert told == [(number, check) for number in (1, 2, 3) for check in ("eval", "lint")]
    page = team.call("get", f"{where}?limit=3", "ada")
    assert [one["version_number"] for one in page.json] == [1, 1] and "after=1" in page.headers["Link"]
    page = team.call("get", f"{where}?limit=1&after=1&before=3", "ada")
    assert [one["version_number"] for one in page.json] == [2, 2]
    assert team.call("get", f"{where}?after=2&before=9", "ada").headers.get("Link") is None
