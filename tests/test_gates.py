"""No way around a gate: every route that writes, and every kind of change, against a gated label.

The table of `test_prefixes` names each route that takes the scope `write`. A new one fails there, and here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.names import id_of
from promptgit.settings import Settings
from tests.support import foreign_commit, git_text
from tests.test_pages_signing import csrf_of, sign_in
from tests.test_prefixes import WRITES
from tests.test_tokens import bearer

GATED, FREE = "support/greeting", "free/greeting"
RULES = b'[labels.production]\napprovals = 2\nprefixes = ["support/"]\n[labels.everywhere]\n'
ARGUMENTS = {
    "prompt_id": id_of(GATED),
    "number": "1",
    "label": "production",
    "name": GATED,
    "check": "eval",
    "release": "1",
}
# What goes around the gate if anything does, for the routes to which the address alone does not say it.
BODIES: dict[str, Any] = {
    "/api/prompts": {"name": GATED, "content": "3"},
    "/api/prompts/<prompt_id>": {"content": "3", "name": FREE + "2"},
    "/api/prompts/<prompt_id>/labels/<label>": {"version_number": 2},
    "/api/labels/<label>/promote": {"from": "latest"},
    "/api/public/v2/prompts": {"name": GATED, "prompt": "3", "labels": ["production"]},
    "/api/public/v2/prompts/<path:name>/versions/<number>": {"newLabels": ["production"]},
}
FORM = {
    "name": FREE + "3",
    "content": "4",
    "label": "production",
    "version_number": "2",
    "pointed": "1",
    "version": "2",
}
FORM |= {"from": "latest", "to": "production", "prefix": "support/", "source": "latest", "target": "production"}
CHANGES: list[list[dict[str, Any]]] = [
    [{"name": GATED, "label": "production", "version_number": 2}],
    [{"name": GATED, "label": "production", "version_number": "new"}, {"name": GATED, "content": "5"}],
    [{"name": GATED, "label": "production", "version_number": None}],
    [{"name": GATED, "rename_to": "free/other"}],
    [{"name": GATED, "delete": True}],
    [{"name": "support/new", "content": "x"}, {"name": "support/new", "label": "production", "version_number": "new"}],
    [{"name": FREE, "rename_to": "support/brought"}],
    [{"name": FREE, "label": "everywhere", "version_number": 1}],
    [{"name": GATED, "content": "6"}, {"name": GATED, "label": "everywhere", "version_number": 1}],
    [
        {"name": GATED, "check": "eval", "version_number": 2, "state": "success"},
        {"name": GATED, "label": "production", "version_number": 2},
    ],
]


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """A service in which `production` shows version 1 of a prompt below the gate and of one that is not."""
    client = create_app(Settings(data=tmp_path / "data", lock_timeout=5)).test_client()
    for name in (GATED, FREE):
        where = client.post("/api/prompts", json={"name": name, "content": "1"}).headers["Location"]
        client.put(where, json={"content": "2"})
        client.put(f"{where}/labels/production", json={"version_number": 1})
    foreign_commit(tmp_path / "data" / "prompts.git", {"rules.toml": RULES}, "Gate")
    items = [{"prompt_id": id_of(GATED), "version_number": 2}]
    for when_ready in (False, True):
        body = {"label": "production", "items": items, "description": "All", "when_ready": when_ready}
        assert client.post("/api/releases", json=body).status_code == 201
    return client


def labels_below_the_gate(folder: Path) -> str:
    """The label files that rules gate, each with its blob; of `everywhere`, too."""
    return git_text(folder / "prompts.git", "ls-tree", "-r", "main", "labels/production/support/", "labels/everywhere/")


@pytest.mark.parametrize("scope", [Scope.WRITE, Scope.ADMIN])
def test_no_route_moves_a_gated_label(
    client: FlaskClient, tmp_path: Path, scope: Scope, record_property: Callable[[str, object], None]
) -> None:
    """Neither the token that may move it nor an administrator who does not override: not by any route."""
    may_move = ["production", "everywhere"] if scope == Scope.WRITE else []
    _, secret = Tokens(tmp_path / "data").create("mover", scope, may_move=may_move)
    before = labels_below_the_gate(tmp_path / "data")
    sign_in(client, secret)
    tried = 0
    for rule in client.application.url_map.iter_rules():
        for method in rule.methods or ():
            if (method, rule.rule) in WRITES:
                body = BODIES.get(rule.rule, WRITES[method, rule.rule] or {"description": "x"})
                commit = client.get(f"/api/names/{GATED}", headers=bearer(secret)).json["commit"]
                form = FORM | {"csrf_token": csrf_of(client.get("/")), "commit": commit}
                is_page = WRITES[method, rule.rule] is None
                sent: dict[str, Any] = {"data": form} if is_page else {"json": body, "headers": bearer(secret)}
                answer = client.open(_path(rule), method=method, **sent)
                assert answer.status_code < 500, (method, rule.rule, answer.text)
                assert labels_below_the_gate(tmp_path / "data") == before, (method, rule.rule, answer.text)
                tried += 1
    assert tried == len(WRITES)
    record_property("routes that write, against a gate", tried)


@pytest.mark.parametrize("changes", CHANGES)
def test_no_change_among_others_moves_one(client: FlaskClient, tmp_path: Path, changes: list[dict[str, Any]]) -> None:
    _, secret = Tokens(tmp_path / "data").create("admin", Scope.ADMIN)
    main = git_text(tmp_path / "data" / "prompts.git", "rev-parse", "main")
    answer = client.post("/api/commits", json={"changes": changes}, headers=bearer(secret))
    assert (answer.status_code, "label_gated" in answer.text) == (403, True), answer.text
    assert git_text(tmp_path / "data" / "prompts.git", "rev-parse", "main") == main


def test_what_moves_no_gated_label_goes_on(client: FlaskClient, tmp_path: Path) -> None:
    """Saves, reverts, other labels, and the same label of prompts that no rule gates."""
    _, secret = Tokens(tmp_path / "data").create("mover", Scope.WRITE, may_move=["production"])
    headers = bearer(secret)
    gated, free = f"/api/prompts/{id_of(GATED)}", f"/api/prompts/{id_of(FREE)}"
    assert client.put(gated, json={"content": "3"}, headers=headers).status_code == 200
    assert client.post(f"{gated}/versions/1/revert", headers=headers).status_code == 200
    assert client.put(f"{gated}/labels/staging", json={"version_number": 2}, headers=headers).status_code == 200
    assert client.put(f"{free}/labels/production", json={"version_number": 2}, headers=headers).status_code == 200
    assert client.patch(free, json={"name": "free/other"}, headers=headers).status_code == 200
    assert client.delete(free, headers=headers).status_code == 204


def _path(rule: Rule) -> str:
    _, path = rule.build({name: ARGUMENTS[name] for name in rule.arguments}) or ("", "")
    return path
