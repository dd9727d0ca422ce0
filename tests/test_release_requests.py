"""What a request for a release can say: a label to follow, below a folder of names, and nothing that is ignored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.test_releases import Team
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
