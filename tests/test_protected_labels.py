"""Protected labels: only those move them who were allowed to, whatever face they come through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.rights import ANYBODY
from promptgit.errors import LabelProtected
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.settings import Settings
from promptgit.store.store import Store
from tests.support import command, foreign_commit, git_text
from tests.test_tokens import bearer

Headers = dict[str, dict[str, str]]


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    settings = Settings(data=tmp_path / "data", lock_timeout=0.2, protected_labels="production, staging")
    return create_app(settings).test_client()


@pytest.fixture
def prompt(client: FlaskClient) -> str:
    """A prompt of two versions; `production` and `free` point at the first."""
    address: str = client.post("/api/prompts", json={"content": "1", "name": "a"}).headers["Location"]
    client.put(address, json={"content": "2"})
    for label in ("production", "free"):
        assert client.put(f"{address}/labels/{label}", json={"version_number": 1}).status_code == 200
    return address


@pytest.fixture
def who(tmp_path: Path, prompt: str) -> Headers:
    """Headers of a writer, of one who may move `production`, and of an administrator."""
    tokens = Tokens(tmp_path / "data")
    return {
        "writer": bearer(tokens.create("writer", Scope.WRITE)[1]),
        "mover": bearer(tokens.create("mover", Scope.WRITE, may_move=["production"])[1]),
        "admin": bearer(tokens.create("admin", Scope.ADMIN)[1]),
    }


def assert_protected(answer: TestResponse, label: str) -> None:
    assert (answer.status_code, answer.json["code"]) == (403, "label_protected")
    assert f"--may-move {label}" in answer.json["detail"]


def move(client: FlaskClient, prompt: str, label: str, number: int, headers: dict[str, str]) -> TestResponse:
    return client.put(f"{prompt}/labels/{label}", json={"version_number": number}, headers=headers)


def test_only_who_was_allowed_to_moves_a_protected_label(client: FlaskClient, prompt: str, who: Headers) -> None:
    assert_protected(move(client, prompt, "production", 2, who["writer"]), "production")
    assert_protected(move(client, prompt, "production", 1, who["writer"]), "production")
    assert_protected(move(client, prompt, "staging", 1, who["mover"]), "staging")
    assert move(client, prompt, "production", 2, who["mover"]).status_code == 200
    assert move(client, prompt, "staging", 1, who["admin"]).status_code == 200
    assert move(client, prompt, "free", 2, who["writer"]).status_code == 200
    labels = client.get(prompt, headers=who["writer"]).json["labels"]
    assert labels == {"production": 2, "staging": 1, "free": 2}


def test_langfuses_api_moves_none_either(client: FlaskClient, prompt: str, who: Headers, repository: Path) -> None:
    """Not by publishing, not by pointing, not by deleting; and who may is git's committer."""
    address = "/api/public/v2/prompts"
    body = {"name": "a", "prompt": "3", "labels": ["production"]}
    refused = [
        client.post(address, json=body, headers=who["writer"]),
        client.patch(f"{address}/a/versions/2", json={"newLabels": ["production"]}, headers=who["writer"]),
        client.delete(f"{address}/a", headers=who["writer"]),
    ]
    assert [(answer.status_code, answer.json["error"]) for answer in refused] == [(403, "ForbiddenError")] * 3
    assert client.get(prompt, headers=who["writer"]).json["labels"] == {"production": 1, "free": 1}
    assert client.post(address, json=body, headers=who["mover"]).status_code == 201
    assert client.delete(f"{address}/a", headers=who["mover"]).status_code == 204
    assert git_text(repository, "log", "-2", "--format=%cn", "main").split() == ["mover", "mover"]


def test_only_who_was_allowed_to_removes_it(client: FlaskClient, prompt: str, who: Headers, repository: Path) -> None:
    before = git_text(repository, "rev-parse", "main")
    assert_protected(client.delete(f"{prompt}/labels/production", headers=who["writer"]), "production")
    assert_protected(client.delete(f"{prompt}/labels/staging", headers=who["writer"]), "staging")
    assert git_text(repository, "rev-parse", "main") == before
    assert client.delete(f"{prompt}/labels/production", headers=who["mover"]).status_code == 204
    assert client.delete(f"{prompt}/labels/free", headers=who["writer"]).status_code == 204


def test_a_prompt_that_has_one_is_deleted_only_by_who_may_move_it(
    client: FlaskClient, prompt: str, who: Headers
) -> None:
    assert_protected(client.delete(prompt, headers=who["writer"]), "production")
    move(client, prompt, "staging", 1, who["admin"])
    assert_protected(client.delete(prompt, headers=who["mover"]), "staging")
    assert client.get(prompt, headers=who["writer"]).status_code == 200
    client.delete(f"{prompt}/labels/staging", headers=who["admin"])
    assert client.delete(prompt, headers=who["mover"]).status_code == 204
    assert client.delete(prompt, headers=who["writer"]).status_code == 204, "it is deleted already"


def test_a_rename_takes_it_along(client: FlaskClient, prompt: str, who: Headers) -> None:
    renamed = client.patch(prompt, json={"name": "b"}, headers=who["writer"])
    assert renamed.json["labels"] == {"production": 1, "free": 1}
    again = client.post("/api/prompts", json={"name": "a", "content": "x"}, headers=who["writer"])
    assert again.json["labels"] == {}


def test_where_nobody_needs_a_token_everybody_moves_it(client: FlaskClient, prompt: str) -> None:
    assert move(client, prompt, "production", 2, {}).status_code == 200
    assert client.delete(prompt).status_code == 204


def test_what_git_pushes_is_not_refused(client: FlaskClient, prompt: str, who: Headers, repository: Path) -> None:
    foreign_commit(repository, {"labels/production/a": b"2\n"})
    assert client.get(prompt, headers=who["writer"]).json["labels"]["production"] == 2


def test_who_says_nothing_of_what_they_may_move_moves_none(store: Store) -> None:
    """A face that forgets it is refused."""
    service = Service(store, 100, frozenset({"production"}))
    prompt = service.create("1")
    with pytest.raises(LabelProtected):
        service.labels.point(prompt.id, "production", 1, attribution=Attribution())
    service.labels.point(prompt.id, "production", 1, attribution=Attribution(rights=ANYBODY))
    with pytest.raises(LabelProtected):
        service.delete(prompt.id)


def test_the_command_line_makes_such_tokens(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    scope = ("--scope", "write")
    moves = ("--may-move", "staging", "--may-move", "production", "--may-move", "staging")
    assert command("token", "create", "rae", *scope, *moves, *data).returncode == 0
    assert "rae  (may move production, staging)" in command("token", "list", *data).stdout
    (record,) = json.loads((tmp_path / "data" / "tokens.json").read_text())["tokens"]
    assert record["may_move"] == ["production", "staging"]
    done = command("token", "create", "x", *scope, "--may-move", "Production", *data)
    assert (done.returncode, "may_move" in done.stderr) == (1, True)


def test_the_api_makes_such_tokens(client: FlaskClient, prompt: str, who: Headers) -> None:
    body: dict[str, Any] = {"name": "ci", "scope": "write", "may_move": ["staging"]}
    made = client.post("/api/tokens", json=body, headers=who["admin"])
    assert (made.status_code, made.json["may_move"]) == (201, ["staging"])
    assert move(client, prompt, "staging", 1, bearer(made.json["token"])).status_code == 200
    listed = client.get("/api/tokens", headers=who["admin"]).json
    assert [one["may_move"] for one in listed] == [[], ["production"], [], ["staging"]]
    for wrong in ({"may_move": ["latest"]}, {"may_move": ["A"]}, {"may_move": "staging"}):
        answer = client.post("/api/tokens", json=body | {"name": "other"} | wrong, headers=who["admin"])
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["may_move"])


def test_tokens_from_before_move_none_and_check_none(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "data")
    _, secret = tokens.create("old", Scope.WRITE)
    stored = json.loads(tokens.path.read_text())
    del stored["tokens"][0]["may_move"], stored["tokens"][0]["may_check"], stored["seal"]
    tokens.path.write_text(json.dumps(stored))
    found = tokens.authenticate(secret)
    assert found and (found.may_move, found.may_check) == ((), ())


def test_tokens_say_which_checks_they_may_set(client: FlaskClient, who: Headers, tmp_path: Path) -> None:
    """As they do of labels; an administrator may set all."""
    data = ("--data", str(tmp_path / "data"))
    assert command("token", "create", "eval", "--scope", "write", "--may-check", "eval", *data).returncode == 0
    assert "eval  (may check eval)" in command("token", "list", *data).stdout
    body: dict[str, Any] = {"name": "ci", "scope": "write", "may_check": ["lint", "eval", "lint"]}
    assert client.post("/api/tokens", json=body, headers=who["admin"]).json["may_check"] == ["eval", "lint"]
    rights = {token.name: token.rights.may_check for token in Tokens(tmp_path / "data").all()}
    few = frozenset({"eval"})
    assert (rights["eval"], rights["ci"], rights["writer"]) == (few, few | {"lint"}, few - few)
    assert rights["admin"] is None
    for wrong in (["A"], ["a b"], [""], ["x" * 37], "eval"):
        answer = client.post("/api/tokens", json=body | {"name": "x", "may_check": wrong}, headers=who["admin"])
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["may_check"])


@pytest.mark.parametrize("text", ["Production", "a b", "latest", "a;b", "production,Ä"])
def test_what_is_no_label_cannot_be_protected(text: str) -> None:
    """Else a slip of the pen would leave one unprotected."""
    with pytest.raises(ValueError, match="PROMPTGIT_PROTECTED_LABELS"):
        Settings.from_environment({"PROMPTGIT_PROTECTED_LABELS": text})


def test_labels_to_protect_are_listed_with_commas() -> None:
    for text, labels in (("", set()), (" a ,b,", {"a", "b"}), ("a", {"a"})):
        assert Settings.from_environment({"PROMPTGIT_PROTECTED_LABELS": text}).protected == labels
