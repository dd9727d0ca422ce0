"""Tokens that write only below their prefixes, whatever face they come through, and read everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.names import check_prefix, id_of
from promptgit.domain.rights import Rights
from promptgit.errors import Invalid, InvalidName, OutsidePrefix, UnusableTokens
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.pages import BROWSER, fields, submit, words
from tests.support import Server, command, foreign_commit, git_text
from tests.test_access_table import TABLE
from tests.test_pages_signing import csrf_of, sign_in
from tests.test_tokens import bearer

INSIDE, OUTSIDE = "support/greeting", "sales/greeting"
PUBLIC = "/api/public/v2/prompts"


@pytest.fixture
def tokens(tmp_path: Path, client: FlaskClient) -> Tokens:
    """Those of a service with a prompt of two versions inside and one outside; both have the label `free` at 1."""
    for name in (INSIDE, OUTSIDE):
        for content in ("1", "2"):
            client.put(f"/api/names/{name}", json={"content": content})
        assert client.put(f"/api/prompts/{id_of(name)}/labels/free", json={"version_number": 1}).status_code == 200
    return Tokens(tmp_path / "data")


@pytest.fixture
def secret(tokens: Tokens) -> str:
    return tokens.create("bot", Scope.WRITE, write_prefix=["support/", "faq/de/"])[1]


@pytest.fixture
def bot(secret: str) -> dict[str, str]:
    """Headers of a token that writes below `support/` and `faq/de/`."""
    return bearer(secret)


@pytest.fixture
def admin(tokens: Tokens) -> dict[str, str]:
    return bearer(tokens.create("admin", Scope.ADMIN)[1])


def assert_outside(answer: TestResponse, name: str = OUTSIDE) -> None:
    assert (answer.status_code, answer.json["code"]) == (403, "outside_prefix"), answer.text
    assert all(part in answer.json["detail"] for part in ("'support/'", "'faq/de/'", name))


def address(name: str) -> str:
    return f"/api/prompts/{id_of(name)}"


# Each kind of write


def test_everything_below_a_prefix_can_be_written(client: FlaskClient, bot: dict[str, str]) -> None:
    """Created, saved, labelled, reverted, renamed, deleted and brought back; and everything is read."""

    def call(method: str, path: str, body: Any = None) -> int:
        return client.open(path, method=method, json=body, headers=bot).status_code

    where = address("support/new")
    assert call("POST", "/api/prompts", {"name": "support/new", "content": "1"}) == 201
    assert call("PUT", where, {"content": "2"}) == 200
    assert call("PUT", "/api/names/faq/de/new", {"content": "1"}) == 201
    assert call("PUT", f"{where}/labels/staging", {"version_number": 1}) == 200
    assert call("POST", f"{where}/versions/1/revert") == 200
    assert call("PATCH", where, {"name": "faq/de/moved"}) == 200
    assert call("DELETE", f"{where}/labels/staging") == 204
    assert call("DELETE", where) == 204
    assert call("POST", f"{where}/versions/1/revert") == 200
    assert call("POST", PUBLIC, {"name": "support/other", "prompt": "x", "labels": ["staging"]}) == 201
    assert call("PATCH", f"{PUBLIC}/support/other/versions/1", {"newLabels": ["more"]}) == 200
    assert call("DELETE", f"{PUBLIC}/support/other") == 204
    assert {call("GET", path) for path in (address(OUTSIDE), f"{address(OUTSIDE)}/versions", "/api/changes")} == {200}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/prompts", {"name": "sales/new", "content": "1"}),
        ("POST", "/api/prompts", {"name": OUTSIDE, "content": "1"}),  # which is taken, too
        ("PUT", address(OUTSIDE), {"content": "3"}),
        ("PUT", address(OUTSIDE), {"content": "2"}),
        ("PUT", f"/api/names/{OUTSIDE}", {"content": "3"}),
        ("PUT", f"/api/names/{OUTSIDE}", {"content": "2"}),
        ("PUT", "/api/names/sales/new", {"content": "1"}),
        ("PATCH", address(OUTSIDE), {"name": "support/stolen"}),
        ("PATCH", address(OUTSIDE), {"name": OUTSIDE}),
        ("PATCH", address(INSIDE), {"name": "sales/new"}),
        ("DELETE", address(OUTSIDE), None),
        ("POST", f"{address(OUTSIDE)}/versions/1/revert", None),
        ("POST", f"{address(OUTSIDE)}/versions/2/revert", None),
        ("PUT", f"{address(OUTSIDE)}/labels/free", {"version_number": 2}),
        ("PUT", f"{address(OUTSIDE)}/labels/free", {"version_number": 1}),
        ("DELETE", f"{address(OUTSIDE)}/labels/free", None),
    ],
)
def test_nothing_outside_is_written(
    client: FlaskClient, bot: dict[str, str], repository: Path, method: str, path: str, body: Any
) -> None:
    """Nor is a write that would change nothing a success there."""
    before = git_text(repository, "rev-parse", "main")
    answer = client.open(path, method=method, json=body, headers=bot)
    assert_outside(answer, "sales/")
    assert git_text(repository, "rev-parse", "main") == before


def test_what_is_deleted_already_is_refused_too(
    client: FlaskClient, bot: dict[str, str], admin: dict[str, str]
) -> None:
    """Neither deleted once more, nor brought back by a revert, by its name, or from a name below the prefix."""
    client.delete(address(OUTSIDE), headers=admin)
    assert_outside(client.delete(address(OUTSIDE), headers=bot))
    assert_outside(client.post(f"{address(OUTSIDE)}/versions/1/revert", headers=bot))
    assert_outside(client.put(f"/api/names/{OUTSIDE}", json={"content": "1"}, headers=bot))
    assert client.put("/api/prompts/00000000-0000-4000-8000-000000000000", json={"content": "1"}, headers=bot).json[
        "code"
    ] == ("prompt_not_found")


def test_prefixes_are_compared_by_whole_segments(client: FlaskClient, bot: dict[str, str]) -> None:
    for name in ("support", "support-eu/a", "supporter/a", "Support/a", "faq/a", "faq/de", "faq/den/a"):
        assert_outside(client.put(f"/api/names/{name}", json={"content": "1"}, headers=bot), name)
    for name in ("support/a/b", "faq/de/a"):
        assert client.put(f"/api/names/{name}", json={"content": "1"}, headers=bot).status_code == 201


def test_prompts_named_by_a_uuid_are_outside(client: FlaskClient, bot: dict[str, str], admin: dict[str, str]) -> None:
    """Whether the caller gives the id, or leaves it to the service."""
    made = client.post("/api/prompts", json={"content": "1"}, headers=admin).json["id"]
    assert_outside(client.post("/api/prompts", json={"content": "1"}, headers=bot), "UUID")
    fresh = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
    assert_outside(client.post("/api/prompts", json={"content": "1", "id": fresh}, headers=bot), fresh)
    assert_outside(client.put(f"/api/names/{fresh}", json={"content": "1"}, headers=bot), fresh)
    for content in ("1", "2"):
        assert_outside(client.put(f"/api/prompts/{made}", json={"content": content}, headers=bot), made)
    assert_outside(client.patch(f"/api/prompts/{made}", json={"name": "support/taken"}, headers=bot), made)
    assert_outside(client.patch(address(INSIDE), json={"name": id_of(INSIDE)}, headers=bot), id_of(INSIDE))


def test_a_repeat_outside_is_no_success(client: FlaskClient, bot: dict[str, str], admin: dict[str, str]) -> None:
    """A write with a key was made inside; once the prompt was moved away the key does not open it."""
    key = bot | {"Idempotency-Key": "once"}
    body = {"content": "3"}
    answers = [client.put(address(INSIDE), json=body, headers=key) for _ in range(2)]
    assert [answer.json["version_number"] for answer in answers] == [3, 3]
    client.patch(address(INSIDE), json={"name": "sales/moved"}, headers=admin)
    assert_outside(client.put(address(INSIDE), json=body, headers=key), "sales/moved")


def test_every_change_of_a_commit_counts(client: FlaskClient, bot: dict[str, str], repository: Path) -> None:
    """By id, by name, under a new name, and where it would change nothing; the refusal is told of that change."""
    before = git_text(repository, "rev-parse", "main")
    inside = {"name": "support/new", "content": "3"}
    for outside in (
        {"name": OUTSIDE, "content": "2"},
        {"prompt_id": id_of(OUTSIDE), "delete": True},
        {"name": INSIDE, "rename_to": "sales/taken"},
        {"name": OUTSIDE, "label": "free", "version_number": 1},
        {"name": "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b", "content": "3"},
    ):
        for query in ("", "?dry_run=true"):
            answer = client.post(f"/api/commits{query}", json={"changes": [inside, outside]}, headers=bot)
            assert (answer.status_code, list(answer.json["errors"])) == (403, ["1"]), outside
    assert git_text(repository, "rev-parse", "main") == before
    assert client.post("/api/commits", json={"changes": [inside]}, headers=bot).status_code == 200


def test_a_promotion_moves_labels_below_the_prefixes(client: FlaskClient, bot: dict[str, str]) -> None:
    promote = "/api/labels/everywhere/promote"
    assert client.post(promote, json={"from": "latest"}, headers=bot).json["code"] == "outside_prefix"
    answer = client.post(promote, json={"from": "latest", "prefix": "support"}, headers=bot)
    assert (answer.status_code, {one["name"].split("/")[0] for one in answer.json["results"]}) == (200, {"support"})


def test_a_write_that_speaks_of_no_prompt_is_outside(store: Store) -> None:
    """A face that says nothing is refused; where no prefix is given, everything can be written."""
    service = Service(store, 100)
    for prefixes in ((), ("support/",)):
        with pytest.raises(OutsidePrefix):
            service.create("1", attribution=Attribution(rights=Rights(prefixes=prefixes)))
    with pytest.raises(OutsidePrefix, match="no prefix at all"):
        service.create("1", name="support/a", attribution=Attribution(rights=Rights(prefixes=())))
    service.create("1", attribution=Attribution(rights=Rights()))


# The other faces


def test_langfuses_api_writes_nothing_outside(client: FlaskClient, bot: dict[str, str], repository: Path) -> None:
    before = git_text(repository, "rev-parse", "main")
    refused = [
        client.post(PUBLIC, json={"name": OUTSIDE, "prompt": "3"}, headers=bot),
        client.post(PUBLIC, json={"name": OUTSIDE, "prompt": "2", "labels": ["free"]}, headers=bot),
        client.patch(f"{PUBLIC}/{OUTSIDE}/versions/1", json={"newLabels": ["free"]}, headers=bot),
        client.delete(f"{PUBLIC}/{OUTSIDE}", headers=bot),
    ]
    assert [(answer.status_code, answer.json["error"]) for answer in refused] == [(403, "ForbiddenError")] * 4
    assert all("'support/'" in answer.json["message"] for answer in refused)
    assert git_text(repository, "rev-parse", "main") == before
    assert client.get(f"{PUBLIC}/{OUTSIDE}?version=1", headers=bot).status_code == 200


def test_pages_show_buttons_only_where_they_work(client: FlaskClient, secret: str) -> None:
    sign_in(client, secret)
    for name, count in ((INSIDE, 1), (OUTSIDE, 0)):
        page = f"/prompts/{id_of(name)}"
        shown = [client.get(f"{page}{more}").text for more in ("", "/versions/1", "/labels/free", "/compare")]
        forms = ("/edit", "/rename", "/delete", "/point", "/versions/1/revert", "/labels/free/remove")
        for form in forms:
            assert any(f'"{page}{form}' in text for text in shown) == count, form
            assert client.get(page + form, headers=BROWSER).status_code == (200 if count else 403), form
    assert "below" in words(client.get(f"/prompts/{id_of(OUTSIDE)}/edit", headers=BROWSER))
    assert "/new" in client.get("/").text


def test_a_form_that_was_open_is_refused_and_kept(
    client: FlaskClient, secret: str, admin: dict[str, str], repository: Path
) -> None:
    """Where somebody moves the prompt away meanwhile; also a text that was not changed is no success then."""
    sign_in(client, secret)
    page = f"/prompts/{id_of(INSIDE)}"
    forms = {form: fields(client.get(page + form).text) for form in ("/edit", "/rename", "/delete", "/point")}
    client.patch(address(INSIDE), json={"name": "sales/moved"}, headers=admin)
    before = git_text(repository, "rev-parse", "main")
    for form, sent in forms.items():
        changed = {"/edit": {}, "/rename": {"name": "support/back"}, "/delete": {"name": "sales/moved"}, "/point": {}}
        answer = submit(client, page + form, sent | changed[form] | {"description": "Why not"})
        assert (answer.status_code, "below" in words(answer)) == (403, True), form
        assert fields(answer.text)["description"] == "Why not"
    answer = submit(client, "/new", fields(client.get("/new").text) | {"name": "sales/x", "content": "x"})
    assert (answer.status_code, fields(answer.text)["content"]) == (403, "x")
    assert git_text(repository, "rev-parse", "main") == before


def test_the_command_line_and_git(tmp_path: Path) -> None:
    """Commands that ask a server are refused like everybody; a clone has everything."""
    with Server(tmp_path / "data") as server:
        data = ("--data", str(server.folder))
        prefixes = ("--write-prefix", "support/", "--write-prefix", "faq/de/")
        secret = command("token", "create", "bot", "--scope", "write", *prefixes, *data).stdout.strip()
        assert "bot  (writes below faq/de/, support/)" in command("token", "list", *data).stdout
        for name, code in ((INSIDE, 0), (OUTSIDE, 1)):
            done = command("save", name, "--url", server.url, data=b"1", PROMPTGIT_TOKEN=secret)
            assert (done.returncode, "'support/'" in done.stderr) == (code, bool(code)), done.stderr
        assert command("save", OUTSIDE, *data, data=b"1").returncode == 0
        url = server.url.replace("://", f"://any:{secret}@")
        git_text(tmp_path, "clone", "-q", f"{url}/prompts.git", "clone")
    assert (tmp_path / "clone" / "prompts" / f"{OUTSIDE}.md").read_text() == "1"


# Every route

# A write of each route that takes the scope `write`, at a prompt outside; None: a form, whose fields stand in FORM.
WRITES: dict[tuple[str, str], Any] = {
    ("POST", "/api/prompts"): {"name": OUTSIDE, "content": "3"},
    ("PUT", "/api/prompts/<prompt_id>"): {"content": "3"},
    ("PATCH", "/api/prompts/<prompt_id>"): {"name": "support/taken"},
    ("DELETE", "/api/prompts/<prompt_id>"): {},
    ("POST", "/api/prompts/<prompt_id>/versions/<number>/revert"): {},
    ("PUT", "/api/prompts/<prompt_id>/labels/<label>"): {"version_number": 2},
    ("DELETE", "/api/prompts/<prompt_id>/labels/<label>"): {},
    ("PUT", "/api/prompts/<prompt_id>/versions/<number>/checks/<check>"): {"state": "success"},
    ("POST", "/api/releases"): {"label": "gated", "items": [{"prompt_id": id_of(OUTSIDE), "version_number": 1}]}
    | {"description": "x"},
    ("POST", "/api/releases/<release>/approve"): {},
    ("POST", "/api/releases/<release>/reject"): {},
    ("POST", "/api/releases/<release>/withdraw"): {},
    ("POST", "/api/releases/<release>/release"): {},
    ("POST", "/api/releases/<release>/rollback"): {"description": "x"},
    ("PUT", "/api/names/<path:name>"): {"content": "3"},
    ("POST", "/api/public/v2/prompts"): {"name": OUTSIDE, "prompt": "3"},
    ("DELETE", "/api/public/v2/prompts/<path:name>"): {},
    ("PATCH", "/api/public/v2/prompts/<path:name>/versions/<number>"): {"newLabels": ["free"]},
    ("POST", "/api/commits"): {"changes": [{"name": OUTSIDE, "content": "3"}]},
    ("POST", "/api/labels/<label>/promote"): {"from": "latest"},
    ("POST", "/promote"): None,
    ("POST", "/new"): None,
    ("POST", "/releases/new"): None,
    ("POST", "/releases/<release>/approve"): None,
    ("POST", "/releases/<release>/reject"): None,
    ("POST", "/releases/<release>/withdraw"): None,
    ("POST", "/releases/<release>/release"): None,
    ("POST", "/releases/<release>/rollback"): None,
    ("POST", "/prompts/<uuid:prompt_id>/versions/<number>/propose"): None,
    ("POST", "/prompts/<uuid:prompt_id>/versions/<number>/revert"): None,
    ("POST", "/prompts/<uuid:prompt_id>/labels/<label>/remove"): None,
    ("POST", "/prompts/<uuid:prompt_id>/point"): None,
    ("POST", "/prompts/<uuid:prompt_id>/edit"): None,
    ("POST", "/prompts/<uuid:prompt_id>/rename"): None,
    ("POST", "/prompts/<uuid:prompt_id>/delete"): None,
}
FORM = {
    "from": "latest",
    "name": OUTSIDE,
    "content": "3",
    "label": "free",
    "version_number": "2",
    "pointed": "1",
    "version": "2",
    "description": "x",
}


def test_no_route_writes_outside(
    app: Flask,
    client: FlaskClient,
    secret: str,
    admin: dict[str, str],
    repository: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Each route of the application that takes the scope `write`: a new one has to be named here."""
    taking = {(method, rule) for rule, takes in TABLE.items() for method in takes if takes[method] == Scope.WRITE}
    assert {one for one in taking if one[0] != "GET"} == WRITES.keys()
    foreign_commit(repository, {"rules.toml": b"[labels.gated]\n"}, "Gate")
    body = {"label": "gated", "items": [{"prompt_id": id_of(OUTSIDE), "version_number": 1}], "description": "All"}
    assert client.post("/api/releases", json=body, headers=admin).status_code == 201
    sign_in(client, secret)
    before = git_text(repository, "rev-parse", "main")
    commit = client.get(address(OUTSIDE), headers=bearer(secret)).json["commit"]
    form = FORM | {"csrf_token": csrf_of(client.get("/")), "commit": commit}
    arguments = {"prompt_id": id_of(OUTSIDE), "number": "1", "label": "free", "name": OUTSIDE}
    arguments |= {"check": "eval", "release": "1"}
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            if (method, rule.rule) in WRITES:
                body = WRITES[method, rule.rule]
                sent = {"data": form} if body is None else {"json": body, "headers": bearer(secret)}
                answer = client.open(_path(rule, arguments), method=method, **sent)
                assert (answer.status_code, "support/" in answer.text) == (403, True), (method, rule.rule, answer.text)
    assert git_text(repository, "rev-parse", "main") == before
    record_property("routes that write, from outside of a prefix", len(WRITES))


def _path(rule: Rule, arguments: dict[str, str]) -> str:
    _, path = rule.build({name: arguments[name] for name in rule.arguments}) or ("", "")
    return path


# Making such tokens


def test_the_api_makes_such_tokens(client: FlaskClient, tokens: Tokens, admin: dict[str, str]) -> None:
    body = {"name": "ci", "scope": "write", "write_prefix": ["support/", "faq/", "support/"]}
    assert client.post("/api/tokens", json=body, headers=admin).json["write_prefix"] == ["faq/", "support/"]
    listed = client.get("/api/tokens", headers=admin).json
    assert {one["name"]: one["write_prefix"] for one in listed} == {"admin": None, "ci": ["faq/", "support/"]}
    wrong: list[dict[str, Any]] = [{"write_prefix": text} for text in (["support"], ["/"], ["a//"], [], "a/", [".x/"])]
    for changed in (*wrong, {"scope": "admin"}):
        answer = client.post("/api/tokens", json=body | {"name": "other"} | changed, headers=admin)
        assert answer.status_code == 422
        assert {field.partition(".")[0] for field in answer.json["errors"]} == {"write_prefix"}


def test_the_command_line_refuses_what_is_no_prefix(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    for scope, prefix in (("write", "support"), ("write", ""), ("admin", "support/")):
        done = command("token", "create", "x", "--scope", scope, "--write-prefix", prefix, *data)
        assert (done.returncode, "write_prefix" in done.stderr) == (1, True)
    assert not (tmp_path / "data" / "tokens.json").exists()


@pytest.mark.parametrize("prefix", ["support/", "a/b/", "Ä/", "0190A6B2-3C4D-7E8F-9A0B-1C2D3E4F5A6B/"])
def test_a_prefix_is_kept_as_it_stands(prefix: str) -> None:
    assert check_prefix(prefix) == prefix


@pytest.mark.parametrize("prefix", ["", "a", "/", "a//", "/a/", "../", "a/./", "con/", "a:b/", "a /", "x" * 101 + "/"])
def test_what_no_name_begins_with_is_no_prefix(prefix: str) -> None:
    with pytest.raises(InvalidName):
        check_prefix(prefix)


@pytest.mark.parametrize("prefixes", ["support/", ["support"], [1], {"support/": 1, "x": 2}, 7])
def test_a_file_with_wrong_prefixes_lets_nobody_in(tokens: Tokens, secret: str, prefixes: object) -> None:
    """A text in the place of a list would otherwise be many prefixes of one letter."""
    stored = json.loads(tokens.path.read_text())
    stored["tokens"][0]["write_prefix"] = prefixes
    tokens.path.write_text(json.dumps(stored))
    with pytest.raises(UnusableTokens):
        tokens.authenticate(secret)


def test_an_administrator_cannot_be_kept_to_prefixes(tokens: Tokens) -> None:
    with pytest.raises(Invalid, match="write_prefix"):
        tokens.create("root", Scope.ADMIN, write_prefix=["support/"])
