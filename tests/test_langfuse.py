"""The prompts of Langfuse's public API, over HTTP: what the SDKs rely on, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.git.repository import Repository
from promptgit.store.store import Store
from tests.support import at_once, foreign_commit, git, git_text

PROMPTS = "/api/public/v2/prompts"


def publish(client: FlaskClient, name: str = "a", prompt: Any = "x", **fields: Any) -> TestResponse:
    return client.post(PROMPTS, json={"name": name, "prompt": prompt, **fields})


def test_a_prompt_has_all_that_the_sdk_asks_of_it(client: FlaskClient, repository: Path) -> None:
    """And is a readable file in git, in one commit with its labels."""
    answer = publish(
        client, "a/b", "Hi\n", labels=["production", "latest"], config={"t": 1}, tags=["x"], commitMessage="Why"
    )
    assert answer.status_code == 201
    made = answer.json
    assert made == {
        "id": made["id"],
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
        "projectId": "promptgit",
        "createdBy": "promptgit",
        "type": "text",
        "name": "a/b",
        "version": 1,
        "config": {"t": 1},
        "labels": ["production", "latest"],
        "tags": ["x"],
        "prompt": "Hi\n",
        "commitMessage": "Why",
        "resolutionGraph": None,
    }
    assert client.get(f"{PROMPTS}/a%2Fb").json == client.get(f"{PROMPTS}/a/b?resolve=true").json == made
    assert git(repository, "show", "main:prompts/a/b.md") == b"---\nconfig:\n  t: 1\ntags:\n- x\n---\nHi\n"
    assert git(repository, "show", "main:labels/production/a/b") == b"1\n"
    assert git_text(repository, "log", "--format=%s", "main").split("\n")[:-1] == ["Why"]


def test_a_plain_prompt_is_a_plain_file_for_both_apis(client: FlaskClient, repository: Path) -> None:
    prompt_id = client.post("/api/prompts", json={"name": "a", "content": "---\ntitle: x\n---\n1"}).json["id"]
    assert client.get(f"{PROMPTS}/a?version=1").json["prompt"] == "---\ntitle: x\n---\n1"
    assert publish(client, "a", "2").json["version"] == 2
    assert client.get(f"/api/prompts/{prompt_id}").json["content"] == "2"


def test_the_same_again_is_the_same_version(client: FlaskClient, repository: Path) -> None:
    """The SDK sends again what it got no answer for."""
    body = {"prompt": "1", "labels": ["production"], "commitMessage": "First", "config": {"a": [1]}}
    first = publish(client, **body)
    before = git_text(repository, "rev-parse", "main")
    again = publish(client, **body)
    assert (again.status_code, again.json) == (201, first.json)
    assert git_text(repository, "rev-parse", "main") == before
    assert publish(client, **body | {"labels": ["other"]}).json["labels"] == ["other", "production", "latest"]
    assert publish(client, **body | {"config": {"a": [1.0]}}).json["version"] == 2


def test_a_label_moves_to_the_version_that_is_published_with_it(client: FlaskClient) -> None:
    publish(client, prompt="1", labels=["production", "a"])
    publish(client, prompt="2", labels=["production"])
    assert client.get(f"{PROMPTS}/a").json["version"] == 2
    assert client.get(f"{PROMPTS}/a?version=1").json["labels"] == ["a"]
    moved = client.patch(f"{PROMPTS}/a/versions/1", json={"newLabels": ["production", "b"]}).json
    assert (moved["version"], moved["labels"]) == (1, ["a", "b", "production"])
    assert client.get(f"{PROMPTS}/a?version=2").json["labels"] == ["latest"]
    assert client.get(f"{PROMPTS}/a?label=latest").json["version"] == 2


def test_tags_are_those_of_the_prompt(client: FlaskClient) -> None:
    """Left out, they stay; given, they hold for the versions before too."""
    publish(client, prompt="1", tags=["x", "y", "x"])
    assert publish(client, prompt="2").json["tags"] == ["x", "y"]
    assert publish(client, prompt="3", tags=["z"]).json["version"] == 3
    assert client.get(f"{PROMPTS}/a?version=1").json["tags"] == ["z"]
    assert publish(client, prompt="4", tags=[]).json["tags"] == []


def test_without_version_and_label_it_is_the_one_in_production(client: FlaskClient) -> None:
    publish(client)
    answer = client.get(f"{PROMPTS}/a")
    assert answer.status_code == 404
    assert answer.json == {"message": "'a' has no label 'production'.", "error": "LangfuseNotFoundError"}


def test_a_deleted_prompt_is_not_found_until_it_is_published_again(client: FlaskClient, repository: Path) -> None:
    """Its numbers go on, and its labels are gone."""
    publish(client, labels=["production"])
    assert client.delete(f"{PROMPTS}/a").status_code == 204
    for answer in (client.get(f"{PROMPTS}/a?version=1"), client.delete(f"{PROMPTS}/a")):
        assert (answer.status_code, answer.json["error"]) == (404, "LangfuseNotFoundError")
    assert client.get(PROMPTS).json["meta"]["totalItems"] == 0
    again = publish(client, labels=["b"]).json
    assert (again["version"], again["labels"]) == (2, ["b", "latest"])
    assert git(repository, "show", "main:labels/b/a") == b"2\n"


@pytest.mark.parametrize("query", ["version=1", "label=production"])
def test_single_versions_cannot_be_deleted(client: FlaskClient, query: str) -> None:
    publish(client, labels=["production"])
    answer = client.delete(f"{PROMPTS}/a?{query}")
    assert (answer.status_code, answer.json["error"]) == (400, "InvalidRequestError")
    assert "delete the whole prompt" in answer.json["message"]
    assert client.get(f"{PROMPTS}/a").status_code == 200


CHAT = {"type": "chat", "name": "c"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "a"}, "prompt"),
        ({"prompt": "x"}, "name"),
        ({"name": "CON", "prompt": "x"}, "Windows reserves"),
        ({"name": "\ud800", "prompt": "x"}, "surrogate"),
        ({"name": "there/below", "prompt": "x"}, "cannot stand beside"),
        ({"name": "a", "prompt": "x", "labels": ["A"]}, "label"),
        ({"name": "a", "prompt": "x", "labels": ["a" * 37]}, "label"),
        ({"name": "a", "prompt": "x", "labels": "a"}, "labels"),
        ({"name": "a", "prompt": "x", "tags": [1]}, "tags"),
        ({"name": "a", "prompt": "x", "tags": ["\ud800"]}, "surrogate"),
        ({"name": "a", "prompt": "x\0", "tags": ["a"]}, "NUL"),
        ({"name": "a", "prompt": "x", "type": "image"}, "type"),
        ({"name": "a", "prompt": ["x"]}, "prompt"),
        ({"name": "a", "prompt": "x", "commitMessage": "\x1b"}, "description"),
        ({"name": "there", "prompt": [], "type": "chat"}, "another name"),
        (CHAT | {"prompt": "x"}, "list of messages"),
        (CHAT | {"prompt": ["x"]}, "at place 1"),
        (CHAT | {"prompt": [{"role": "user", "content": "x"}, {"role": "user"}]}, "at place 2"),
        (CHAT | {"prompt": [{"role": "user", "content": "x", "tool_calls": []}]}, "at place 1"),
        (CHAT | {"prompt": [{"type": "placeholder"}]}, "at place 1"),
        (CHAT | {"prompt": [{"role": "\ud800", "content": "x"}]}, "surrogate"),
        ([], "not a JSON object"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_400(client: FlaskClient, body: Any, said: str) -> None:
    """Not with 409 or 422: the SDK would send it again, or not understand."""
    publish(client, "there")
    answer = client.post(PROMPTS, json=body)
    assert (answer.status_code, answer.json["error"]) == (400, "InvalidRequestError")
    assert said in answer.json["message"]
    assert client.get(PROMPTS).json["meta"]["totalItems"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/api/public/nothing", 404, "LangfuseNotFoundError"),
        ("GET", f"{PROMPTS}/none", 404, "LangfuseNotFoundError"),
        ("GET", f"{PROMPTS}/a?version=2", 404, "LangfuseNotFoundError"),
        ("GET", f"{PROMPTS}/a?version=-1", 404, "LangfuseNotFoundError"),
        ("GET", f"{PROMPTS}/a?version=x", 400, "InvalidRequestError"),
        ("GET", f"{PROMPTS}/a?version=1&label=a", 400, "InvalidRequestError"),
        ("GET", f"{PROMPTS}/a?label=%00", 404, "LangfuseNotFoundError"),
        ("GET", f"{PROMPTS}?limit=101", 400, "InvalidRequestError"),
        ("GET", f"{PROMPTS}?page=0", 400, "InvalidRequestError"),
        ("GET", f"{PROMPTS}?filter=x", 400, "InvalidRequestError"),
        ("PUT", PROMPTS, 405, "MethodNotAllowedError"),
        ("PATCH", f"{PROMPTS}/a/versions/2", 404, "LangfuseNotFoundError"),
        ("PATCH", f"{PROMPTS}/a/versions/x", 404, "LangfuseNotFoundError"),
        ("PATCH", f"{PROMPTS}/none/versions/1", 404, "LangfuseNotFoundError"),
    ],
)
def test_errors_are_langfuses_everywhere_below(
    client: FlaskClient, method: str, path: str, status: int, error: str
) -> None:
    publish(client)
    answer = client.open(path, method=method, json={"newLabels": ["a"]} if method == "PATCH" else None)
    assert (answer.status_code, answer.json["error"]) == (status, error)
    assert answer.content_type == "application/json"
    assert isinstance(answer.json["message"], str)


def test_other_errors_stay_problem_documents(client: FlaskClient) -> None:
    assert client.get("/api/publicity").content_type == "application/problem+json"
    assert client.get("/api/prompts/x").content_type == "application/problem+json"


def test_lists_have_pages_and_filters(client: FlaskClient) -> None:
    for name in "abc":
        publish(client, name, "1", labels=["production"], tags=[name, "all"], config={"n": 1})
    publish(client, "b", "the word tags", labels=["new"])
    page = client.get(f"{PROMPTS}?limit=2&page=2").json
    assert [item["name"] for item in page["data"]] == ["c"]
    assert page["meta"] == {"page": 2, "limit": 2, "totalItems": 3, "totalPages": 2}
    item = client.get(f"{PROMPTS}?name=b").json["data"][0]
    assert item == {
        "name": "b",
        "type": "text",
        "versions": [1, 2],
        "labels": ["new", "production", "latest"],
        "tags": ["b", "all"],
        "lastUpdatedAt": item["lastUpdatedAt"],
        "lastConfig": {},
    }
    labelled = client.get(f"{PROMPTS}?label=production&tag=b").json
    assert [(i["name"], i["versions"], i["labels"], i["lastConfig"]) for i in labelled["data"]] == [
        ("b", [1], ["production"], {"n": 1})
    ]
    for query, total in (("tag=all", 3), ("tag=tags", 0), ("label=new", 1), ("label=latest", 3), ("name=z", 0)):
        assert client.get(f"{PROMPTS}?{query}").json["meta"]["totalItems"] == total, query


def test_a_page_by_tag_reads_no_more_contents_than_it_has_prompts(
    client: FlaskClient, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many prompts have the tag, or the word in their texts."""
    tagged = {f"prompts/t{at:02}.md": b"---\ntags: [t, u]\n---\n%d" % at for at in range(30)}
    foreign_commit(repository, tagged | {f"prompts/x{at:02}.md": b"the word tags %d" % at for at in range(30)})
    assert client.get(f"{PROMPTS}?tag=t").json["meta"]["totalItems"] == 30
    read: list[str] = []

    def content(self: Repository, blob: str) -> bytes:
        read.append(blob)
        return self.read(blob)

    monkeypatch.setattr(Repository, "content", content)
    page = client.get(f"{PROMPTS}?tag=t&limit=5&page=2").json
    assert [item["name"] for item in page["data"]] == [f"t{at:02}" for at in range(5, 10)]
    assert len(read) == 5


def test_tags_follow_every_change(client: FlaskClient, repository: Path) -> None:
    def found(tag: str) -> list[str]:
        return [item["name"] for item in client.get(f"{PROMPTS}?tag={tag}").json["data"]]

    publish(client, "a", "1", tags=["x", "y"])
    assert (found("x"), found("X"), found("")) == (["a"], [], [])
    publish(client, "a", "2", tags=["y"])
    foreign_commit(repository, {"prompts/b.md": b"---\ntags: [x, x]\n---\n"})
    assert (found("x"), found("y")) == (["b"], ["a"])
    assert client.delete(f"{PROMPTS}/a").status_code == 204
    assert found("y") == []


def test_a_label_in_git_that_points_nowhere_counts_nothing(client: FlaskClient, repository: Path) -> None:
    publish(client)
    foreign_commit(repository, {"labels/production/a": b"7\n"})
    page = client.get(f"{PROMPTS}?label=production").json
    assert (page["data"], page["meta"]["totalItems"]) == ([], 0)
    assert client.get(f"{PROMPTS}/a").status_code == 404


def test_a_name_may_look_like_an_address(client: FlaskClient) -> None:
    """GET and DELETE have no versions below, and PATCH takes the last one."""
    publish(client, "a/versions/1", "x", labels=["production"])
    assert client.get(f"{PROMPTS}/a%2Fversions%2F1").json["name"] == "a/versions/1"
    moved = client.patch(f"{PROMPTS}/a%2Fversions%2F1/versions/1", json={"newLabels": ["b"]})
    assert moved.json["name"] == "a/versions/1"
    assert client.patch(f"{PROMPTS}/a%2Fversions%2F1", json={"newLabels": ["b"]}).status_code == 404
    assert client.delete(f"{PROMPTS}/a%2Fversions%2F1").status_code == 204


def test_files_that_came_by_git_are_served(client: FlaskClient, repository: Path) -> None:
    """Front matter that is broken, or another tool's, is text."""
    foreign_commit(
        repository,
        {
            "prompts/broken.md": b"---\nconfig: [\n---\nHi",
            "prompts/good.md": b'---\ntype: chat\ntags: [t]\n---\n{{role "user"}}\nHi\n',
            "prompts/latin.md": b"caf\xe9",
        },
    )
    read = {name: client.get(f"{PROMPTS}/{name}?version=1").json for name in ("broken", "good", "latin")}
    assert read["broken"]["prompt"] == "---\nconfig: [\n---\nHi"
    assert (read["good"]["prompt"], read["good"]["tags"]) == ([{"role": "user", "content": "Hi"}], ["t"])
    assert read["latin"]["prompt"] == "caf\N{REPLACEMENT CHARACTER}"
    assert client.get(f"{PROMPTS}?tag=t").json["meta"]["totalItems"] == 1


def test_those_who_publish_at_once_lose_nothing(service: Service, store: Store) -> None:
    """Each keeps what it does not name, whoever comes first."""

    def add(text: str) -> None:
        service.publishing.publish("a", lambda newest: (newest or b"").decode() + text, [], attribution=Attribution())

    at_once(store, [lambda text=text: add(text) for text in "abcdefgh"])  # type: ignore[misc]
    found = service.publishing.find("a")
    assert found is not None
    assert (found.newest.number, sorted(service.content(found.newest).decode())) == (8, list("abcdefgh"))
