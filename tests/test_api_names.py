"""`/api/names`: prompts by their names."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from promptgit.domain.names import id_of
from tests.support import Http, Server, git_text


def test_a_put_creates_and_then_saves(client: FlaskClient) -> None:
    created = client.put("/api/names/support/greeting", json={"content": "1"})
    assert (created.status_code, created.json["version_number"]) == (201, 1)
    assert created.json["description"] == "Initial version"
    assert created.headers["Location"] == f"/api/prompts/{id_of('support/greeting')}"
    saved = client.put("/api/names/support/greeting", json={"content": "2", "description": "Why"})
    assert (saved.status_code, saved.json["version_number"], saved.json["description"]) == (200, 2, "Why")
    assert "Location" not in saved.headers
    again = client.put("/api/names/support/greeting", json={"content": "2"})
    assert (again.status_code, again.json["version_number"]) == (200, 2)
    assert again.headers["ETag"] == saved.headers["ETag"]


def test_a_get_is_what_the_id_gives(client: FlaskClient) -> None:
    made = client.put("/api/names/a b/c", json={"content": "x"})
    by_name, by_id = client.get("/api/names/a%20b/c"), client.get(f"/api/prompts/{made.json['id']}")
    assert (by_name.data, by_name.headers["ETag"]) == (by_id.data, by_id.headers["ETag"])
    assert client.get("/api/names/a%20b%2Fc").data == by_id.data
    assert client.get("/api/names/a b/c", headers={"If-None-Match": by_id.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("name", ["nowhere", "a//b", "con", "%00", "support/../x"])
def test_a_name_of_no_prompt_is_not_found(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/api/names/{name}")
    assert (answer.status_code, answer.json["code"]) == (404, "name_not_found"), answer.data


def test_a_deleted_prompt_is_gone_and_a_put_brings_it_back(client: FlaskClient) -> None:
    made = client.put("/api/names/a", json={"content": "1"}).json
    client.delete(f"/api/prompts/{made['id']}")
    gone = client.get("/api/names/a")
    assert (gone.status_code, gone.json["code"], gone.json["version_number"]) == (410, "prompt_deleted", 1)
    refused = client.put("/api/names/a", json={"content": "2"}, headers={"If-Match": '"1"'})
    assert (refused.status_code, refused.json["code"]) == (410, "prompt_deleted")
    back = client.put("/api/names/a", json={"content": "2"})
    assert (back.status_code, back.json["id"], back.json["version_number"]) == (201, made["id"], 2)


def test_if_match_saves_only_what_was_seen_and_creates_nothing(client: FlaskClient, repository: Path) -> None:
    absent = client.put("/api/names/a", json={"content": "1"}, headers={"If-Match": "*"})
    assert (absent.status_code, absent.json["code"]) == (404, "name_not_found")
    client.put("/api/names/a", json={"content": "1"})
    client.put("/api/names/a", json={"content": "2"})
    stale = client.put("/api/names/a", json={"content": "3"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json["code"], stale.json["current_version"]) == (412, "stale_version", 2)
    assert client.put("/api/names/a", json={"content": "3"}, headers={"If-Match": '"2"'}).json["version_number"] == 3
    assert client.put("/api/names/a", json={"content": "4"}, headers={"If-Match": "*"}).json["version_number"] == 4
    assert git_text(repository, "rev-list", "--count", "main") == "5"


def test_if_none_match_creates_only(client: FlaskClient) -> None:
    only_new = {"If-None-Match": "*"}
    assert client.put("/api/names/a", json={"content": "1"}, headers=only_new).status_code == 201
    there = client.put("/api/names/a", json={"content": "2"}, headers=only_new)
    assert (there.status_code, there.json["code"], there.json["current_version"]) == (412, "stale_version", 1)
    wrong = client.put("/api/names/a", json={"content": "2"}, headers={"If-None-Match": '"1"'})
    assert (wrong.status_code, list(wrong.json["errors"])) == (422, ["If-None-Match"])


def test_a_repeat_gets_the_first_answer(client: FlaskClient) -> None:
    """Also whether the prompt was created then, whatever came after."""
    for content, status in (("1", 201), ("2", 200)):
        key = {"Idempotency-Key": content}
        first = client.put("/api/names/a", json={"content": content}, headers=key)
        client.put("/api/names/a", json={"content": f"after {content}"})
        again = client.put("/api/names/a", json={"content": content}, headers=key)
        assert (first.status_code, again.status_code) == (status, status)
        assert again.json == first.json
    made = client.get("/api/names/a").json
    client.delete(f"/api/prompts/{made['id']}")
    back = [client.put("/api/names/a", json={"content": "3"}, headers={"Idempotency-Key": "3"}) for _ in range(2)]
    assert [answer.status_code for answer in back] == [201, 201]
    assert back[0].json == back[1].json


def test_names_obey_the_rules(client: FlaskClient) -> None:
    refused = client.put("/api/names/con", json={"content": "x"})
    assert (refused.status_code, refused.json["code"]) == (422, "invalid_name")
    client.put("/api/names/A", json={"content": "x"})
    taken = client.put("/api/names/a", json={"content": "x"})
    assert (taken.status_code, taken.json["code"]) == (409, "name_taken")


def test_racing_puts_create_one_prompt(server: Server) -> None:
    with ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(lambda at: Http(server.url)("PUT", "/api/names/race", {"content": str(at)}), range(16))
        )
    assert sorted(answer.status for answer in answers) == [200] * 15 + [201]
    assert sorted(answer.json["version_number"] for answer in answers) == list(range(1, 17))


def test_a_write_to_a_path_that_is_not_utf8_is_refused(server: Server) -> None:
    """What cannot be decoded would become U+FFFD: two names of a client that sends Latin-1 would be one prompt."""
    http = Http(server.url)
    for sent in ("caf%e9", "caf%C3", "%ff", "a%ed%a0%80"):
        answer = http("PUT", f"/api/names/{sent}", {"content": "x"})
        assert (answer.status, answer.json["code"]) == (400, "malformed_path")
    assert http("GET", "/api/prompts").json == []
    assert http("PUT", "/api/names/caf%C3%A9", {"content": "x"}).status == 201
