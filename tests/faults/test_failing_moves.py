"""The disk fails when `main` has moved already: neither success nor failure, and nobody is told either."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import LONG
from tests.faults.tracing import traced, worker_of
from tests.support import Answer, Http, Server, assert_sound, commits_of


def _is_unknown(answer: Answer) -> bool:
    return (answer.status, answer.json["code"], "Retry-After" in answer.headers) == (503, "outcome_unknown", True)


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"] if LONG else ["EIO"])
def test_a_failed_fsync_of_main_is_neither_success_nor_failure(tmp_path: Path, error: str) -> None:
    """Every kind of write, and its repeat, is `outcome_unknown` until an fsync of the ref's folder succeeds."""
    with Server(tmp_path / "data", "--workers", "1") as server:
        http, repository = Http(server.url), tmp_path / "data" / "prompts.git"
        where = http("POST", "/api/prompts", {"name": "a", "content": "1"}).headers["Location"]
        other = http("POST", "/api/prompts", {"name": "b", "content": "1"}).headers["Location"]
        http("PUT", where, {"content": "2"})
        save = ("PUT", where, {"content": "3"})
        writes = [
            save,
            save,
            ("POST", "/api/prompts", {"name": "c", "content": "1"}),
            ("PATCH", where, {"name": "d"}),
            ("POST", f"{where}/versions/1/revert", None),
            ("PUT", f"{where}/labels/production", {"version_number": 1}),
            ("DELETE", f"{where}/labels/production", None),
            ("DELETE", other, None),
            ("DELETE", other, None),
        ]
        with traced(worker_of(server), "fsync", f"fsync:error={error}", paths=[repository / "refs" / "heads"]) as seen:
            for method, path, body in writes:
                answer = http(method, path, body)
                assert _is_unknown(answer), (method, path, answer.status, answer.body)
            assert http("GET", "/readyz").status == 503
            assert http("GET", where).json["content"] == "1"  # reads go on
        assert len(seen) == len(writes) + 1
        assert http("GET", "/readyz").status == 200
        # Sent again: nothing is lost, and nothing is there twice.
        assert http("PUT", where, {"content": "1"}).json["version_number"] == 4
        assert http("DELETE", other).status == 204
        assert http("GET", f"{where}/versions").headers["X-Total-Count"] == "4"
        assert len(commits_of(repository, "prompts/a.md")) == 3
        assert_sound(repository)


def test_a_write_of_unknown_outcome_is_done_once_by_its_key(tmp_path: Path) -> None:
    """Sent again with its Idempotency-Key, a create without a name gives the one prompt that the first attempt made."""
    body, once = {"content": "1"}, {"Idempotency-Key": "once"}
    with Server(tmp_path / "data", "--workers", "1") as server:
        http, repository = Http(server.url), tmp_path / "data" / "prompts.git"
        assert http("GET", "/readyz").status == 200
        with traced(worker_of(server), "fsync", "fsync:error=EIO", paths=[repository / "refs" / "heads"]):
            for _ in range(2):
                assert _is_unknown(http("POST", "/api/prompts", body, once))
        created = [http("POST", "/api/prompts", body, once) for _ in range(2)]
        assert [answer.status for answer in created] == [201, 201]
        assert [prompt["id"] for prompt in http("GET", "/api/prompts").json] == [created[0].json["id"]]
        assert (created[0].json["version_number"], created[0].body) == (1, created[1].body)
        assert_sound(repository)


def test_a_want_of_file_handles_comes_before_main_moves(tmp_path: Path) -> None:
    """Opening the ref's folder fails: nothing was written."""
    with Server(tmp_path / "data", "--workers", "1") as server:
        http, folder = Http(server.url), tmp_path / "data" / "prompts.git" / "refs" / "heads"
        where = http("POST", "/api/prompts", {"name": "a", "content": "1"}).headers["Location"]
        with traced(worker_of(server), "openat", "openat:error=EMFILE", paths=[folder]):
            answer = http("PUT", where, {"content": "2"})
        assert (answer.status, "Nothing was written" in answer.json["detail"]) == (503, True)
        assert http("GET", where).json["version_number"] == 1
        assert http("PUT", where, {"content": "2"}).json["version_number"] == 2
