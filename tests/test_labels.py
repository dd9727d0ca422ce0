"""Labels: files in git, so that each move is a commit."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from promptgit.domain import labels
from promptgit.domain.models import Author
from promptgit.exchange import checker
from promptgit.service.feed import Feed
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.support import foreign_commit, git, git_text

ADA = {"name": "Ada L.", "email": "ada@example.org"}
SOME_UUID = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"


@pytest.fixture
def prompt(client: FlaskClient) -> str:
    """The address of a prompt with three versions."""
    address: str = client.post("/api/prompts", json={"content": "1", "name": "support/greeting"}).headers["Location"]
    for content in "23":
        client.put(address, json={"content": content})
    return address


def test_a_label_is_a_file_and_its_move_a_commit(client: FlaskClient, prompt: str, repository: Path) -> None:
    answer = client.put(
        f"{prompt}/labels/production", json={"version_number": 2, "description": "Evaluated", "author": ADA}
    )
    assert answer.status_code == 200
    assert git(repository, "show", "main:labels/production/support/greeting") == b"2\n"
    commit, author, message = git_text(repository, "log", "-1", "--format=%H|%an <%ae>|%B", "main").split("|")
    assert (author, message) == ("Ada L. <ada@example.org>", "Evaluated")
    label = answer.json
    assert label == {
        "label": "production",
        "version_number": 2,
        "timestamp": label["timestamp"],
        "description": "Evaluated",
        "author": ADA,
        "committer": {"name": "promptgit", "email": "promptgit@localhost"},
        "commit": commit,
    }
    assert client.get(f"{prompt}/labels").json == [label]
    pointed = client.get(f"{prompt}/labels/production")
    assert pointed.json == client.get(f"{prompt}/versions/2").json
    assert (pointed.json["content"], pointed.json["labels"]) == ("2", ["production"])
    assert pointed.headers["Cache-Control"] == "private, no-cache"
    assert client.get(prompt).json["labels"] == {"production": 2}
    assert [version["labels"] for version in client.get(f"{prompt}/versions").json] == [[], ["production"], []]


def test_pointing_where_it_points_writes_nothing(client: FlaskClient, prompt: str, repository: Path) -> None:
    first = client.put(f"{prompt}/labels/a", json={"version_number": 1}).json
    before = git_text(repository, "rev-parse", "main")
    again = client.put(f"{prompt}/labels/a", json={"version_number": 1, "description": "Again"})
    assert (again.status_code, again.json) == (200, first)
    assert git_text(repository, "rev-parse", "main") == before


def test_the_history_of_a_label_tells_who_moved_it_from_where_to_where(client: FlaskClient, prompt: str) -> None:
    for number, why in ((1, "Begin"), (3, "Better"), (2, "Not so good after all")):
        client.put(f"{prompt}/labels/a", json={"version_number": number, "description": why, "author": ADA})
    client.delete(f"{prompt}/labels/a", json={"description": "Enough"})
    moves = client.get(f"{prompt}/labels/a/history").json
    assert [(move["from"], move["to"], move["description"], move["author"]["name"]) for move in moves] == [
        (None, 1, "Begin", "Ada L."),
        (1, 3, "Better", "Ada L."),
        (3, 2, "Not so good after all", "Ada L."),
        (2, None, "Enough", "promptgit"),
    ]
    assert len({move["commit"] for move in moves}) == 4


def test_a_label_can_be_removed(client: FlaskClient, prompt: str, repository: Path) -> None:
    """Once more is fine; one that never was is not found."""
    client.put(f"{prompt}/labels/a", json={"version_number": 1})
    assert client.delete(f"{prompt}/labels/a").status_code == 204
    assert git_text(repository, "ls-tree", "-r", "--name-only", "main", "labels/") == ""
    before = git_text(repository, "rev-parse", "main")
    assert client.delete(f"{prompt}/labels/a").status_code == 204
    assert git_text(repository, "rev-parse", "main") == before
    answer = client.delete(f"{prompt}/labels/b")
    assert (answer.status_code, answer.json["code"]) == (404, "label_not_found")
    assert client.get(f"{prompt}/labels/a").json["code"] == "label_not_found"
    assert client.get(prompt).json["labels"] == {}


def test_latest_is_the_newest_version_and_cannot_be_moved(client: FlaskClient, prompt: str) -> None:
    assert client.get(f"{prompt}/labels/latest").json["version_number"] == 3
    answer = client.put(f"{prompt}/labels/latest", json={"version_number": 1})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["label"])
    assert client.delete(f"{prompt}/labels/latest").status_code == 422


@pytest.mark.parametrize("number", [0, -1, 4, 10**18])
def test_a_label_on_a_version_that_does_not_exist_is_refused(client: FlaskClient, prompt: str, number: int) -> None:
    answer = client.put(f"{prompt}/labels/a", json={"version_number": number})
    assert (answer.status_code, answer.json["code"]) == (404, "version_not_found")
    assert client.get(f"{prompt}/labels").json == []


@pytest.mark.parametrize("body", [{}, {"version_number": "2"}, {"version_number": 1.5}, {"version_number": None}])
def test_a_version_number_is_a_number(client: FlaskClient, prompt: str, body: dict[str, object]) -> None:
    answer = client.put(f"{prompt}/labels/a", json=body)
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["version_number"])


@pytest.mark.parametrize("label", ["Production", "-a", ".a", "_a", "ä", "a b", "a" * 37])
def test_a_label_that_breaks_the_rules_is_refused(client: FlaskClient, prompt: str, label: str) -> None:
    answer = client.put(f"{prompt}/labels/{label}", json={"version_number": 1})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["label"])
    assert client.get(f"{prompt}/labels/{label}").status_code == 404
    assert client.get(f"{prompt}/labels/{label}/history").status_code == 404


@pytest.mark.parametrize("label", ["0", "a" * 36, "a.b_c-d"])
def test_the_labels_that_the_rules_allow_can_be_had(client: FlaskClient, prompt: str, label: str) -> None:
    assert client.put(f"{prompt}/labels/{label}", json={"version_number": 1}).status_code == 200
    assert client.get(f"{prompt}/labels/{label}").json["version_number"] == 1


def test_a_move_by_somebody_who_has_not_seen_the_newest_version_is_refused(client: FlaskClient, prompt: str) -> None:
    seen = client.get(prompt).headers["ETag"]
    client.put(prompt, json={"content": "4"})
    for call in (client.put, client.delete):
        answer = call(
            f"{prompt}/labels/a", json={"version_number": 1} if call == client.put else None, headers={"If-Match": seen}
        )
        assert (answer.status_code, answer.json["current_version"]) == (412, 4)
    seen = client.get(prompt).headers["ETag"]
    assert client.put(f"{prompt}/labels/a", json={"version_number": 4}, headers={"If-Match": seen}).status_code == 200


def test_a_moved_label_shows_in_a_conditional_read(client: FlaskClient, prompt: str) -> None:
    """The prompt's ETag changes, but a save with the one from before is no conflict: no version came."""
    seen = client.get(prompt).headers["ETag"]
    client.put(f"{prompt}/labels/a", json={"version_number": 1})
    answer = client.get(prompt, headers={"If-None-Match": seen})
    assert (answer.status_code, answer.json["labels"]) == (200, {"a": 1})
    assert client.get(prompt, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert client.put(prompt, json={"content": "4"}, headers={"If-Match": seen}).status_code == 200


def conditional(client: FlaskClient, prompt: str) -> dict[str, tuple[str, bytes]]:
    """The ETag and the body of every read of *prompt* that has an ETag."""
    paths = ["", *(f"/versions/{number}{part}" for number in (1, 2, 3) for part in ("", "/content"))]
    paths += ["/labels/production", "/labels/latest"]
    answers = {path: client.get(prompt + path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: (answer.headers["ETag"], answer.data) for path, answer in answers.items()}


def test_an_etag_changes_with_whatever_the_body_has(client: FlaskClient, prompt: str) -> None:
    """Versions, labels that come, move and go, names: a cached body that is not the body any more gets 200."""
    client.put(f"{prompt}/labels/production", json={"version_number": 1})
    seen = [conditional(client, prompt)]
    for method, changed, body in (
        ("PUT", "/labels/production", {"version_number": 2}),
        ("PUT", "/labels/staging", {"version_number": 2}),
        ("PUT", "/labels/staging", {"version_number": 3}),
        ("PATCH", "", {"name": "moved"}),
        ("DELETE", "/labels/staging", None),
        ("PUT", "", {"content": "4"}),
    ):
        assert client.open(prompt + changed, method=method, json=body).status_code in (200, 204)
        seen.append(conditional(client, prompt))
        before, after = seen[-2:]
        for path, (etag, shown) in before.items():
            now = client.get(prompt + path, headers={"If-None-Match": etag})
            assert now.status_code == (304 if shown == after[path][1] else 200), path
    assert len({answer["/versions/2"][0] for answer in seen}) == 3  # no label, one, two


def test_an_etag_of_a_labelled_version_is_a_precondition_of_that_version(client: FlaskClient, prompt: str) -> None:
    """What the ETag tells of labels is ignored by If-Match: a label that moved is no newer version."""
    client.put(f"{prompt}/labels/a", json={"version_number": 3})
    seen = client.get(f"{prompt}/versions/3").headers["ETag"]
    client.delete(f"{prompt}/labels/a")
    assert client.put(prompt, json={"content": "4"}, headers={"If-Match": seen}).status_code == 200
    assert client.put(prompt, json={"content": "5"}, headers={"If-Match": seen}).status_code == 412


def test_labels_survive_a_rename(client: FlaskClient, prompt: str, repository: Path) -> None:
    """In the same commit; the label's history goes on."""
    client.put(f"{prompt}/labels/a", json={"version_number": 1})
    client.put(f"{prompt}/labels/b", json={"version_number": 2})
    commits = git_text(repository, "rev-list", "--count", "main")
    client.patch(prompt, json={"name": "other/place"})
    assert int(git_text(repository, "rev-list", "--count", "main")) == int(commits) + 1
    files = git_text(repository, "ls-tree", "-r", "--name-only", "main", "labels/").split()
    assert files == ["labels/a/other/place", "labels/b/other/place"]
    assert client.get(prompt).json["labels"] == {"a": 1, "b": 2}
    client.put(f"{prompt}/labels/a", json={"version_number": 3})
    moves = client.get(f"{prompt}/labels/a/history").json
    assert [(move["from"], move["to"]) for move in moves] == [(None, 1), (1, 3)]


def test_a_deleted_prompt_has_no_labels(client: FlaskClient, prompt: str, repository: Path) -> None:
    """Another prompt of that name would inherit them. Their history stays."""
    client.put(f"{prompt}/labels/a", json={"version_number": 1})
    client.delete(prompt)
    assert git_text(repository, "ls-tree", "-r", "--name-only", "main", "labels/") == ""
    assert client.get(f"{prompt}/labels").json == []
    assert client.get(f"{prompt}/labels/a").status_code == 410
    assert client.put(f"{prompt}/labels/a", json={"version_number": 1}).status_code == 410
    moves = client.get(f"{prompt}/labels/a/history").json
    assert [(move["from"], move["to"]) for move in moves] == [(None, 1), (1, None)]


def test_a_prompt_that_is_a_uuid_has_its_labels_in_a_folder(client: FlaskClient, repository: Path) -> None:
    prompt = client.post("/api/prompts", json={"content": "x", "id": SOME_UUID}).headers["Location"]
    client.put(f"{prompt}/labels/a", json={"version_number": 1})
    assert git(repository, "show", f"main:labels/a/01/{SOME_UUID}") == b"1\n"
    assert client.get(prompt).json["labels"] == {"a": 1}


def test_all_prompts_at_a_label_come_in_one_call(client: FlaskClient, prompt: str) -> None:
    """Each with the version that the label points at, in the order of their names."""
    other = client.post("/api/prompts", json={"content": "x", "name": "a"}).headers["Location"]
    client.post("/api/prompts", json={"content": "y", "name": "b"})
    client.put(f"{prompt}/labels/production", json={"version_number": 2})
    client.put(f"{other}/labels/production", json={"version_number": 1})
    found = client.get("/api/prompts?label=production&include=content").json
    assert [(item["name"], item["version_number"], item["content"]) for item in found] == [
        ("a", 1, "x"),
        ("support/greeting", 2, "2"),
    ]
    commit = client.get(f"{prompt}/versions/2").json["commit"]
    assert (found[1]["commit"], found[1]["labels"]) == (commit, {"production": 2})
    page = client.get("/api/prompts?label=production&limit=1")
    assert [item["name"] for item in page.json] == ["a"]
    assert "label=production" in page.headers["Link"]
    assert client.get("/api/prompts?label=none").json == []
    assert [item["version_number"] for item in client.get("/api/prompts?label=latest").json] == [1, 1, 3]
    assert [item["name"] for item in client.get("/api/prompts?label=production&q=greet").json] == ["support/greeting"]


def test_labels_that_git_pushed_count(service: Service, store: Store, repository: Path) -> None:
    """Whatever comes first, the prompt or its label."""
    foreign_commit(repository, {"labels/production/a": b"2\n"}, message="Early")
    prompt = service.create("1", name="b")
    foreign_commit(repository, {"prompts/a.md": b"1"})
    (early,) = service.list(name="a", limit=1)
    assert service.labels.all(early.id) == []
    service.save(early.id, "2")
    assert service.get(early.id).labels == {"production": 2}
    commit = foreign_commit(repository, {"labels/x/b": b"1"}, message="Late")
    (move,) = service.labels.history(prompt.id, "x")
    assert (move.before, move.number, move.description, move.commit) == (None, 1, "Late", commit)
    assert move.author == Author("admin", "admin@example.org")
    foreign_commit(repository, {"labels/x/b": None})
    assert service.get(prompt.id).labels == {}
    assert list(checker.differences(store)) == []


@pytest.mark.parametrize(
    "files",
    [
        {"labels/x/a": b"two\n"},
        {"labels/x/a": b"0\n"},
        {"labels/x/a": b"7\n"},
        {"labels/x/a": b""},
        {"labels/x/a": b"1\n\n"},
        {"labels/x/a": b"1" * 100_000},
        {"labels/X Y/a": b"1\n"},
        {"labels/x/none": b"1\n"},
    ],
)
def test_nonsense_in_a_label_file_is_ignored_and_told(
    service: Service, store: Store, repository: Path, files: dict[str, bytes]
) -> None:
    prompt = service.create("1", name="a")
    foreign_commit(repository, files)
    assert service.labels.all(prompt.id) == []
    assert service.get(prompt.id).labels == {}
    assert service.get(prompt.id).newest.labels == ()
    (told,) = checker.differences(store)
    assert "points at no version" in told
    service.rename(prompt.id, "b")
    service.labels.point(prompt.id, "x", 1, attribution=Attribution())
    assert service.get(prompt.id).labels == {"x": 1}


def test_a_reserved_label_that_came_by_git_is_ignored_and_told(
    service: Service, store: Store, client: FlaskClient, repository: Path
) -> None:
    """`latest` stays the newest version, wherever it is asked for."""
    prompt = service.create("1", name="a")
    service.save(prompt.id, "2")
    foreign_commit(repository, {"labels/latest/a": b"1\n"})
    assert service.get(prompt.id).labels == {}
    assert client.get(f"/api/prompts/{prompt.id}").json["labels"] == {}
    assert client.get(f"/api/prompts/{prompt.id}/labels/latest").json["version_number"] == 2
    assert [found.newest.number for found in service.list(label="latest", limit=9)] == [2]
    assert Feed(store).page(None, 9).changes[-1].type == "version"
    (told,) = checker.differences(store)
    assert told.startswith("The file of the label 'latest' of 'a' is of a reserved label, and is ignored.")


def test_files_beside_labels_are_left_alone(service: Service, store: Store, repository: Path) -> None:
    prompt = service.create("1", name="a")
    foreign_commit(repository, {"labels/README.md": b"x", "labels.md": b"1\n"})
    foreign_commit(repository, {"other/x/a": b"1\n"})
    assert service.labels.all(prompt.id) == []
    assert list(checker.differences(store)) == []


def test_a_name_cannot_be_a_folder_too(client: FlaskClient) -> None:
    """With the same label, the file of one would be the folder of the other."""
    first = client.post("/api/prompts", json={"content": "x", "name": "support"}).json["id"]
    for name in ("support/greeting", "Support/a/b"):
        answer = client.post("/api/prompts", json={"content": "x", "name": name})
        assert (answer.status_code, answer.json["prompt_id"]) == (409, first)
    deep = client.post("/api/prompts", json={"content": "x", "name": "team/a/b"}).json["id"]
    for name in ("team", "team/a", "TEAM"):
        answer = client.post("/api/prompts", json={"content": "x", "name": name})
        assert (answer.status_code, answer.json["prompt_id"]) == (409, deep)
    assert client.post("/api/prompts", json={"content": "x", "name": "team/ab"}).status_code == 201


@pytest.mark.parametrize("path", ["labels", "labels/a", "labels/a/", "other/a/b", f"labels/a/{SOME_UUID}"])
def test_no_label_has_such_a_path(path: str) -> None:
    assert labels.parse(path) is None


def test_a_labels_path_tells_label_and_name() -> None:
    for name in ("a", "support/greeting", SOME_UUID):
        assert labels.parse(labels.path_of("x", name)) == ("x", name)


@pytest.mark.parametrize("label", ["con", "aux", "nul", "com1", "nul.txt", "prod.", "v1.lock", "a.git"])
def test_a_new_label_obeys_the_rules_of_names(client: FlaskClient, prompt: str, repository: Path, label: str) -> None:
    """Windows could not check it out. One that came by git goes on working."""
    refused = client.put(f"{prompt}/labels/{label}", json={"version_number": 1})
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["label"])
    foreign_commit(repository, {f"labels/{label}/support/greeting": b"1\n"})
    assert client.get(f"{prompt}/labels/{label}").json["version_number"] == 1
    assert client.put(f"{prompt}/labels/{label}", json={"version_number": 2}).status_code == 200
    assert client.delete(f"{prompt}/labels/{label}").status_code == 204
    assert client.put(f"{prompt}/labels/{label}", json={"version_number": 2}).status_code == 422


@pytest.mark.parametrize(
    ("first", "second"),
    [("01", SOME_UUID), (SOME_UUID, "01"), ("43", "43/x"), ("43/x", "43"), ("AB", "ab/x"), ("01/x", "01")],
)
def test_names_whose_labels_would_clash_are_not_both_taken(client: FlaskClient, first: str, second: str) -> None:
    """The one's label would be a file where the other's is a folder."""
    made = client.post("/api/prompts", json={"content": "1", "name": first})
    refused = client.post("/api/prompts", json={"content": "2", "name": second})
    assert (refused.status_code, refused.json["code"]) == (409, "name_taken")
    assert refused.json["prompt_id"] == made.json["id"]
    assert repr(first) in refused.json["detail"]


def test_a_random_id_stands_beside_every_name(client: FlaskClient) -> None:
    """Names of two hex digits leave one in two folders of UUIDs free; the ids that are given go there."""
    for digits in range(0, 256, 2):
        assert client.post("/api/prompts", json={"content": "1", "name": f"{digits:02x}"}).status_code == 201
    ids = [client.post("/api/prompts", json={"content": "1"}).json["id"] for _ in range(12)]
    assert all(int(prompt_id[:2], 16) % 2 for prompt_id in ids)
