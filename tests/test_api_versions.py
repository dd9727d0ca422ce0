"""Versions over HTTP: history, reverts, differences."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support import commits_of, foreign_commit, git, git_text, long_history
from tests.test_api_prompts import ADA, address, create


@pytest.fixture
def prompt(client: FlaskClient) -> str:
    """The address of a prompt with three versions."""
    where = address(create(client, "support/greeting", "one\n", author=ADA))
    for content in ("two\n", "three\n"):
        client.put(where, json={"content": content, "description": f"Now {content}"})
    return where


def numbers(answer: TestResponse) -> list[int]:
    return [version["version_number"] for version in answer.json]


def test_the_history_is_an_array_of_all_versions_oldest_first(
    client: FlaskClient, prompt: str, repository: Path
) -> None:
    answer = client.get(f"{prompt}/versions")
    assert answer.status_code == 200
    assert answer.headers["X-Total-Count"] == "3"
    assert numbers(answer) == [1, 2, 3]
    assert [version["commit"] for version in answer.json] == commits_of(repository, "prompts/support/greeting.md")
    first = answer.json[0]
    prompt_id = prompt.rsplit("/", 1)[1]
    assert first["id"] == str(uuid5(UUID(prompt_id), first["commit"]))
    assert (first["prompt_id"], first["description"], first["author"]) == (prompt_id, "Initial version", ADA)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["timestamp"])


def test_pages_of_a_history(client: FlaskClient, prompt: str) -> None:
    def get(query: str) -> TestResponse:
        return client.get(f"{prompt}/versions?{query}")

    assert numbers(get("limit=2")) == [1, 2]
    assert get("limit=2").headers["Link"] == f'<{prompt}/versions?limit=2&after=2>; rel="next"'
    assert numbers(get("limit=2&order=desc")) == [3, 2]
    assert get("limit=2&order=desc").headers["Link"] == f'<{prompt}/versions?limit=2&order=desc&before=2>; rel="next"'
    assert "Link" not in get("limit=3").headers
    assert numbers(get("after=1&before=3")) == [2]
    assert numbers(get("order=desc")) == [3, 2, 1]
    assert numbers(get("limit=1&after=2")) == [3]
    assert "Link" not in get("limit=1&after=2").headers
    for nothing in ("after=3", "before=1", "before=0", "before=-5", f"after={10**30}", f"before=-{10**30}"):
        assert get(nothing).json == []
        assert get(nothing + "&limit=5").json == []
        assert get(nothing).headers["X-Total-Count"] == "3"
    assert numbers(get(f"before={10**30}&limit=1000")) == [1, 2, 3]
    assert {
        get(wrong).status_code for wrong in ("limit=0", "limit=1001", "limit=x", "order=up", "page=2", "after=")
    } == {422}


def test_a_long_history_comes_whole_and_in_order(client: FlaskClient, repository: Path, prompt: str) -> None:
    """More than the chunks in which it is read and sent."""
    long_history(repository, "prompts/support/greeting.md", map(str, range(1_300)))
    answer = client.get(f"{prompt}/versions")
    assert numbers(answer) == list(range(1, 1_304))
    assert answer.headers["X-Total-Count"] == "1303"
    assert numbers(client.get(f"{prompt}/versions?order=desc")) == list(range(1_303, 0, -1))


def test_a_version_is_shown_with_its_content(client: FlaskClient, prompt: str) -> None:
    answer = client.get(f"{prompt}/versions/2")
    assert answer.status_code == 200
    assert (answer.json["version_number"], answer.json["content"], answer.json["description"]) == (
        2,
        "two\n",
        "Now two",
    )
    assert answer.headers["Cache-Control"] == "private, no-cache"
    raw = client.get(f"{prompt}/versions/2/content")
    assert raw.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    seen = {"If-None-Match": answer.headers["ETag"]}
    client.put(prompt, json={"content": "four"})
    for path in (f"{prompt}/versions/2", f"{prompt}/versions/2/content"):
        again = client.get(path, headers=seen)
        assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("content", ["", "\ufeffa\r\n\r\n ", "東京🎉", "<script>alert(1)</script>"])
def test_the_raw_content_is_the_very_bytes(client: FlaskClient, content: str) -> None:
    where = address(create(client, "raw", content))
    answer = client.get(f"{where}/versions/1/content")
    assert (answer.status_code, answer.data) == (200, content.encode())
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"{where}/versions/1").json["content"] == content


def test_a_revert_makes_a_new_version_of_an_old_content(client: FlaskClient, prompt: str, repository: Path) -> None:
    answer = client.post(f"{prompt}/versions/2/revert")
    assert answer.status_code == 200
    assert answer.json == {
        "message": "Reverted to version 2 successfully.",
        "prompt_id": prompt.rsplit("/", 1)[1],
        "version_number": 4,
        "commit": git_text(repository, "rev-parse", "main"),
    }
    newest = client.get(prompt)
    assert (newest.json["content"], newest.json["description"]) == ("two\n", "Revert to version 2")
    assert newest.headers["ETag"] == answer.headers["ETag"]
    assert numbers(client.get(f"{prompt}/versions")) == [1, 2, 3, 4]


def test_a_revert_takes_a_reason_and_an_author(client: FlaskClient, prompt: str) -> None:
    client.post(f"{prompt}/versions/1/revert", json={"description": "It was better", "author": ADA})
    newest = client.get(prompt).json
    assert (newest["description"], newest["author"]) == ("It was better", ADA)


def test_a_revert_to_what_is_there_already_writes_nothing(client: FlaskClient, prompt: str, repository: Path) -> None:
    head = git_text(repository, "rev-parse", "main")
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        answer = client.post(f"{prompt}/versions/3/revert", headers={"Content-Type": kind})
        assert answer.json["message"] == "Reverted to version 3 successfully."
        assert answer.json["version_number"] == 3
    client.post(f"{prompt}/versions/1/revert")
    assert client.post(f"{prompt}/versions/1/revert").json["version_number"] == 4
    assert git_text(repository, "rev-parse", "main~1") == head


@pytest.mark.parametrize(
    "number", ["0", "-1", "4", str(10**30), "9" * 5_000, "x", "1.0", "²", "1_0", "+1", "%20", "01"]
)
def test_a_missing_version_is_not_found(client: FlaskClient, prompt: str, number: str) -> None:
    calls = [
        client.get(f"{prompt}/versions/{number}"),
        client.get(f"{prompt}/versions/{number}/content"),
        client.post(f"{prompt}/versions/{number}/revert"),
    ]
    for answer in calls:
        assert (answer.status_code, answer.json["code"]) == (404, "version_not_found")
        assert "1 to 3" in answer.json["detail"]


def diff(client: FlaskClient, prompt: str, old: int, new: int) -> bytes:
    answer = client.get(f"{prompt}/diff?from={old}&to={new}", headers={"Accept": "text/x-diff"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/x-diff")
    return answer.data


def test_a_diff_is_what_git_prints_in_a_clone(
    client: FlaskClient, prompt: str, repository: Path, tmp_path: Path
) -> None:
    client.put(prompt, json={"content": "three\n" * 30 + "no newline, é"})
    foreign_commit(repository, {"prompts/support/greeting.md": b"\xff\r\n" + b"three\n" * 30})
    git(tmp_path, "clone", "-q", str(repository), "clone")
    path = "prompts/support/greeting.md"
    commits = commits_of(repository, path)
    for old in range(1, 6):
        for new in range(1, 6):
            printed = git(tmp_path / "clone", "diff", commits[old - 1], commits[new - 1], "--", path)
            assert diff(client, prompt, old, new) == printed


def test_a_diff_across_a_move_is_that_of_the_two_files(client: FlaskClient, prompt: str, repository: Path) -> None:
    client.patch(prompt, json={"name": "[a]"})
    client.put(prompt, json={"content": "four\n"})
    assert diff(client, prompt, 1, 3).startswith(
        b"diff --git a/prompts/support/greeting.md b/prompts/support/greeting.md"
    )
    across = diff(client, prompt, 1, 4)
    assert across.startswith(b"diff --git a/prompts/support/greeting.md b/prompts/[a].md\n")
    assert across.endswith(b"@@ -1 +1 @@\n-one\n+four\n")


def test_a_diff_in_json_counts_lines(client: FlaskClient, prompt: str) -> None:
    client.put(prompt, json={"content": "three\n--- a\n+++ b\n@@ x\nlast"})
    answer = client.get(f"{prompt}/diff?from=3&to=4")
    assert (answer.json["from"], answer.json["to"]) == (3, 4)
    assert (answer.json["additions"], answer.json["deletions"]) == (4, 0)
    assert answer.json["diff"].encode() == diff(client, prompt, 3, 4)
    same = client.get(f"{prompt}/diff?from=2&to=2").json
    assert (same["diff"], same["additions"], same["deletions"]) == ("", 0, 0)


def test_a_diff_needs_two_versions_that_exist(client: FlaskClient, prompt: str) -> None:
    for missing in (0, -1, 4, 10**30):
        assert client.get(f"{prompt}/diff?from=1&to={missing}").status_code == 404
        assert client.get(f"{prompt}/diff?from={missing}&to=1").status_code == 404
    assert client.get(f"{prompt}/diff?from=1").status_code == 422
    assert client.get(f"{prompt}/diff?from=a&to=b").status_code == 422
