"""What a request for a release can say: a label to follow, below a folder of names, and nothing that is ignored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support import foreign_commit, git_text
from tests.test_releases import RULES, Team
from tests.test_releases import team as team

OPENING = {"label": "production", "description": "Shorter"}


@pytest.mark.parametrize("prefix", ["support", "support/"])
def test_a_prefix_is_a_folder_of_names(team: Team, prefix: str) -> None:
    """For a release as for a promotion: by segment, and neither means `supporter`."""
    team.rule('[labels."production"]\n')
    for name in ("supporter", "support/bye"):
        team.create(name, "ada")
    followed = {"from": "latest", "prefix": prefix}
    moves = team.ok("post", "/api/labels/staging/promote?dry_run=true", "ada", **followed)["results"]
    items = team.ok("post", "/api/releases", "writer", **OPENING, **followed)["items"]
    assert items == moves and [one["name"] for one in items] == ["support/bye", "support/greeting"]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"from": "Staging"}, "from"),
        ({"from": "\ud800"}, "from"),
        ({"from": ""}, "from"),
        ({"from": "latest", "prefix": "\ud800"}, "prefix"),
        ({"from": "latest", "prefix": "a:b"}, "prefix"),
        ({"from": "latest", "prefix": "/"}, "prefix"),
        ({"items": [1], "prefix": "support/"}, "prefix"),
        ({"items": [1], "from": "latest"}, "items"),
        ({}, "items"),
    ],
)
def test_what_breaks_a_rule_is_told_by_its_field(team: Team, sent: dict[str, Any], field: str) -> None:
    if "items" in sent:
        sent = sent | {"items": [{"prompt_id": team.prompt, "version_number": 2}]}
    refused = team.refused(422, "invalid", "post", "/api/releases", "writer", **OPENING, **sent)
    assert list(refused["errors"]) == [field]


@pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
def test_preconditions_are_refused_where_they_say_nothing(team: Team, header: str) -> None:
    """Rather than ignored: somebody would trust in them."""
    number = team.open()
    release = f"/api/releases/{number}"
    before = team.main()
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("put", f"/api/prompts/{team.prompt}/versions/2/checks/eval", {"state": "success"}),
        ("post", "/api/releases", OPENING | {"from": "latest"}),
        *(("post", f"{release}/{step}", {}) for step in ("approve", "reject", "withdraw", "release")),
        ("post", f"{release}/rollback", {"description": "Worse"}),
    ]
    for method, path, body in calls:
        for tag in ('"1"', "*"):
            sent = {**team.headers["admin"], header: tag}
            answer = getattr(team.client, method)(path, json=body, headers=sent)
            assert (answer.status_code, list(answer.json["errors"])) == (422, [header]), (path, answer.json)
    assert team.main() == before


def test_a_rollback_tells_where_its_release_is(team: Team) -> None:
    team.rule('[labels."production"]\napprovals = 0\n')
    for number in (1, 2):
        team.ok("post", f"/api/releases/{team.open(number)}/release", "bob")
    answer = team.call("post", "/api/releases/2/rollback", "bob", description="Worse")
    assert (answer.status_code, answer.json["number"]) == (200, 3)
    assert answer.headers["Location"] == "/api/releases/3"
    assert team.ok("get", answer.headers["Location"], "bob")["rollback_of"] == 2


def test_what_lies_in_the_way_is_told_and_documented(team: Team) -> None:
    """A push put a file where a folder would be: each write that needs the folder is refused as the document says."""
    document = json.loads(team.client.get("/openapi.json").data)

    def blocked(method: str, route: str, path: str, **body: Any) -> None:
        team.refused(409, "path_blocked", method, path, "admin", **body)
        told = document["paths"][route][method]["responses"]["409"]["$ref"]
        assert "PathBlocked" in told.rpartition("/")[2].split("_"), told

    team.rule('[labels."production"]\napprovals = 0\n')
    number = team.open()
    prompt, release = f"/api/prompts/{team.prompt}", f"/api/releases/{number}"
    version = team.ok("get", f"{prompt}/versions/1", "ada")["id"]
    team.ok("put", f"{prompt}/labels/staging", "ada", version_number=1)
    push(team, {"labels/production/support": b"1\n"})
    blocked("post", "/api/releases/{release}/release", f"{release}/release")
    items = [{"prompt_id": team.prompt, "version_number": 2}]
    blocked("post", "/api/releases", "/api/releases", **OPENING, items=items, when_ready=True)
    push(team, {"labels/production/support": None})
    team.ok("post", f"{release}/release", "admin")
    team.ok("post", f"/api/releases/{team.open(3)}/release", "admin")
    push(team, {"releases/1": b"", "releases/0/999.toml": file_of(team, 1), f"checks/{version[:2]}": b""})
    why: dict[str, Any] = {"override": True, "description": "On fire"}
    blocked("post", "/api/releases", "/api/releases", **OPENING, items=items)
    blocked("post", "/api/releases/{release}/rollback", "/api/releases/2/rollback", description="Worse")
    blocked("put", "/api/prompts/{prompt_id}/labels/{label}", f"{prompt}/labels/production", version_number=1, **why)
    blocked("delete", "/api/prompts/{prompt_id}/labels/{label}", f"{prompt}/labels/production", **why)
    blocked("patch", "/api/prompts/{prompt_id}", prompt, name="support/other", **why)
    blocked("delete", "/api/prompts/{prompt_id}", prompt, **why)
    check = "/api/prompts/{prompt_id}/versions/{number}/checks/{check}"
    blocked("put", check, f"{prompt}/versions/1/checks/eval", state="success")
    push(team, {"rules.toml": None, "rules.toml/x": b""})
    blocked("put", "/api/rules", "/api/rules", content=RULES)


def push(team: Team, files: dict[str, bytes | None]) -> None:
    foreign_commit(team.folder / "prompts.git", files)


def file_of(team: Team, number: int) -> bytes:
    return git_text(team.folder / "prompts.git", "show", f"main:releases/0/{number}.toml").encode()
