"""Bad input over HTTP: each refusal is a problem document, and nothing is written."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import marshmallow as ma
import pytest
from filelock import FileLock
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit import errors
from promptgit.auth.tokens import Scope, Tokens
from promptgit.http.api.fields import AnswerSchema
from promptgit.http.api.problems import STATUS
from promptgit.service.service import Service
from tests.support import git_text, server_errors
from tests.test_api_prompts import create

MISSING = "/api/prompts/0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def nothing_is_written(app: Flask, repository: Path) -> Iterator[None]:
    """One prompt exists before; only that exists after."""
    create(app.test_client(), "there", "content")
    before = git_text(repository, "rev-parse", "main")
    yield
    assert git_text(repository, "rev-parse", "main") == before


def assert_problem(answer: TestResponse, status: int, code: str, said: str = "") -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert {"type", "title", "status", "detail", "code"} <= set(problem)
    assert (problem["status"], problem["code"]) == (status, code)
    assert said in problem["detail"]
    assert problem["detail"][-1] in ".!"
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "line 1, column 2"),
        (b"", "not JSON"),
        (b'{"content": "x"', "not JSON"),
        (b'{"content": "\xff"}', "not UTF-8"),
        ('{"content": "é"}'.encode("utf-16"), "not UTF-8"),
        (b'{"content": NaN}', "NaN"),
        (b"[" * 100_000, "not JSON"),
        (b'{"content": ' + b"9" * 10_000 + b"}", "not JSON"),
    ],
)
def test_what_is_not_json_is_refused(client: FlaskClient, body: bytes, said: str) -> None:
    assert_problem(client.post("/api/prompts", data=body, headers=JSON), 400, "malformed_body", said)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_type_of_body_is_refused(client: FlaskClient, kind: str) -> None:
    for call, path in (("POST", "/api/prompts"), ("PUT", MISSING), ("POST", f"{MISSING}/versions/1/revert")):
        answer = client.open(path, method=call, data=b'{"content": "x"}', headers={"Content-Type": kind})
        assert_problem(answer, 415, "http_unsupported_media_type", "application/json")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ([], "body"),
        ("x", "body"),
        (None, "body"),
        ({"content": 1}, "content"),
        ({"content": None}, "content"),
        ({"content": ["x"]}, "content"),
        ({"content": "x", "nmae": "a"}, "nmae"),
        ({"content": "x", "name": 5}, "name"),
        ({"content": "x", "id": "x"}, "id"),
        ({"content": "x", "description": 5}, "description"),
        ({"content": "x", "author": "Ada"}, "author"),
        ({"content": "x", "author": {"name": "Ada"}}, "author.email"),
        ({"content": "x", "author": {"name": "Ada", "email": "a", "age": 5}}, "author.age"),
        ({"content": "x", "author": {"name": "A<", "email": "a"}}, "author.name"),
        ({"content": "a\0b"}, "content"),
        ({"content": "\ud800"}, "content"),
        ({"content": "x", "description": "\udfff"}, "description"),
        ({"content": "x", "description": "a\0"}, "description"),
        ({"content": "x", "description": "x" * 10_001}, "description"),
        ({"content": "x", "name": "a\udfff"}, "name"),
        ({"content": "x", "id": "{0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b}"}, "id"),
        ({"content": "x", "id": None}, "id"),
        ({"content": "x", "author": None}, "author"),
        ({"content": "x", "\ud800": 1}, "\\ud800"),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(client: FlaskClient, body: Any, field: str) -> None:
    answer = client.post("/api/prompts", data=json.dumps(body), headers=JSON)
    assert answer.status_code == 422
    assert_problem(answer, 422, answer.json["code"], field.split(".")[-1])
    assert list(answer.json["errors"]) == [field]


@pytest.mark.parametrize("name", ["../../etc/passwd", ".git/config", "-x", "CON", "x" * 201, "a\nb", "a:b", "a\u202eb"])
def test_a_name_from_hell_is_refused(client: FlaskClient, name: str) -> None:
    for answer in (create(client, name), client.patch(MISSING, json={"name": name})):
        assert_problem(answer, 422, "invalid_name")
        assert list(answer.json["errors"]) == ["name"]


def test_a_content_that_is_too_large_is_refused(client: FlaskClient) -> None:
    assert_problem(create(client, "a", "é" * 10_001), 413, "content_too_large", "20,002 bytes")
    assert_problem(create(client, "a", "x" * 2_000_000), 413, "http_request_entity_too_large")


@pytest.mark.parametrize("prompt_id", ["x", "0", "3d798a29-5c6e-5ea1-806b", "there", "%00", "a%2Fb", "\u0130" * 36])
def test_an_id_that_is_no_uuid_is_not_found(client: FlaskClient, prompt_id: str) -> None:
    where = f"/api/prompts/{prompt_id}"
    calls = [client.get(where), client.put(where, json={"content": "x"}), client.delete(where)]
    for answer in calls:
        assert_problem(answer, 404, answer.json["code"])


def test_a_prompt_that_does_not_exist_is_not_found(client: FlaskClient) -> None:
    calls = [
        client.get(MISSING),
        client.put(MISSING, json={"content": "x"}),
        client.patch(MISSING, json={"name": "x"}),
        client.delete(MISSING),
        client.get(f"{MISSING}/versions"),
        client.get(f"{MISSING}/versions/1"),
        client.get(f"{MISSING}/versions/1/content"),
        client.post(f"{MISSING}/versions/1/revert"),
        client.get(f"{MISSING}/diff?from=1&to=2"),
    ]
    for answer in calls:
        assert_problem(answer, 404, "prompt_not_found", MISSING[13:])


def test_the_routers_own_refusals_are_problems_too(client: FlaskClient) -> None:
    for path in ("/api", "/api/prompts/", "/nowhere", "/api/prompts/a/b/c"):
        assert_problem(client.get(path), 404, "http_not_found", "/api/prompts")
    answer = client.delete("/api/prompts")
    assert_problem(answer, 405, "http_method_not_allowed", "DELETE")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=1.5",
        "limit=1_0",
        "limit=%EF%BC%91",
        "include=all",
        "offset=3",
        "q=a%00b",
    ],
)
def test_a_query_that_breaks_a_rule_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/prompts?{query}")
    assert_problem(answer, 422, "invalid", next(iter(answer.json["errors"])))


def test_a_lock_that_is_not_had_in_time_is_told(client: FlaskClient, repository: Path) -> None:
    with FileLock(repository.with_name("write.lock")):
        answer = create(client, "a")
        assert client.get("/api/prompts").status_code == 200
    assert_problem(answer, 503, "write_lock_timeout", "try again")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_fault_of_ours_tells_nothing_of_itself(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the traceback, the client has not."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Service, "list", broken)
    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get("/api/prompts")
    assert_problem(answer, 500, "http_internal_server_error")
    assert "secret" not in answer.text
    assert "secret detail" in caplog.text


def test_every_refusal_has_a_status_and_a_code_of_its_own() -> None:
    commands = {errors.BadLine, errors.BackupRefused, errors.HookNotFound, errors.UnusableHooks}
    kinds = server_errors() - commands - {errors.PromptgitError, errors.ChangesRefused}  # which has its first one's
    assert all(any(parent in STATUS for parent in kind.__mro__) for kind in kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_a_head_and_an_options_request_are_answered(client: FlaskClient) -> None:
    assert (client.head("/api/prompts").status_code, client.head("/api/prompts").data) == (200, b"")
    assert client.options("/api/prompts").status_code == 200


def test_every_route_tells_of_a_parameter_that_it_does_not_know(app: Flask, tmp_path: Path) -> None:
    """Also those that read no query. Langfuse's SDKs may send more than is known here."""
    root = {"Authorization": f"Bearer {Tokens(tmp_path / 'data').create('root', Scope.ADMIN)[1]}"}
    client, tried = app.test_client(), 0
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(("/api/", "/beta/")) and not rule.rule.startswith("/api/public/"):
            _, path = rule.build(dict.fromkeys(rule.arguments, "1")) or ("", "")
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                answer = client.open(f"{path}?limmit=1", method=method, json={}, headers=root)
                assert_problem(answer, 422, "invalid", "The field limmit is not known here.")
                tried += 1
    assert tried > 40


def test_every_field_says_in_our_words_what_is_wrong_with_it() -> None:
    """Not in marshmallow's, whichever face it belongs to: a sentence begins with the field."""
    tried = 0
    for schema in schemas_of(ma.Schema):
        if schema.__module__.startswith("promptgit.") and not issubclass(schema, AnswerSchema):
            for value in (None, 7, 7.5, True, "x", "", [], [7], {}, {"x": 1}):
                told: list[str] = []
                with suppress(errors.PromptgitError):  # a change among several: it says what is wrong by itself
                    told += sentences(schema().validate(dict.fromkeys(keys_of(schema()), value)))
                for sentence in told + sentences(schema().validate({})):
                    assert sentence[0].islower() and sentence not in MARSHMALLOWS, (schema, value, sentence)
                    tried += 1
    assert tried > 200


MARSHMALLOWS = {
    sentence
    for kind in vars(ma.fields).values()
    if isinstance(kind, type) and issubclass(kind, ma.fields.Field)
    for sentence in kind.default_error_messages.values()
}


def schemas_of(kind: type[ma.Schema]) -> Iterator[type[ma.Schema]]:
    for child in kind.__subclasses__():
        yield child
        yield from schemas_of(child)


def keys_of(schema: ma.Schema) -> list[str]:
    return [field.data_key or name for name, field in schema.fields.items()]


def sentences(told: object) -> list[str]:
    if isinstance(told, dict):
        return [sentence for value in told.values() for sentence in sentences(value)]
    return [sentence for value in told for sentence in sentences(value)] if isinstance(told, list) else [str(told)]
