"""`?at=`: the API's reads as of a commit or a time, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from promptgit.domain.names import id_of
from tests.support import git, git_text

A = f"/api/prompts/{id_of('a')}"


@pytest.fixture
def states(client: FlaskClient, repository: Path) -> dict[str, str]:
    """A history, and the commit after each of its steps."""
    commits = {"born": git_text(repository, "rev-parse", "main")}

    def note(step: str) -> None:
        commits[step] = git_text(repository, "rev-parse", "main")

    client.post("/api/prompts", json={"name": "a", "content": "1"})
    note("created")
    client.put(f"{A}/labels/production", json={"version_number": 1, "description": "Good"})
    note("labelled")
    client.put(A, json={"content": "2"})
    note("saved")
    client.put(f"{A}/labels/production", json={"version_number": 2})
    client.patch(A, json={"name": "b"})
    note("renamed")
    client.delete(A)
    note("deleted")
    client.post(f"{A}/versions/1/revert")
    client.post("/api/prompts", json={"name": "a", "content": "another"})
    return commits


def code(client: FlaskClient, address: str) -> tuple[int, Any]:
    answer = client.get(address)
    return answer.status_code, answer.json.get("code") if isinstance(answer.json, dict) else None


def test_a_prompt_is_as_that_commit_left_it(client: FlaskClient, states: dict[str, str]) -> None:
    """Its newest version, name, path, labels, times and content of then."""
    then = client.get(f"{A}?at={states['saved']}").json
    shown = {key: then[key] for key in ("name", "path", "version_number", "labels", "content", "commit")}
    assert shown == {
        "name": "a",
        "path": "prompts/a.md",
        "version_number": 2,
        "labels": {"production": 1},
        "content": "2",
        "commit": states["saved"],
    }
    renamed = client.get(f"/api/names/b?at={states['renamed']}").json
    assert (renamed["id"], renamed["path"], renamed["labels"]) == (then["id"], "prompts/b.md", {"production": 2})


def test_a_name_is_the_one_of_then(client: FlaskClient, states: dict[str, str]) -> None:
    """The name `a` is another prompt's now; `b` was nobody's before the rename."""
    assert client.get("/api/names/a").json["content"] == "another"
    assert client.get(f"/api/names/a?at={states['saved']}").json["id"] == id_of("a")
    assert code(client, f"/api/names/b?at={states['saved']}") == (404, "name_not_found")
    assert [one["name"] for one in client.get(f"/api/prompts?at={states['renamed']}").get_json()] == ["b"]


def test_not_created_yet_is_404_deleted_then_410_and_deleted_since_200(
    client: FlaskClient, states: dict[str, str]
) -> None:
    assert code(client, f"{A}?at={states['born']}") == (404, "prompt_not_found")
    assert code(client, f"{A}/labels?at={states['born']}") == (404, "prompt_not_found")
    assert code(client, f"/api/names/a?at={states['born']}") == (404, "name_not_found")
    assert client.get(f"/api/prompts?at={states['born']}").json == []
    assert code(client, f"{A}?at={states['deleted']}") == (410, "prompt_deleted")
    assert code(client, f"{A}/labels?at={states['deleted']}") == (410, "prompt_deleted")
    assert code(client, f"/api/names/b?at={states['deleted']}") == (410, "prompt_deleted")
    assert client.get(f"/api/prompts?at={states['deleted']}").json == []
    client.delete(A)
    assert client.get(A).status_code == 410
    assert client.get(f"{A}?at={states['renamed']}").json["name"] == "b"


def test_labels_are_those_of_then(client: FlaskClient, states: dict[str, str]) -> None:
    assert client.get(f"{A}/labels?at={states['created']}").json == []
    (label,) = client.get(f"{A}/labels?at={states['saved']}").get_json()
    assert (label["label"], label["version_number"], label["description"]) == ("production", 1, "Good")
    version = client.get(f"{A}/labels/production?at={states['saved']}").json
    assert (version["version_number"], version["content"], version["labels"]) == (1, "1", ["production"])
    assert client.get(f"{A}/labels/latest?at={states['labelled']}").json["version_number"] == 1
    assert code(client, f"{A}/labels/production?at={states['created']}") == (404, "label_not_found")
    assert code(client, f"{A}/labels/production?at={states['deleted']}") == (410, "prompt_deleted")


def test_a_list_at_a_label_has_the_versions_of_then(client: FlaskClient, states: dict[str, str]) -> None:
    asked = f"/api/prompts?label=production&include=content&at={states['saved']}"
    found = client.get(asked).get_json()
    assert [(one["name"], one["version_number"], one["content"]) for one in found] == [("a", 1, "1")]


def test_pages_of_a_list_are_of_one_commit(client: FlaskClient, repository: Path) -> None:
    """A page's link names the commit that the time meant, so that no page mixes two states."""
    for name in ("a", "b", "c"):
        client.post("/api/prompts", json={"name": name, "content": "x"})
    tip = git_text(repository, "rev-parse", "main")
    first = client.get("/api/prompts?limit=2&at=2099-01-01T00:00:00Z")
    link = first.headers["Link"].partition(">")[0].lstrip("<")
    assert f"at={tip}" in urlsplit(link).query
    client.post("/api/prompts", json={"name": "d", "content": "x"})
    assert [one["name"] for one in client.get(link).json] == ["c"]


@pytest.mark.parametrize(
    "time",
    [
        "2029-12-31T23:59:59Z",
        "2030-01-01T00:00:00Z",
        "2030-03-01T12:00:00.999Z",
        "2030-06-01T00:00:00+00:00",
        "2030-06-01T01:00:00+01:00",
        "2030-05-31T23:59:60z",
        "2030-06-01 05:29:59+05:30",
        "2099-12-31T23:59:59-11:00",
    ],
)
def test_a_time_means_the_commit_that_git_prints(client: FlaskClient, repository: Path, time: str) -> None:
    """By the committers' dates, of which one goes back; with offsets, fractions and a leap second."""
    client.post("/api/prompts", json={"name": "a", "content": "0"})
    for content, day in enumerate(("2030-01-01", "2031-01-01", "2030-06-01"), 1):
        tree = _with(repository, b"%d" % content)
        made = git(repository, "commit-tree", tree, "-p", "main", "-m", day, GIT_COMMITTER_DATE=f"{day}T00:00:00Z")
        git(repository, "update-ref", "refs/heads/main", made.decode().strip())
    expected = git_text(repository, "rev-list", "-1", "--first-parent", f"--before={time}", "main")
    answer = client.get("/api/names/a", query_string={"at": time})
    assert answer.json == client.get(f"/api/names/a?at={expected}").json


def _with(repository: Path, content: bytes) -> str:
    """A tree with this content of the prompt `a`."""
    blob = git(repository, "hash-object", "-w", "--stdin", data=content).decode().strip()
    folder = git(repository, "mktree", data=f"100644 blob {blob}\ta.md\n".encode()).decode().strip()
    return git(repository, "mktree", data=f"040000 tree {folder}\tprompts\n".encode()).decode().strip()


@pytest.mark.parametrize(
    "at",
    [
        *("main", "HEAD~1", "0" * 39, "0" * 41, "A" * 40, "", "now", "1"),
        *("2026-11-01", "2026-11-01T12:00:00", "2026-11-01T12:00:00+01", "2026-11-01T12:00:00 01:00"),
        *("2026-02-30T00:00:00Z", "2026-11-01T12:00:61Z", "2026-11-01T25:00:00Z", "٢٠٢٦-11-01T12:00:00Z"),
    ],
)
def test_what_is_neither_a_commit_nor_a_time_is_refused(client: FlaskClient, at: str) -> None:
    """An abbreviated id, a ref, a day, a time without zone: 422, under the field's name."""
    for address in ("/api/prompts", A, "/api/names/a", f"{A}/labels", f"{A}/labels/x"):
        answer = client.get(address, query_string={"at": at})
        assert (answer.status_code, list(answer.json["errors"])) == (422, ["at"]), address


def test_a_commit_elsewhere_than_on_main_is_not_found(
    client: FlaskClient, repository: Path, states: dict[str, str]
) -> None:
    """One that there is not, one of a side branch that was merged, and one with main in its history."""
    tree = git_text(repository, "rev-parse", "main^{tree}")
    side = git_text(repository, "commit-tree", tree, "-p", states["created"], "-m", "Side")
    merge = git_text(repository, "commit-tree", tree, "-p", "main", "-p", side, "-m", "Merge")
    above = git_text(repository, "commit-tree", tree, "-p", merge, "-m", "Not there yet")
    git(repository, "update-ref", "refs/heads/main", merge)
    for commit in ("0" * 40, side, above):
        assert code(client, f"/api/prompts?at={commit}") == (404, "commit_not_found")
        assert code(client, f"{A}?at={commit}") == (404, "commit_not_found")
    assert client.get(f"/api/prompts?at={merge}").json == client.get("/api/prompts").json


def test_before_the_first_commit_there_is_nothing(client: FlaskClient) -> None:
    answer = client.get("/api/prompts?at=1999-12-31T23:59:59Z")
    assert (answer.status_code, answer.json["code"]) == (404, "commit_not_found")
    assert "1999-12-31T23:59:59Z" in answer.json["detail"]


def test_the_past_is_not_searched(client: FlaskClient, states: dict[str, str]) -> None:
    answer = client.get(f"/api/prompts?q=x&at={states['saved']}")
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["q"])


def test_an_unknown_parameter_is_refused(client: FlaskClient, states: dict[str, str]) -> None:
    """`?att=` would otherwise be answered with the newest state."""
    assert client.get(f"{A}?att={states['saved']}").status_code == 422


def test_its_etag_never_overwrites_something_newer(client: FlaskClient, states: dict[str, str]) -> None:
    """It is the ETag that the prompt had then: `If-Match` with it fails once there is a newer version."""
    old = client.get(f"{A}?at={states['created']}").headers["ETag"]
    assert client.put(A, json={"content": "lost?"}, headers={"If-Match": old}).status_code == 412
    now = client.get(A).headers["ETag"]
    head = client.get("/api/changes?limit=1000").headers["X-Last-Commit"]
    assert client.get(f"{A}?at={head}").headers["ETag"] == now
    assert client.put(A, json={"content": "seen"}, headers={"If-Match": now}).status_code == 200


def test_as_of_a_commit_may_be_kept_as_of_a_time_is_asked_for_again(
    client: FlaskClient, states: dict[str, str]
) -> None:
    """A commit that comes later may bear an earlier date; what a commit left never changes."""
    for address in (A, "/api/names/a", f"{A}/labels/latest"):
        kept = client.get(f"{address}?at={states['saved']}")
        assert kept.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        again = client.get(f"{address}?at={states['saved']}", headers={"If-None-Match": kept.headers["ETag"]})
        assert again.status_code == 304
        assert client.get(f"{address}?at=2099-01-01T00:00:00Z").headers["Cache-Control"] == "private, no-cache"
