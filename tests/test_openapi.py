"""The OpenAPI document says what the service does: its routes, its answers, its refusals; and /docs shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import openapi_spec_validator
import pytest
from filelock import FileLock
from flask import Flask
from flask.testing import FlaskClient

from promptgit.auth.tokens import Scope, Tokens
from promptgit.http.api import problems, refusals
from tests.support import Answer, Http, Server

# What Flask serves and no client calls by itself.
UNDOCUMENTED = {"/docs/<file>", "/prompts.git", "/prompts.git/", "/prompts.git/<path:_path>"}
# Pages for people, and what Langfuse and the Model Context Protocol document.
OF_OTHERS = ("web.", "langfuse.", "mcp.")
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(client.get("/openapi.json").data)
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, described in document["paths"].items():
        for method in METHODS & described.keys():
            yield method.upper(), path, described[method]


def resolve(document: dict[str, Any], node: dict[str, Any]) -> Any:
    """What a reference stands for."""
    while "$ref" in node:
        found: Any = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            found = found[key]
        node = found
    return node


def check(document: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    """Refuse a value that breaks its schema, or has what the schema does not tell of."""
    for item, shape in [(each, schema["items"]) for each in value] if isinstance(value, list) else [(value, schema)]:
        whole = {"allOf": [shape], "unevaluatedProperties": False, "components": document["components"]}
        jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(item)


class Checked:
    """A client that holds each answer against the document."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._document = http("GET", "/openapi.json").json
        self.seen: set[tuple[str, str, int, str]] = set()

    def __call__(self, status: int, method: str, path: str, body: object = None, **options: Any) -> Answer:
        answer = self._http(method, path, body, **options)
        assert answer.status == status, answer.body
        template, described = self._operation(method, path.partition("?")[0])
        response = resolve(self._document, described["responses"][str(status)])
        for name, header in response.get("headers", {}).items():
            header = resolve(self._document, header)
            assert name in answer.headers or not header["required"], name
        if "content" not in response:
            assert answer.body == b""
            return answer
        kind = answer.headers["Content-Type"].partition(";")[0]
        value = answer.json if kind.endswith("json") else answer.body.decode("latin-1")
        check(self._document, response["content"][kind]["schema"], value)
        code = value["code"] if kind == problems.MEDIA_TYPE else kind
        self.seen.add((method, template, status, code))
        return answer

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        for known, template, described in operations(self._document):
            if known == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
                return template, described
        raise AssertionError(f"{method} {path} is not in the document")


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    openapi_spec_validator.validate(document)
    assert document["openapi"].startswith("3.1.")


def test_every_route_is_in_it(app: Flask, document: dict[str, Any]) -> None:
    """A route that is missing: mark its view with `promptgit.http.api.openapi.operation`."""
    routes = {
        (method, re.sub(r"<(?:\w+(?:\(.*?\))?:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in UNDOCUMENTED and not rule.endpoint.startswith(OF_OTHERS)
    }
    assert {(method, path) for method, path, _ in operations(document)} == routes


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    ids = [described["operationId"] for *_, described in operations(document)]
    assert len(ids) == len(set(ids))
    for method, path, described in operations(document):
        assert described["summary"].endswith("."), path
        for parameter in described["parameters"]:
            assert parameter["description"], (path, parameter)
        for status, response in described["responses"].items():
            response = resolve(document, response)
            assert response["description"], (path, status)
            if int(status) >= 400:
                assert list(response["content"]) == [problems.MEDIA_TYPE]
        assert "500" in described["responses"]
        guarded = described.get("security", document["security"]) != []
        assert guarded == ({"401", "403", "429"} <= described["responses"].keys()), (method, path)


def test_every_example_keeps_its_schema(document: dict[str, Any]) -> None:
    shapes, examples = document["components"]["schemas"], document["components"]["examples"]
    for name, example in examples.items():
        check(document, {"$ref": f"#/components/schemas/{name}"}, example["value"])
    fields = [field for shape in shapes.values() for field in shape.get("properties", {}).values()]
    parameters = [parameter for *_, described in operations(document) for parameter in described["parameters"]]
    for field in fields + [parameter["schema"] for parameter in parameters]:
        for value in field.get("examples", []):
            check(document, field, value)


def test_every_refusal_of_the_table_has_an_example() -> None:
    """A kind that is missing: add one to `promptgit.http.api.refusals`."""
    abstract = {"unavailable"}
    assert {kind for kind in problems.STATUS if kind.code not in abstract} <= refusals.EXAMPLES.keys()


def test_answers_are_what_it_says(tmp_path: Path) -> None:
    """Every status and every kind of refusal that a client can bring about, with all headers, and no key more."""
    settings = {"PROMPTGIT_LOCK_TIMEOUT": "0.2", "PROMPTGIT_MAX_CONTENT_BYTES": "1000"}
    with Server(tmp_path / "data", **settings, PROMPTGIT_PROTECTED_LABELS="protected") as server:
        call = Checked(Http(server.url))
        missing = "/api/prompts/0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
        created = call(201, "POST", "/api/prompts", {"name": "a/b", "content": "x\n"})
        where = created.headers["Location"]
        call(201, "POST", "/api/prompts", {"content": "y", "author": {"name": "Ada", "email": ""}})
        call(409, "POST", "/api/prompts", {"name": "A/b", "content": "x"})
        call(422, "POST", "/api/prompts", {"name": "a:b", "content": "x"})
        call(422, "POST", "/api/prompts", {"content": "x", "nmae": "a"})
        call(413, "POST", "/api/prompts", {"content": "x" * 1_001})
        call(413, "POST", "/api/prompts", {"content": "x" * 2_000_000})
        call(400, "POST", "/api/prompts", raw=b"{")
        call(415, "POST", "/api/prompts", raw=b"{}", headers={"Content-Type": "text/plain"})
        with FileLock(tmp_path / "data" / "write.lock"):
            call(503, "POST", "/api/prompts", {"content": "x"})
        for query in ("", "?include=content", "?limit=1"):
            call(200, "GET", f"/api/prompts{query}")
        call(422, "GET", "/api/prompts?offset=1")
        call(200, "GET", where)
        call(304, "GET", where, headers={"If-None-Match": created.headers["ETag"]})
        call(404, "GET", missing)
        call(404, "GET", "/api/prompts/x")
        call(200, "PUT", where, {"content": "x\nz\r\n", "description": "More"})
        call(412, "PUT", where, {"content": "w"}, headers={"If-Match": '"1"'})
        call(412, "PUT", where, {"content": "w"}, headers={"If-Match": 'W/"2"'})
        call(200, "PATCH", where, {"name": "c"})
        call(422, "PATCH", where, {"name": "con"})
        for query in ("", "?limit=1", "?order=desc"):
            call(200, "GET", f"{where}/versions{query}")
        call(422, "GET", f"{where}/versions?limit=0")
        for part in ("", "/content", "/blame"):
            version = call(200, "GET", f"{where}/versions/1{part}")
            call(304, "GET", f"{where}/versions/1{part}", headers={"If-None-Match": version.headers["ETag"]})
            call(404, "GET", f"{where}/versions/0{part}")
        for name, dropped in (("dotprompt", None), ("prompty", '["line ends other than LF"]')):
            converted = call(200, "GET", f"{where}/versions/2/content?format={name}")
            assert converted.headers.get("Promptgit-Dropped") == dropped
            again = {"If-None-Match": converted.headers["ETag"]}
            call(304, "GET", f"{where}/versions/2/content?format={name}", headers=again)
        call(422, "GET", f"{where}/versions/2/content?format=xml")
        call(200, "GET", f"{where}/diff?from=1&to=2")
        call(200, "GET", f"{where}/diff?from=1&to=2", headers={"Accept": "text/x-diff"})
        call(404, "GET", f"{where}/diff?from=1&to=3")
        assert call(200, "GET", f"{where}/usage").json
        call(404, "GET", f"{missing}/usage")
        call(422, "GET", f"{where}/diff?from=1")
        used = call(201, "POST", "/api/prompts", {"name": "used", "content": "x"}).json["id"]
        refers = {"name": "refers", "content": "@@@langfusePrompt:name=used|label=latest@@@"}
        refers["id"] = call(201, "POST", "/api/prompts", refers).json["id"]
        for of in (used, refers["id"]):
            call(200, "GET", f"/api/prompts/{of}/references")
        for part in ("", "/versions/1", "/versions/1/content", "/labels/latest"):
            call(200, "GET", f"/api/prompts/{refers['id']}{part}?resolve=true")
        call(200, "GET", "/api/prompts?include=content&resolve=true")
        call(409, "DELETE", f"/api/prompts/{used}")
        call(204, "DELETE", f"/api/prompts/{used}", {"force": True})
        call(409, "GET", "/api/names/refers?resolve=true")
        call(410, "GET", f"/api/prompts/{used}/references")
        call(204, "DELETE", f"/api/prompts/{refers['id']}")
        label = f"{where}/labels/production"
        call(404, "GET", label)
        call(200, "PUT", label, {"version_number": 1})
        call(422, "PUT", f"{where}/labels/latest", {"version_number": 1})
        call(404, "PUT", label, {"version_number": 9})
        call(200, "GET", label)
        call(204, "DELETE", label)
        call(200, "GET", f"{label}/history")
        call(200, "GET", f"{where}/labels")
        tip = call(200, "GET", "/api/changes").headers["X-Last-Commit"]
        call(404, "GET", f"/api/names/c?at={tip[::-1]}")
        for path in ("/api/prompts", where, "/api/names/c", f"{where}/labels", f"{where}/labels/latest"):
            call(200, "GET", f"{path}?at={tip}")
            call(404, "GET", f"{path}?at=1999-12-31T23:59:59Z")
            call(422, "GET", f"{path}?at=now")
        litellm(call)
        call(204, "DELETE", where, {"description": "Not needed"})
        call(410, "GET", where)
        call(410, "PUT", where, {"content": "x"})
        call(200, "POST", f"{where}/versions/1/revert")
        call(404, "POST", f"{where}/versions/3x/revert")
        commits(call, where)
        once = {"Idempotency-Key": "once"}
        call(200, "PUT", where, {"content": "x\n!\n"}, headers=once)
        call(409, "PUT", where, {"content": "?"}, headers=once)
        call(422, "PUT", where, {"content": "?"}, headers={"Idempotency-Key": "two words"})
        call(404, "GET", "/api/rules")
        checks = f"{where}/versions/1/checks"
        call(404, "GET", f"{checks}/eval")
        call(200, "PUT", f"{checks}/eval", {"state": "success", "url": "https://ci.example.org/1"})
        call(200, "GET", f"{checks}/eval")
        call(200, "GET", checks)
        call(200, "GET", f"{where}/checks?before=9")
        call(200, "GET", "/api/changes?limit=1")
        call(422, "GET", "/api/changes?group=prompt")
        call(404, "GET", f"/api/changes?after={'0' * 40}")
        call(400, "GET", where, headers={"Promptgit-Head": "x"})
        call(409, "GET", where, headers={"Promptgit-Head": f"1-{'0' * 40}"})
        call(201, "PUT", "/api/names/named", {"content": "?"})
        call(404, "GET", "/api/names/nowhere")
        call(421, "GET", where, headers={"Host": "evil.example"})
        call(403, "GET", where, headers={"Origin": "http://evil.example"})
        for path in ("/healthz", "/readyz", "/metrics", "/prompts.git/info/refs?service=git-upload-pack"):
            call(200, "GET", path)
        call(403, "GET", "/prompts.git/info/refs")
        call(403, "POST", "/prompts.git/git-receive-pack", raw=b"0000")
        call(400, "POST", "/prompts.git/git-upload-pack", raw=b"0000")
        page = call(200, "GET", "/docs")
        call(304, "GET", "/openapi.json", headers={"If-None-Match": call(200, "GET", "/openapi.json").headers["ETag"]})
        secret = Tokens(tmp_path / "data").create("root", Scope.ADMIN)[1]
        root = {"Authorization": f"Bearer {secret}"}
        call(400, "GET", "/api/prompts", headers={"Host": "localhost,localhost"})
        call(401, "GET", where)
        made = call(201, "POST", "/api/tokens", {"name": "ci", "scope": "read", "expires": "1h"}, headers=root)
        call(403, "PUT", where, {"content": "x"}, headers={"Authorization": f"Bearer {made.json['token']}"})
        call(409, "POST", "/api/tokens", {"name": "ci", "scope": "read"}, headers=root)
        call(422, "POST", "/api/tokens", {"name": "x", "scope": "all"}, headers=root)
        body = {"name": "mover", "scope": "write", "may_move": ["staging"]}
        mover = {"Authorization": f"Bearer {call(201, 'POST', '/api/tokens', body, headers=root).json['token']}"}
        call(200, "PUT", f"{where}/labels/staging", {"version_number": 1}, headers=mover)
        call(403, "PUT", f"{where}/labels/protected", {"version_number": 1}, headers=mover)
        call(403, "DELETE", f"{where}/labels/protected", headers=mover)
        body = {"name": "sales", "scope": "write", "write_prefix": ["sales/"]}
        sales = {"Authorization": f"Bearer {call(201, 'POST', '/api/tokens', body, headers=root).json['token']}"}
        call(403, "PUT", where, {"content": "x"}, headers=sales)
        protected = {"name": "several/a", "label": "protected", "version_number": 1}
        call(403, "POST", "/api/commits", {"changes": [protected]}, headers=mover)
        call(403, "POST", "/api/labels/protected/promote", {"from": "latest"}, headers=mover)
        call(403, "POST", "/api/commits", {"changes": [protected | {"label": "x"}]}, headers=sales)
        call(403, "POST", "/api/labels/x/promote", {"from": "latest"}, headers=sales)
        call_releases(call, where, created.json["id"], root, mover)
        kinds = {change["type"] for change in call(200, "GET", "/api/changes", headers=root).json}
        assert kinds == {"version", "label", "rename", "delete", "restore", "check", "release", "rules"}
        grouped = call(200, "GET", "/api/changes?group=commit", headers=root).json
        assert kinds == {change["type"] for commit in grouped for change in commit["changes"]}
        call(204, "DELETE", f"/api/tokens/{made.json['id']}", headers=root)
        call(404, "DELETE", "/api/tokens/none", headers=root)
        call(200, "GET", "/api/tokens", headers=root)
        call(200, "GET", "/api/access-log?limit=1", headers=root)
        call(422, "GET", "/api/access-log?limit=0", headers=root)
        call(200, "GET", "/api/people", headers=root)
        call(404, "DELETE", "/api/people/nobody/sessions", headers=root)
        call(400, "PUT", "/api/names/caf%e9", {"content": "x"}, headers=root)
    assert "text/html" in page.headers["Content-Type"]
    codes = {code for *_, status, code in call.seen if status >= 400}
    elsewhere = {
        "write_contended",
        "index_busy",
        "storage_failed",
        "storage_full",
        "unusable_repository",
        "path_blocked",
    }
    elsewhere |= {"damaged", "signing_failed", "not_ready", "unusable_tokens", "too_many_failures", "clones_busy"}
    elsewhere |= {"blame_timeout"}
    elsewhere |= {"upstream_unavailable", "upstream_refused", "head_not_reached", "managed_elsewhere"}
    elsewhere |= {"sign_in_refused", "user_header_refused", "provider_unavailable"}  # of pages
    elsewhere |= {"git_request_too_large", "name_not_found", "main_locked", "outcome_unknown", "too_many_writers"}
    assert codes >= {kind.code for kind in refusals.EXAMPLES} - elsewhere


def call_releases(call: Checked, where: str, prompt_id: str, root: dict[str, str], mover: dict[str, str]) -> None:
    """Rules, and releases in each state."""
    gate = {"content": '[labels.staging]\nchecks = ["gate"]\n[labels.free]\napprovals = 0\n'}
    rules = call(200, "PUT", "/api/rules", gate, headers=root)
    call(304, "GET", "/api/rules", headers={**root, "If-None-Match": rules.headers["ETag"]})
    call(200, "GET", "/api/rules", headers=root)
    call(412, "PUT", "/api/rules", gate, headers={**root, "If-Match": '"0"'})
    call(403, "PUT", f"{where}/labels/staging", {"version_number": 2}, headers=mover)
    call(403, "PUT", f"{where}/versions/1/checks/gate", {"state": "success"}, headers=mover)
    items = [{"prompt_id": prompt_id, "version_number": 2}]
    body = {"label": "staging", "items": items, "description": "For all"}
    call(409, "POST", "/api/releases", body | {"label": "open"}, headers=root)
    call(422, "POST", "/api/releases", {"label": "staging"}, headers=root)
    for _ in range(4):
        call(201, "POST", "/api/releases", body, headers=root)
    call(403, "POST", "/api/releases/1/approve", headers=root)
    call(200, "POST", "/api/releases/1/approve", headers=mover)
    call(409, "POST", "/api/releases/1/release", headers=root)
    call(200, "PUT", f"{where}/versions/2/checks/gate", {"state": "success"}, headers=root)
    call(200, "POST", "/api/releases/1/release", headers=root)
    call(409, "POST", "/api/releases/1/release", headers=root)
    call(409, "POST", "/api/releases/1/rollback", {"description": "Back"}, headers=root)
    call(409, "POST", "/api/releases/2/approve", headers=mover)
    call(200, "POST", "/api/releases/3/reject", headers=mover)
    call(200, "POST", "/api/releases/4/withdraw", headers=root)
    call(404, "GET", "/api/releases/9", headers=root)
    for query in ("", "?state=outdated", "?limit=1&label=staging"):
        call(200, "GET", f"/api/releases{query}", headers=root)
    call(200, "GET", "/api/releases/1", headers=root)


def litellm(call: Checked) -> None:
    """What LiteLLM asks."""
    address = "/beta/litellm_prompt_management"
    call(201, "POST", "/api/prompts", {"name": "braces", "content": "{{n}}"})
    template = call(200, "GET", f"{address}?prompt_id=braces")
    call(304, "GET", f"{address}?prompt_id=braces", headers={"If-None-Match": template.headers["ETag"]})
    call(404, "GET", f"{address}?prompt_id=braces@production")
    call(422, "GET", f"{address}?version=1")
    call(200, "PUT", "/api/names/braces", {"content": "{{n}} {n}"})
    call(409, "GET", f"{address}?prompt_id=braces")


def commits(call: Checked, where: str) -> None:
    """Several changes at once, and each way in which they are refused."""

    def send(status: int, *changes: dict[str, Any], **options: Any) -> None:
        call(status, "POST", "/api/commits", {"changes": changes}, **options)

    deleted = {"prompt_id": where.rpartition("/")[2]}
    send(200, {"name": "several/a", "content": "1"}, {"name": "several/b", "content": "2", "if_match": 0})
    send(200, {"name": "several/a", "content": "1"})
    call(200, "POST", "/api/commits?dry_run=true", {"changes": [{"name": "several/c", "content": "1"}]})
    send(404, {"name": "several/c", "delete": True})
    send(404, {"name": "several/a", "label": "production", "version_number": 9})
    send(404, {"name": "several/a", "label": "production", "version_number": None})
    send(409, {"name": "several/A", "content": "1"})
    send(409, {"name": "several/a", "rename_to": "several/c"}, {"name": "several/d", "content": "1"})
    send(412, {"name": "several/a", "content": "2", "if_match": 7})
    send(413, {"name": "several/a", "content": "x" * 1_001})
    send(422, {"name": "several/a", "content": "2"}, {"name": "several/a", "delete": True})
    send(422, {"name": "several/:", "content": "2"})
    send(422, {"name": "several/a", "text": "2"})
    send(422)
    send(422, {"name": "several/a", "content": "2"}, headers={"If-Match": '"1"'})
    call(204, "DELETE", where)
    send(410, deleted | {"content": "x"})
    call(200, "POST", f"{where}/versions/1/revert")
    promote = "/api/labels/production/promote"
    call(200, "POST", promote, {"from": "latest", "prefix": "several/"})
    call(200, "POST", f"{promote}?dry_run=true", {"from": "staging"})
    call(422, "POST", promote, {"from": "No label"})
    call(422, "POST", f"{promote}?dry_run=yes", {"from": "staging"})


def test_the_page_asks_nothing_of_other_hosts(server: Server) -> None:
    """Its policy allows this host alone, and no script inside the page."""
    http = Http(server.url)
    page = http("GET", "/docs")
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    html = page.body.decode()
    sources = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert {"docs/swagger-ui-bundle.js", "docs/swagger-ui.css", "docs/docs.js"} <= set(sources)
    files = {source: http("GET", f"/{source}") for source in sources}
    assert {answer.status for answer in files.values()} == {200}
    assert files["docs/swagger-ui-bundle.js"].headers["Content-Type"].startswith("text/javascript")
    assert not re.search(r"<script[^>]*>[^<]|<style|\son\w+=", html)
    script = files["docs/docs.js"].body.decode()
    assert "validatorUrl: null" in script
    assert "//" not in re.sub(r"(?m)^\s*//.*$", "", script)


@pytest.mark.parametrize("file", ["index.html", "oauth2-redirect.html", "..%2Fdocs.py", "swagger-ui.js", "%00"])
def test_no_other_file_is_served(client: FlaskClient, file: str) -> None:
    answer = client.get(f"/docs/{file}")
    assert (answer.status_code, answer.json["code"]) == (404, "http_not_found")
