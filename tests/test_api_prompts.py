"""Prompts over HTTP."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.domain import names
from tests.support import foreign_commit, git_text

SOME_UUID = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
ADA = {"name": "Ada L.", "email": "ada@example.org"}


def create(client: FlaskClient, name: str | None = None, content: str = "x", **fields: Any) -> TestResponse:
    named = {} if name is None else {"name": name}
    return client.post("/api/prompts", json={"content": content, **named, **fields})


def address(answer: TestResponse) -> str:
    return answer.headers["Location"]


def test_a_prompt_is_created(client: FlaskClient, repository: Path) -> None:
    answer = create(client, "support/greeting", "Hello\r\n", author=ADA)
    assert answer.status_code == 201
    prompt = answer.json
    assert prompt == {
        "id": names.id_of("support/greeting"),
        "name": "support/greeting",
        "path": "prompts/support/greeting.md",
        "version_number": 1,
        "created_at": prompt["created_at"],
        "updated_at": prompt["created_at"],
        "description": "Initial version",
        "author": ADA,
        "committer": {"name": "promptgit", "email": "promptgit@localhost"},
        "commit": git_text(repository, "rev-parse", "main"),
        "labels": {},
        "content": "Hello\r\n",
        "variables": [],
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", prompt["created_at"])
    assert address(answer) == f"/api/prompts/{prompt['id']}"
    shown = client.get(address(answer))
    assert (shown.status_code, shown.json) == (200, prompt)
    assert shown.headers["ETag"] == answer.headers["ETag"] == f'"{prompt["commit"]}"'


def test_without_a_name_it_gets_a_random_uuid(client: FlaskClient) -> None:
    one, other = (create(client).json for _ in range(2))
    assert one["id"] == one["name"] != other["id"]
    assert UUID(one["id"]).version == 4
    assert one["path"] == f"prompts/{one['id'][:2]}/{one['id']}.md"


def test_an_id_of_ones_own_is_the_name(client: FlaskClient) -> None:
    prompt = create(client, id=SOME_UUID.upper()).json
    assert (prompt["id"], prompt["name"]) == (SOME_UUID, SOME_UUID)
    again = create(client, SOME_UUID)
    assert (again.status_code, again.json["prompt_id"]) == (409, SOME_UUID)


def test_a_name_and_an_id_are_too_much(client: FlaskClient) -> None:
    answer = create(client, "a", id=SOME_UUID)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["id"])


@pytest.mark.parametrize(
    ("first", "second"),
    [("a", "a"), ("Greeting", "greeting"), ("straße", "STRASSE"), ("é", "É"), ("a", "a.md/b"), ("a.MD/b", "A")],
)
def test_names_that_cannot_stand_side_by_side_are_taken(client: FlaskClient, first: str, second: str) -> None:
    prompt_id = create(client, first).json["id"]
    answer = create(client, second)
    assert answer.status_code == 409
    assert (answer.json["code"], answer.json["prompt_id"]) == ("name_taken", prompt_id)
    assert prompt_id in answer.json["detail"]
    other = create(client, "other").json["id"]
    renamed = client.patch(f"/api/prompts/{other}", json={"name": second})
    assert (renamed.status_code, renamed.json["prompt_id"]) == (409, prompt_id)


def test_folders_that_differ_in_case_can_be_checked_out_and_are_fine(client: FlaskClient) -> None:
    assert [create(client, name).status_code for name in ("Support/a", "support/b")] == [201] * 2


def test_saving_makes_the_next_version(client: FlaskClient) -> None:
    created = create(client, "a")
    answer = client.put(address(created), json={"content": "y", "description": " Because\r\nso ", "author": ADA})
    assert answer.status_code == 200
    assert (answer.json["version_number"], answer.json["content"]) == (2, "y")
    assert (answer.json["description"], answer.json["author"]) == ("Because\nso", ADA)
    assert answer.headers["ETag"] != created.headers["ETag"]
    assert client.put(address(created), json={"content": "z"}).json["description"] == "Update a"


def test_saving_the_same_content_writes_nothing(client: FlaskClient, repository: Path) -> None:
    created = create(client, "a")
    head = git_text(repository, "rev-parse", "main")
    answer = client.put(address(created), json={"content": "x", "description": "again"})
    assert (answer.status_code, answer.json) == (200, created.json)
    assert git_text(repository, "rev-parse", "main") == head


def test_renaming_keeps_id_and_history(client: FlaskClient, repository: Path) -> None:
    created = create(client, "a")
    answer = client.patch(address(created), json={"name": "deep/b", "author": ADA})
    assert answer.status_code == 200
    assert (answer.json["name"], answer.json["id"], answer.json["version_number"]) == ("deep/b", created.json["id"], 1)
    assert git_text(repository, "log", "-1", "--format=%an %B", "main") == "Ada L. Rename a to deep/b"
    assert client.get("/api/prompts?name=a").json == []
    assert client.patch(address(created), json={"name": "deep/B"}).json["name"] == "deep/B"
    head = git_text(repository, "rev-parse", "main")
    assert client.patch(address(created), json={"name": "deep/B"}).status_code == 200
    assert git_text(repository, "rev-parse", "main") == head


def test_a_freed_name_is_another_prompts(client: FlaskClient) -> None:
    first = create(client, "a")
    client.patch(address(first), json={"name": "b"})
    second = create(client, "a")
    assert second.status_code == 201
    assert second.json["id"] != first.json["id"]
    assert second.json["version_number"] == 1


def test_a_uuid_as_name_is_only_for_the_prompt_of_that_id(client: FlaskClient) -> None:
    prompt = create(client, id=SOME_UUID)
    other = create(client, "a")
    assert client.patch(address(other), json={"name": str(UUID(int=5))}).status_code == 422
    assert client.patch(address(prompt), json={"name": "b"}).json["id"] == SOME_UUID
    taken = create(client, id=SOME_UUID)
    assert (taken.status_code, taken.json["prompt_id"]) == (409, SOME_UUID)
    assert client.patch(address(prompt), json={"name": SOME_UUID}).json["name"] == SOME_UUID


def test_a_deleted_prompt_is_gone_but_not_lost(client: FlaskClient) -> None:
    where = address(create(client, "a", "one"))
    client.put(where, json={"content": "two"})
    assert (answer := client.delete(where, json={"description": "Not used"})).status_code == 204
    assert answer.data == b""
    gone = client.get(where)
    assert (gone.status_code, gone.json["code"], gone.json["version_number"]) == (410, "prompt_deleted", 2)
    assert client.put(where, json={"content": "x"}).status_code == 410
    assert client.patch(where, json={"name": "x"}).status_code == 410
    assert client.get("/api/prompts").json == []
    assert [version["version_number"] for version in client.get(f"{where}/versions").json] == [1, 2]
    assert client.get(f"{where}/versions/1/content").data == b"one"
    assert client.get(f"{where}/diff?from=1&to=2").status_code == 200
    assert client.delete(where).status_code == 204  # so that it can be tried again


def test_creating_under_the_name_of_a_deleted_prompt_brings_it_back(client: FlaskClient) -> None:
    created = create(client, "a")
    client.delete(address(created))
    back = create(client, "a")
    assert back.status_code == 201
    assert (back.json["id"], back.json["version_number"]) == (created.json["id"], 2)
    assert address(back) == address(created)
    assert client.get(address(created)).json == back.json


def test_a_revert_brings_a_deleted_prompt_back(client: FlaskClient) -> None:
    where = address(create(client, "a", "one"))
    client.delete(where)
    answer = client.post(f"{where}/versions/1/revert")
    assert (answer.status_code, answer.json["version_number"]) == (200, 2)
    assert client.get(where).json["content"] == "one"


def test_a_revert_of_a_deleted_prompt_whose_name_another_has_is_refused(client: FlaskClient) -> None:
    first = create(client, "a")
    client.delete(address(first))
    second = create(client, "b", "y")
    client.patch(address(second), json={"name": "a"})
    for _ in ("while the other lives", "after it was deleted under this name"):
        answer = client.post(f"{address(first)}/versions/1/revert")
        assert (answer.status_code, answer.json["prompt_id"]) == (409, second.json["id"])
        client.delete(address(second))


def test_lists_are_sorted_and_paged(client: FlaskClient) -> None:
    for name in ("b", "a/é", "a/z", "a/Z", "c d"):
        if name != "a/Z":
            create(client, name)
    assert [prompt["name"] for prompt in client.get("/api/prompts").json] == ["a/z", "a/é", "b", "c d"]
    seen, where = [], "/api/prompts?limit=1&prefix=a%2F"
    while True:
        answer = client.get(where)
        seen += [prompt["name"] for prompt in answer.json]
        if "Link" not in answer.headers:
            break
        match = re.fullmatch(r'<(.+)>; rel="next"', answer.headers["Link"])
        assert match
        where = match[1]
    assert seen == ["a/z", "a/é"]
    assert client.get("/api/prompts?name=c+d").json[0]["name"] == "c d"
    assert client.get("/api/prompts?after=b").json[0]["name"] == "c d"
    assert "content" not in client.get("/api/prompts").json[0]
    assert [prompt["content"] for prompt in client.get("/api/prompts?include=content&limit=2").json] == ["x", "x"]


def test_search_finds_names_and_newest_contents(client: FlaskClient) -> None:
    where = address(create(client, "support/greeting", "Bonjour {{name}}"))
    for q in ("bonj", "{{name}}", "GREET", "o"):
        assert len(client.get("/api/prompts", query_string={"q": q}).json) == 1
    client.put(where, json={"content": "Hallo"})
    assert client.get("/api/prompts?q=bonjour").json == []


def test_if_match_concerns_the_prompt_alone(client: FlaskClient) -> None:
    created = create(client, "a")
    where, seen = address(created), {"If-Match": created.headers["ETag"]}
    create(client, "b")
    assert client.patch(where, json={"name": "c"}, headers=seen).status_code == 200
    saved = client.put(where, json={"content": "2"}, headers=seen)
    assert saved.status_code == 200
    for stale in (
        client.put(where, json={"content": "3"}, headers=seen),
        client.patch(where, json={"name": "d"}, headers=seen),
        client.delete(where, headers=seen),
        client.post(f"{where}/versions/1/revert", headers=seen),
        client.put(where, json={"content": "2"}, headers=seen),
    ):
        assert (stale.status_code, stale.json["code"], stale.json["current_version"]) == (412, "stale_version", 2)
        assert "version 2" in stale.json["detail"]
    assert client.get(where).json["version_number"] == 2
    for good in ("*", '"2"', saved.headers["ETag"], f'"x", {saved.headers["ETag"]}'):
        assert client.put(where, json={"content": "2"}, headers={"If-Match": good}).status_code == 200
    for bad in ('"1"', f"W/{saved.headers['ETag']}", "nonsense", "", '""', '"2.5"', f'"{created.json["commit"]}.2"'):
        assert client.put(where, json={"content": "2"}, headers={"If-Match": bad}).status_code == 412


def test_a_precondition_that_a_proxy_has_changed(client: FlaskClient) -> None:
    """nginx, which compresses, makes an ETag weak: the 412 says what to send. Apache appends '-gzip' to it."""
    created = create(client, "greeting")
    where, etag = address(created), created.headers["ETag"]
    for weak in (f"W/{etag}", f'W/"x", W/{etag}', 'W/"1"'):
        refused = client.put(where, json={"content": "2"}, headers={"If-Match": weak})
        assert (refused.status_code, refused.json["code"], refused.json["current_version"]) == (412, "weak_etag", 1)
        assert 'If-Match: "1"' in refused.json["detail"]
    assert client.put(where, json={"content": "2"}, headers={"If-Match": f'{etag[:-1]}-gzip"'}).status_code == 200
    for old in (f"W/{etag}", f'{etag[:-1]}-gzip"', etag):
        refused = client.put(where, json={"content": "3"}, headers={"If-Match": old})
        assert (refused.status_code, refused.json["code"]) == (412, "stale_version")


def test_an_answer_that_says_nothing_of_caches_is_kept_by_none(client: FlaskClient) -> None:
    """Lists, histories and refusals too: without the header a cache may choose for itself."""
    where = address(create(client, "greeting"))
    for path in ("/api/prompts", f"{where}/versions", f"{where}/labels", f"{where}/diff?from=1&to=1", "/api/prompts/x"):
        assert client.get(path).headers["Cache-Control"] == "private, no-cache", path


def test_if_none_match_spares_what_the_client_has(client: FlaskClient, repository: Path) -> None:
    created = create(client, "a")
    where, seen = address(created), {"If-None-Match": created.headers["ETag"]}
    answer = client.get(where, headers=seen)
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", created.headers["ETag"])
    create(client, "other")
    assert client.get(where, headers=seen).status_code == 304
    assert client.get(where, headers={"If-None-Match": f'"x", W/{created.headers["ETag"]}'}).status_code == 304
    client.patch(where, json={"name": "b"})
    renamed = client.get(where, headers=seen)
    assert (renamed.status_code, renamed.json["name"]) == (200, "b")
    foreign_commit(repository, {"prompts/b.md": b"2"})
    assert client.get(where, headers={"If-None-Match": renamed.headers["ETag"]}).status_code == 200
