"""`POST /api/labels/{label}/promote`: a label to where another one points, in one commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.exchange import checker
from promptgit.settings import Settings
from tests.support import foreign_commit, git_text

Moves = list[tuple[str, int | None, int]]


def save(client: FlaskClient, name: str, versions: int, **labels: int) -> str:
    """A prompt with so many versions and these labels; its id."""
    for number in range(versions):
        prompt = client.put(f"/api/names/{name}", json={"content": f"{name} {number}"}).json
    for label, number in labels.items():
        client.put(f"/api/prompts/{prompt['id']}/labels/{label}", json={"version_number": number})
    return str(prompt["id"])


def promote(client: FlaskClient, source: str, label: str = "production", query: str = "", **body: Any) -> Moves:
    answer = client.post(f"/api/labels/{label}/promote{query}", json={"from": source, **body})
    assert answer.status_code == 200, answer.data
    return [(one["name"], one["from"], one["to"]) for one in answer.json["results"]]


def head(repository: Path) -> str:
    return git_text(repository, "rev-parse", "main")


@pytest.fixture
def prompts(client: FlaskClient) -> dict[str, str]:
    """Ids by name, of prompts with the label staging, but for `none`."""
    return {
        "support/greeting": save(client, "support/greeting", 5, production=3, staging=5),
        "support/new": save(client, "support/new", 2, staging=2),
        "supporter": save(client, "supporter", 2, production=2, staging=1),
        "same": save(client, "same", 1, production=1, staging=1),
        "none": save(client, "none", 1, production=1),
    }


def test_the_label_goes_where_the_other_one_points(
    client: FlaskClient, repository: Path, prompts: dict[str, str]
) -> None:
    """In one commit, by name; what points there already is not in the answer."""
    before = head(repository)
    answer = client.post("/api/labels/production/promote", json={"from": "staging"})
    assert answer.json == {
        "commit": head(repository),
        "results": [
            {"prompt_id": prompts["support/greeting"], "name": "support/greeting", "from": 3, "to": 5},
            {"prompt_id": prompts["support/new"], "name": "support/new", "from": None, "to": 2},
            {"prompt_id": prompts["supporter"], "name": "supporter", "from": 2, "to": 1},
        ],
    }
    assert git_text(repository, "rev-parse", "main^") == before
    assert git_text(repository, "log", "-1", "--format=%B", "main") == (
        "Promote staging to production\n\nsupport/greeting v3 -> v5\nsupport/new nowhere -> v2\nsupporter v2 -> v1"
    )
    assert client.get(f"/api/prompts/{prompts['support/greeting']}").json["labels"] == {"production": 5, "staging": 5}
    assert promote(client, "staging") == []
    again = client.post("/api/labels/production/promote", json={"from": "staging"})
    assert (again.json["commit"], git_text(repository, "rev-parse", "main^")) == (None, before)


@pytest.mark.parametrize("prefix", ["support", "support/"])
def test_a_prefix_is_a_folder_of_names(client: FlaskClient, prompts: dict[str, str], prefix: str) -> None:
    """`support` is not the beginning of `supporter`."""
    assert len(prompts) == 5
    moves = promote(client, "staging", prefix=prefix, description="Evaluated", author={"name": "Ada", "email": "a@x"})
    assert moves == [("support/greeting", 3, 5), ("support/new", None, 2)]
    move = client.get(f"/api/prompts/{prompts['support/new']}/labels/production/history").json[0]
    assert (move["description"], move["author"]["name"]) == ("Evaluated", "Ada")


def test_latest_can_be_followed(client: FlaskClient, prompts: dict[str, str]) -> None:
    assert promote(client, "latest") == [("support/greeting", 3, 5), ("support/new", None, 2)]
    assert len(promote(client, "latest", label="everywhere")) == len(prompts)


def test_a_dry_run_writes_nothing(client: FlaskClient, repository: Path, prompts: dict[str, str]) -> None:
    before = head(repository)
    foreseen = promote(client, "staging", query="?dry_run=true")
    assert (len(foreseen), head(repository)) == (3, before)
    assert promote(client, "staging") == foreseen


def test_the_same_key_gets_the_first_answer(client: FlaskClient, repository: Path, prompts: dict[str, str]) -> None:
    def send(**body: str) -> Any:
        return client.post("/api/labels/production/promote", json=body, headers={"Idempotency-Key": "key"}).json

    first = send(**{"from": "staging"})
    save(client, "support/new", 4, staging=3)
    client.patch(f"/api/prompts/{prompts['supporter']}", json={"name": "other"})
    before = head(repository)
    assert send(**{"from": "staging"}) == first
    assert (head(repository), send(**{"from": "latest"})["code"]) == (before, "key_reused")


@pytest.mark.parametrize(
    ("label", "body", "field"),
    [
        ("latest", {"from": "staging"}, "label"),
        ("Big", {"from": "staging"}, "label"),
        ("con", {"from": "staging"}, "label"),
        ("production", {"from": "No"}, "from"),
        ("production", {"from": "\ud800"}, "from"),
        ("production", {"from": None}, "from"),
        ("production", {}, "from"),
        ("production", {"from": "staging", "prefix": "a:b"}, "prefix"),
        ("production", {"from": "staging", "prefix": "/"}, "prefix"),
        ("production", {"from": "staging", "prefix": "\ud800"}, "prefix"),
        ("production", {"from": "staging", "to": "x"}, "to"),
    ],
)
def test_what_breaks_a_rule_is_refused(
    client: FlaskClient, repository: Path, prompts: dict[str, str], label: str, body: dict[str, object], field: str
) -> None:
    before = head(repository)
    answer = client.post(f"/api/labels/{label}/promote", json=body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    refused = client.post("/api/labels/x/promote", json={"from": "staging"}, headers={"If-Match": '"1"'})
    assert (refused.status_code, head(repository), len(prompts)) == (422, before, 5)


def test_labels_that_point_nowhere_are_left_alone(
    client: FlaskClient, repository: Path, prompts: dict[str, str]
) -> None:
    """Those of names without a prompt, and those past the newest version, which git alone can make."""
    assert len(prompts) == 5
    foreign_commit(repository, {"labels/staging/none": b"7\n", "labels/staging/nobody": b"1\n"})
    assert [name for name, *_ in promote(client, "staging")] == ["support/greeting", "support/new", "supporter"]


def test_a_protected_label_takes_the_right_token(tmp_path: Path) -> None:
    app = create_app(Settings(data=tmp_path / "data", protected_labels="production"))
    client = app.test_client()
    tokens = Tokens(tmp_path / "data")
    ci, mover = (
        {"Authorization": f"Bearer {tokens.create(name, Scope.WRITE, may_move=moves)[1]}"}
        for name, moves in (("ci", ()), ("mover", ("production",)))
    )
    client.put("/api/names/a", json={"content": "x"}, headers=ci)

    def status(headers: dict[str, str], query: str = "") -> int:
        return client.post(
            f"/api/labels/production/promote{query}", json={"from": "latest"}, headers=headers
        ).status_code

    assert (status(ci), status(ci, "?dry_run=true"), status(mover)) == (403, 403, 200)
    assert list(checker.differences(app.extensions["promptgit.store"])) == []
