"""`POST /api/commits`: several changes in one commit, or none of them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptgit.app import create_app
from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.rights import ADMINISTRATOR
from promptgit.exchange import checker
from promptgit.service.items import Item, Save
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.settings import Settings
from promptgit.store.store import Store
from tests.support import assert_sound, foreign_commit, git, git_text

SOME_UUID = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
ADA = {"name": "Ada L.", "email": "ada@example.org"}
Change = dict[str, Any]


class Caller:
    """Sends changes, and knows the repository that they change."""

    def __init__(self, client: FlaskClient, repository: Path) -> None:
        self.client = client
        self.repository = repository

    def send(
        self, *changes: object, query: str = "", headers: dict[str, str] | None = None, **body: Any
    ) -> TestResponse:
        return self.client.post(f"/api/commits{query}", json={"changes": changes, **body}, headers=headers)

    def done(self, *changes: object, **body: Any) -> list[tuple[str, int, bool]]:
        """Name, number and whether it changed anything, of each change of one that is accepted."""
        answer = self.send(*changes, **body)
        assert answer.status_code == 200, answer.data
        return [(one["name"], one["version_number"], one["changed"]) for one in answer.json["results"]]

    def refused(self, *changes: object, **options: Any) -> tuple[int, str, dict[str, str]]:
        """Status, code, and the code of each change that is refused; nothing was written."""
        before = self.head()
        answer = self.send(*changes, **options)
        assert answer.content_type == "application/problem+json", answer.data
        assert self.head() == before
        problem = answer.json
        assert problem["status"] == answer.status_code
        for at, one in problem["errors"].items():
            assert {"type", "title", "status", "detail", "code"} <= one.keys()
            if at == min(problem["errors"], key=int):
                assert (one["status"], one["code"]) == (problem["status"], problem["code"])
                assert one["detail"] in problem["detail"]
        return answer.status_code, problem["code"], {at: one["code"] for at, one in problem["errors"].items()}

    def get(self, name: str) -> Any:
        return self.client.get(f"/api/names/{name}").json

    def id_of(self, name: str) -> str:
        return str(self.get(name)["id"])

    def head(self) -> str:
        return git_text(self.repository, "rev-parse", "main")

    def message(self) -> str:
        return git_text(self.repository, "log", "-1", "--format=%B", "main")

    def files(self) -> dict[str, bytes]:
        names = git_text(self.repository, "ls-tree", "-r", "--name-only", "main", "prompts/", "labels/").splitlines()
        return {name: git(self.repository, "show", f"main:{name}") for name in names}


@pytest.fixture
def caller(client: FlaskClient, repository: Path) -> Caller:
    """One with the prompts a (two versions, the labels production and staging at the first), b and gone (deleted)."""
    caller = Caller(client, repository)
    caller.done({"name": "a", "content": "a1"}, {"name": "b", "content": "b1"}, {"name": "gone", "content": "g1"})
    labels = [{"name": "a", "label": label, "version_number": 1} for label in ("production", "staging")]
    caller.done({"name": "a", "content": "a2"}, {"name": "gone", "delete": True}, *labels)
    return caller


def test_all_kinds_of_changes_are_one_commit(caller: Caller, app: Flask) -> None:
    """Results come in the order of the changes, each with its prompt as the commit left it."""
    before = caller.head()
    b = caller.id_of("b")
    answer = caller.send(
        {"name": "new", "content": "n1"},
        {"name": "a", "rename_to": "folder/a"},
        {"prompt_id": b, "content": "b2", "if_match": 1},
        {"name": "gone", "restore": 1},
        {"name": "a", "label": "production", "version_number": "new"},
        {"name": "a", "label": "staging", "version_number": None},
        {"name": "new", "label": "production", "version_number": "new"},
        {"prompt_id": b, "label": "old", "version_number": 1},
        description="All at once",
        author=ADA,
    )
    assert answer.status_code == 200
    assert [one["name"] for one in answer.json["results"]] == [
        "new",
        "folder/a",
        "b",
        "gone",
        "folder/a",
        "folder/a",
        "new",
        "b",
    ]
    assert [one["version_number"] for one in answer.json["results"]] == [1, 2, 2, 2, 2, 2, 1, 2]
    assert all(one["changed"] for one in answer.json["results"])
    assert answer.json["results"][1]["prompt_id"] == caller.id_of("folder/a")
    assert answer.json["commit"] == caller.head()
    assert git_text(caller.repository, "rev-parse", "main^") == before
    assert git_text(caller.repository, "log", "-1", "--format=%an|%B", "main") == "Ada L.|All at once"
    assert caller.files() == {
        "labels/old/b": b"1\n",
        "labels/production/folder/a": b"2\n",
        "labels/production/new": b"1\n",
        "prompts/b.md": b"b2",
        "prompts/folder/a.md": b"a2",
        "prompts/gone.md": b"g1",
        "prompts/new.md": b"n1",
    }
    assert caller.get("folder/a")["labels"] == {"production": 2}
    assert list(checker.differences(app.extensions["promptgit.store"])) == []
    assert_sound(caller.repository)


def test_what_is_there_already_is_a_success_without_a_commit(caller: Caller) -> None:
    before = caller.head()
    changes = [
        {"name": "a", "content": "a2"},
        {"name": "b", "rename_to": "b"},
        {"name": "gone", "delete": True},
        {"name": "a", "label": "production", "version_number": 1},
    ]
    answer = caller.send(*changes)
    assert (answer.status_code, answer.json["commit"], caller.head()) == (200, None, before)
    assert [one["changed"] for one in answer.json["results"]] == [False] * 4
    both = caller.send(*changes, {"name": "b", "label": "x", "version_number": 1})
    assert [one["changed"] for one in both.json["results"]] == [False] * 4 + [True]


def test_a_dry_run_checks_everything_and_writes_nothing(caller: Caller, repository: Path) -> None:
    changes = [{"name": "a", "content": "a3"}, {"name": "new", "content": "n"}, {"name": "b", "delete": True}]
    before = caller.head()
    answer = caller.send(*changes, query="?dry_run=true", headers={"Idempotency-Key": "key"})
    assert (answer.status_code, answer.json["commit"], caller.head()) == (200, None, before)
    made = caller.send(*changes, query="?dry_run=false", headers={"Idempotency-Key": "other"})
    assert made.json["results"] == answer.json["results"]
    assert caller.refused({"name": "a", "content": "x", "if_match": 2}, query="?dry_run=true")[:2] == (
        412,
        "stale_version",
    )
    foreign_commit(repository, {"prompts/dir/file": b"no prompt"})
    assert caller.refused({"name": "dir/file/a", "content": "x"}, query="?dry_run=true")[:2] == (409, "path_blocked")
    assert caller.client.post("/api/commits?dry_run=1", json={"changes": changes}).status_code == 422


def test_a_new_prompt_whose_id_another_has_gets_it_with_the_commit(caller: Caller) -> None:
    """The dry run cannot know it."""
    caller.done({"name": "a", "rename_to": "c"})
    foreseen = caller.send({"name": "a", "content": "other"}, query="?dry_run=true").json["results"][0]
    made = caller.send({"name": "a", "content": "other"}).json["results"][0]
    assert (foreseen["prompt_id"], made["prompt_id"]) == (None, caller.id_of("a"))
    assert made["prompt_id"] != caller.id_of("c")


def test_the_same_key_gets_the_first_answer(caller: Caller) -> None:
    """Whatever was written since, names that went to other prompts included."""
    changes = [
        {"name": "a", "rename_to": "c"},
        {"name": "a", "label": "production", "version_number": 2},
        {"name": "a", "label": "staging", "version_number": 1},
        {"name": "b", "content": "b1"},
        {"name": "gone", "content": "g2"},
        {"name": "new", "content": "n"},
    ]
    key = {"Idempotency-Key": "key"}
    first = caller.send(*changes, headers=key)
    assert [one["changed"] for one in first.json["results"]] == [True, True, False, False, True, True]
    caller.done({"name": "c", "rename_to": "d"}, {"name": "b", "rename_to": "b2"}, {"name": "gone", "delete": True})
    caller.done({"name": "a", "content": "x"}, {"name": "b", "content": "y"}, {"name": "new", "rename_to": "newer"})
    caller.done({"name": "b", "delete": True}, {"name": "b2", "content": "b3"}, {"name": "new", "content": "again"})
    before = caller.head()
    assert caller.send(*changes, headers=key).json == first.json
    assert caller.head() == before
    other = caller.send(*changes[:1], headers=key)
    assert (other.status_code, other.json["code"]) == (409, "key_reused")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([{"name": "new", "content": "1"}], "Initial version"),
        ([{"name": "a", "content": "a3"}, {"name": "a", "label": "x", "version_number": "new"}], "Update a"),
        (
            [
                {"name": "a", "label": "x", "version_number": 1},
                {"name": "a", "label": "staging", "version_number": None},
            ],
            "Point x at version 1 of a\nRemove the label staging of a",
        ),
        (
            [{"name": "a", "content": "a3"}, {"name": "new", "content": "n"}, {"name": "b", "rename_to": "c"}],
            "Update 1 prompt, create 1 prompt, rename 1 prompt\n\nUpdate a\nCreate new\nRename b to c",
        ),
        (
            [
                {"name": "a", "delete": True},
                {"name": "gone", "restore": 1},
                {"name": "b", "label": "x", "version_number": 1},
            ],
            "Delete 1 prompt, restore 1 prompt, move 1 label\n\n"
            "Delete a\nRestore version 1 of gone\nPoint x at version 1 of b",
        ),
    ],
)
def test_the_description_says_what_is_done_where_none_is_given(
    caller: Caller, changes: list[Change], message: str
) -> None:
    caller.done(*changes)
    assert caller.message() == message


def test_a_long_description_is_cut(caller: Caller) -> None:
    caller.done(*[{"name": f"many/{at}", "content": "x"} for at in range(250)])
    lines = caller.message().splitlines()
    assert (lines[0], lines[2], lines[-1], len(lines)) == ("Create 250 prompts", "Create many/0", "and 150 more", 103)


TARGETS_ONE_PROMPT = [
    [{"name": "a", "content": "x"}, {"name": "a", "content": "y"}],
    [{"name": "a", "content": "x"}, {"name": "a", "content": "x"}],
    [{"name": "a", "content": "x"}, {"name": "a", "rename_to": "c"}],
    [{"name": "a", "delete": True}, {"name": "a", "restore": 1}],
    [{"name": "gone", "content": "x"}, {"name": "gone", "restore": 1}],
    [{"name": "new", "content": "x"}, {"name": "new", "content": "y"}],
    [{"name": "a", "label": "x", "version_number": 1}, {"name": "a", "label": "x", "version_number": None}],
    [{"name": "a", "delete": True}, {"name": "a", "label": "x", "version_number": 1}],
    [{"name": "a", "delete": True}, {"name": "a", "label": "production", "version_number": None}],
]


@pytest.mark.parametrize("changes", TARGETS_ONE_PROMPT)
def test_a_prompt_has_one_change_of_itself_and_one_of_each_label(caller: Caller, changes: list[Change]) -> None:
    assert caller.refused(*changes) == (422, "duplicate_change", {"1": "duplicate_change"})


def test_a_prompt_is_the_same_by_its_id_and_by_its_name(caller: Caller) -> None:
    by_id = {"prompt_id": caller.id_of("a"), "content": "y"}
    assert caller.refused({"name": "a", "content": "x"}, by_id)[1] == "duplicate_change"


NAMES_THAT_ARE_NOT_FREE = [
    ([{"name": "a", "rename_to": "b"}, {"name": "b", "rename_to": "a"}], {"0": "name_taken", "1": "name_taken"}),
    ([{"name": "a", "rename_to": "c"}, {"name": "b", "rename_to": "a"}], {"1": "name_taken"}),
    ([{"name": "b", "delete": True}, {"name": "a", "rename_to": "b"}], {"1": "name_taken"}),
    ([{"name": "a", "rename_to": "c"}, {"name": "b", "rename_to": "c"}], {"1": "name_taken"}),
    ([{"name": "a", "rename_to": "c"}, {"name": "c", "content": "x"}], {"1": "name_taken"}),
    ([{"name": "c", "content": "x"}, {"name": "C", "content": "y"}], {"1": "name_taken"}),
    ([{"name": "c", "content": "x"}, {"name": "c/d", "content": "y"}], {"1": "name_taken"}),
    ([{"name": "c/d", "content": "x"}, {"name": "C", "content": "y"}], {"1": "name_taken"}),
    ([{"name": "01", "content": "x"}, {"name": SOME_UUID, "content": "y"}], {"1": "name_taken"}),
    ([{"name": "gone", "restore": 1}, {"name": "gone/x", "content": "y"}], {"1": "name_taken"}),
    ([{"name": "new", "content": "x"}, {"name": "b/x", "content": "y"}], {"1": "name_taken"}),
]


@pytest.mark.parametrize(("changes", "refused"), NAMES_THAT_ARE_NOT_FREE)
def test_a_name_must_be_free_before_the_commit(caller: Caller, changes: list[Change], refused: dict[str, str]) -> None:
    """Also one that another change frees; and names of one request must fit into one clone."""
    assert caller.refused(*changes) == (409, "name_taken", refused)


def test_a_name_may_change_its_case(caller: Caller) -> None:
    assert caller.done({"name": "a", "rename_to": "A"}, {"name": "b", "content": "b2"})[0] == ("A", 2, True)


AMBIGUOUS = [
    [{"name": "a", "rename_to": "c"}, {"name": "new", "content": "a2"}],
    [{"name": "a", "rename_to": "c"}, {"name": "aa", "content": "a2"}],
    [{"name": "a", "rename_to": "c"}, {"name": "b", "content": "a2"}, {"name": "aa", "content": "a2"}],
    [{"name": "a", "delete": True}, {"name": "new", "content": "a2"}],
]


@pytest.mark.parametrize("changes", AMBIGUOUS)
def test_what_history_would_read_otherwise_is_refused(caller: Caller, changes: list[Change]) -> None:
    status, code, _ = caller.refused(*changes)
    assert (status, code) == (409, "ambiguous_change")


def test_twins_can_be_renamed_but_not_crosswise(caller: Caller) -> None:
    caller.done({"name": "t/x", "content": "same"}, {"name": "t/y", "content": "same"})
    crosswise = [{"name": "t/x", "rename_to": "u/y"}, {"name": "t/y", "rename_to": "u/x"}]
    assert caller.refused(*crosswise) == (409, "ambiguous_change", {"0": "ambiguous_change", "1": "ambiguous_change"})
    x, y = caller.id_of("t/x"), caller.id_of("t/y")
    caller.done({"name": "t/x", "rename_to": "u/x"}, {"name": "t/y", "rename_to": "u/y"})
    assert (caller.id_of("u/x"), caller.id_of("u/y")) == (x, y)


def test_a_deleted_prompt_comes_back_by_its_name_alone(caller: Caller) -> None:
    gone = caller.client.get("/api/changes").json[2]["prompt_id"]
    assert caller.refused({"prompt_id": gone, "content": "x"}) == (410, "prompt_deleted", {"0": "prompt_deleted"})
    assert caller.refused({"name": "gone", "rename_to": "x"})[:2] == (410, "prompt_deleted")
    assert caller.refused({"name": "gone", "label": "x", "version_number": "new"})[:2] == (410, "prompt_deleted")
    assert caller.refused({"name": "gone", "content": "x", "if_match": 1})[:2] == (410, "prompt_deleted")
    label = {"prompt_id": gone, "label": "x", "version_number": "new"}
    assert caller.done({"name": "gone", "content": "g2", "if_match": 0}, label) == [("gone", 2, True)] * 2
    assert (caller.id_of("gone"), caller.get("gone")["labels"]) == (gone, {"x": 2})


PRECONDITIONS = [
    ({"name": "a", "content": "x", "if_match": 1}, 412, "stale_version"),
    ({"name": "a", "content": "x", "if_match": 3}, 412, "stale_version"),
    ({"name": "a", "content": "x", "if_match": 0}, 412, "stale_version"),
    ({"name": "a", "content": "a2", "if_match": 1}, 412, "stale_version"),
    ({"name": "a", "rename_to": "c", "if_match": 1}, 412, "stale_version"),
    ({"name": "a", "delete": True, "if_match": 1}, 412, "stale_version"),
    ({"name": "a", "restore": 1, "if_match": 1}, 412, "stale_version"),
    ({"name": "a", "label": "x", "version_number": 1, "if_match": 1}, 412, "stale_version"),
    ({"name": "new", "content": "x", "if_match": 1}, 404, "name_not_found"),
]


@pytest.mark.parametrize(("change", "status", "code"), PRECONDITIONS)
def test_each_change_has_a_precondition_of_its_own(caller: Caller, change: Change, status: int, code: str) -> None:
    fine = {"name": "b", "content": "b2", "if_match": 1}
    assert caller.refused(fine, change) == (status, code, {"1": code})
    seen = 0 if change["name"] == "new" else 2
    assert caller.send(fine, change | {"if_match": seen}).status_code == 200


def test_a_stale_change_tells_the_current_version(caller: Caller) -> None:
    problem = caller.send({"name": "a", "content": "x", "if_match": 1}).json
    assert problem["errors"]["0"]["current_version"] == 2
    taken = caller.send({"name": "a", "rename_to": "B"}).json["errors"]["0"]
    assert taken["prompt_id"] == caller.id_of("b")


NOT_THERE = [
    ({"prompt_id": SOME_UUID, "content": "x"}, 404, "prompt_not_found"),
    ({"name": "none", "delete": True}, 404, "name_not_found"),
    ({"name": "none", "rename_to": "x"}, 404, "name_not_found"),
    ({"name": "none", "restore": 1}, 404, "name_not_found"),
    ({"name": "none", "label": "x", "version_number": "new"}, 404, "name_not_found"),
    ({"name": "a", "restore": 0}, 404, "version_not_found"),
    ({"name": "a", "label": "x", "version_number": 0}, 404, "version_not_found"),
    ({"name": "a", "restore": 3}, 404, "version_not_found"),
    ({"name": "a", "restore": 10**30}, 404, "version_not_found"),
    ({"name": "a", "label": "x", "version_number": 3}, 404, "version_not_found"),
    ({"name": "a", "label": "x", "version_number": 10**30}, 404, "version_not_found"),
    ({"name": "a", "label": "x", "version_number": None}, 404, "label_not_found"),
]


@pytest.mark.parametrize(("change", "status", "code"), NOT_THERE)
def test_what_is_not_there_is_not_found(caller: Caller, change: Change, status: int, code: str) -> None:
    assert caller.refused({"name": "new", "content": "x"}, change) == (status, code, {"1": code})


def test_checks_are_set_with_other_changes(caller: Caller) -> None:
    """Of versions that are there before; a repeat of the request gets the first answer."""
    check = {"name": "a", "check": "eval", "version_number": 2, "state": "success", "summary": "48 of 50"}
    key = {"Idempotency-Key": "key"}
    changes = [check, check | {"check": "lint"}, {"name": "a", "rename_to": "c"}, {"name": "b", "content": "b2"}]
    first = caller.send(*changes, headers=key)
    assert [(one["name"], one["changed"]) for one in first.json["results"]] == [("c", True)] * 3 + [("b", True)]
    told = caller.client.get(f"/api/prompts/{caller.id_of('c')}/versions/2/checks").json
    assert [(one["check"], one["state"], one["commit"]) for one in told] == [
        ("eval", "success", caller.head()),
        ("lint", "success", caller.head()),
    ]
    assert "set 2 checks" in caller.message().lower()
    assert caller.send(*changes, headers=key).json == first.json
    assert caller.done(check | {"name": "c"}) == [("c", 2, False)]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"version_number": 3}, 404, "version_not_found"),
        ({"version_number": 10**30}, 404, "version_not_found"),
        ({"name": "none"}, 404, "name_not_found"),
        ({"state": "fine"}, 422, "invalid"),
        ({"url": "ftp://x"}, 422, "invalid"),
        ({"check": "No check"}, 422, "invalid"),
        ({"state": None}, 422, "invalid"),
        ({"check": "other"}, 422, "duplicate_change"),
    ],
)
def test_a_check_that_breaks_a_rule_is_refused(caller: Caller, change: Change, status: int, code: str) -> None:
    check = {"name": "a", "check": "eval", "version_number": 1, "state": "success"}
    assert caller.refused(check | {"check": "other"}, check | change) == (status, code, {"1": code})


def test_a_gated_label_is_told_of_its_change(caller: Caller) -> None:
    """By whatever change it would move; an administrator overrides it, with a description."""
    service: Service = caller.client.application.extensions["promptgit"]
    administrator = Attribution("Gate", rights=ADMINISTRATOR)
    service.rules.put("[labels.production]\napprovals = 1\n", attribution=administrator)
    fine = {"name": "b", "content": "b2"}
    for change in (
        {"name": "a", "label": "production", "version_number": "new"},
        {"name": "a", "label": "production", "version_number": None},
        {"name": "a", "delete": True},
        {"name": "a", "rename_to": "c"},
    ):
        assert caller.refused(fine, change) == (403, "label_gated", {"1": "label_gated"}), change
    assert caller.send(fine, {"name": "a", "content": "a3"}).status_code == 200


def test_labels_of_a_prompt_that_is_created_point_at_its_first_version(caller: Caller) -> None:
    new = {"name": "new", "content": "x"}
    label = {"name": "new", "label": "x", "version_number": "new"}
    assert caller.refused(new, label | {"version_number": 1})[:2] == (422, "invalid")
    assert caller.refused(new, label | {"version_number": None})[:2] == (404, "label_not_found")
    assert caller.done(label, new) == [("new", 1, True)] * 2


MALFORMED: list[object] = [
    5,
    None,
    "text",
    {},
    {"name": "a"},
    {"content": "x"},
    {"name": "a", "prompt_id": SOME_UUID, "content": "x"},
    {"name": "a", "content": "x", "rename_to": "c"},
    {"name": "a", "content": "x", "unknown": 1},
    {"name": "a", "content": "x", "\ud800": 1},
    {"name": "a", "content": 5},
    {"name": "a", "content": None},
    {"name": "a", "content": "nul \0"},
    {"name": "a", "content": "\ud800"},
    {"name": "a:b", "content": "x"},
    {"name": "\ud800", "delete": True},
    {"name": "\ud800", "content": "x"},
    {"prompt_id": "a", "content": "x"},
    {"prompt_id": 7, "content": "x"},
    {"name": "a", "rename_to": "con"},
    {"name": "a", "rename_to": SOME_UUID},
    {"name": "a", "delete": False},
    {"name": "a", "delete": 1},
    {"name": "a", "delete": None},
    {"name": "a", "restore": "1"},
    {"name": "a", "restore": True},
    {"name": "a", "restore": None},
    {"name": "a", "content": "x", "if_match": -1},
    {"name": "a", "content": "x", "if_match": None},
    {"name": "a", "label": "latest", "version_number": 1},
    {"name": "a", "label": "Capital", "version_number": 1},
    {"name": "a", "label": "con", "version_number": 1},
    {"name": "a", "label": "x"},
    {"name": "a", "label": "x", "version_number": "newest"},
    {"name": "a", "label": "x", "version_number": 1.5},
    {"name": "a", "version_number": 1},
]


@pytest.mark.parametrize("change", MALFORMED, ids=lambda change: ascii(change)[:60])
def test_a_change_that_breaks_a_rule_is_refused(caller: Caller, change: object) -> None:
    status, code, refused = caller.refused({"name": "new", "content": "x"}, change)
    assert (status, code) in ((422, "invalid"), (422, "invalid_name"))
    assert refused == {"1": code}


def test_a_content_that_is_too_large_is_413(caller: Caller) -> None:
    assert caller.refused({"name": "a", "content": "x" * 20_001}) == (
        413,
        "content_too_large",
        {"0": "content_too_large"},
    )


@pytest.mark.parametrize("changes", [[], None, {}, "a", [{"name": f"p{at}", "content": "x"} for at in range(1_001)]])
def test_a_request_has_between_one_and_a_thousand_changes(caller: Caller, changes: object) -> None:
    answer = caller.client.post("/api/commits", json={"changes": changes})
    assert (answer.status_code, answer.json["code"], list(answer.json["errors"])) == (422, "invalid", ["changes"])
    assert caller.client.post("/api/commits", json={}).status_code == 422


def test_a_thousand_changes_are_one_commit(service: Service, store: Store, repository: Path) -> None:
    items = [Item(Save(str(at)), name=f"many/{at}") for at in range(1_000)]
    made = service.commits.make(items, attribution=Attribution())
    assert made.commit == git_text(repository, "rev-parse", "main")
    assert len(git_text(repository, "ls-tree", "-r", "--name-only", "main", "prompts/").splitlines()) == 1_000
    assert list(checker.differences(store)) == []


def test_a_body_that_is_larger_than_any_request_is_413(client: FlaskClient) -> None:
    """More contents than go into one request, each small enough."""
    changes = [{"name": f"p{at}", "content": "x" * 20_000} for at in range(100)]
    answer = client.post("/api/commits", json={"changes": changes})
    assert (answer.status_code, answer.json["code"]) == (413, "http_request_entity_too_large")
    assert "send fewer changes at once" in answer.json["detail"]


def test_all_refusals_of_one_step_are_told(caller: Caller) -> None:
    """What can be told by the request alone comes first; then what the state says."""
    stale = {"name": "a", "content": "x", "if_match": 1}
    missing = {"name": "none", "delete": True}
    fine = {"name": "new", "content": "x"}
    assert caller.refused(missing, fine, stale) == (
        404,
        "name_not_found",
        {"0": "name_not_found", "2": "stale_version"},
    )
    broken = {"name": "a:", "content": "x"}
    assert caller.refused(stale, broken, missing, broken)[2] == {"1": "invalid_name", "3": "invalid_name"}


def test_preconditions_in_headers_are_refused(caller: Caller) -> None:
    for header in ("If-Match", "If-None-Match"):
        answer = caller.send({"name": "a", "content": "x"}, headers={header: '"2"'})
        assert (answer.status_code, list(answer.json["errors"])) == (422, [header])


def test_something_else_in_the_way_is_told_of_its_change(caller: Caller, repository: Path) -> None:
    foreign_commit(repository, {"prompts/dir/file": b"no prompt", "labels/x/dir": b"no label"})
    new = {"name": "new", "content": "x"}
    assert caller.refused(new, {"name": "dir/file/a", "content": "x"})[2] == {"1": "path_blocked"}
    caller.done({"name": "dir/a", "content": "x"})
    assert caller.refused(new, {"name": "dir/a", "label": "x", "version_number": 1})[2] == {"1": "path_blocked"}


def test_a_label_file_that_is_left_over_does_not_come_with_a_new_name(caller: Caller, repository: Path) -> None:
    foreign_commit(repository, {"labels/x/c": b"1\n", "labels/y/c": b"nonsense\n"})
    caller.done({"name": "a", "rename_to": "c"}, {"name": "a", "label": "z", "version_number": 1})
    assert caller.get("c")["labels"] == {"production": 1, "staging": 1, "z": 1}
    assert not {"labels/x/c", "labels/y/c"} & caller.files().keys()


def test_protected_labels_count_for_every_change(tmp_path: Path) -> None:
    app = create_app(Settings(data=tmp_path / "data", protected_labels="production"))
    tokens = Tokens(tmp_path / "data")
    headers = {
        name: {"Authorization": f"Bearer {tokens.create(name, scope, may_move=moves)[1]}"}
        for name, scope, moves in (
            ("ci", Scope.WRITE, ()),
            ("mover", Scope.WRITE, ("production",)),
            ("reader", Scope.READ, ()),
        )
    }
    caller = Caller(app.test_client(), tmp_path / "data" / "prompts.git")
    new = {"name": "a", "content": "x"}
    label = {"name": "a", "label": "production", "version_number": "new"}
    assert caller.refused(new, label, headers=headers["ci"]) == (403, "label_protected", {"1": "label_protected"})
    assert caller.send(new, headers=headers["reader"]).status_code == 403
    assert caller.send(new, label, headers=headers["mover"]).status_code == 200
    for change in ({"name": "a", "delete": True}, label | {"version_number": None}, label):
        assert caller.refused(change, headers=headers["ci"])[:2] == (403, "label_protected")
    assert caller.send({"name": "a", "rename_to": "b"}, headers=headers["ci"]).status_code == 200


def test_threads_that_race_get_all_or_nothing(app: Flask, repository: Path) -> None:
    """Sixteen threads save the same two prompts at the version that they have read; each pair is one commit."""
    first = app.test_client()
    start = [{"name": name, "content": "0"} for name in ("x", "y")]
    assert first.post("/api/commits", json={"changes": start}).status_code == 200
    wins: list[str] = []

    def race(me: int) -> None:
        client = app.test_client()
        for turn in range(5):
            seen = client.get("/api/names/x").json["version_number"]
            changes = [{"name": name, "content": f"{me} {turn}", "if_match": seen} for name in ("y", "x")]
            answer = client.post("/api/commits", json={"changes": changes})
            assert answer.status_code in (200, 412, 503), answer.data
            if answer.status_code == 200:
                wins.append(answer.json["commit"])

    threads = [threading.Thread(target=race, args=(me,)) for me in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    x, y = (first.get(f"/api/names/{name}").json for name in ("x", "y"))
    assert (x["version_number"], x["content"]) == (y["version_number"], y["content"]) == (len(wins) + 1, x["content"])
    assert len(set(wins)) == len(wins) >= 1
    for commit in wins:
        files = git_text(repository, "diff-tree", "-r", "--no-commit-id", "--name-only", commit).split()
        assert files == ["prompts/x.md", "prompts/y.md"]
    assert list(checker.differences(app.extensions["promptgit.store"])) == []
