"""The git processes that answer clones: how many there are, what they know, and when they end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.git_client import LS_REFS, children, cloning, enlarge, post, refused
from tests.support import Http, Server, stat_of, wait_for


def test_a_client_that_leaves_ends_git(server: Server) -> None:
    with cloning(server, enlarge(server)) as answer:
        assert answer.status == 200
        wait_for(lambda: len(children(server)) >= 2)  # upload-pack and pack-objects
        answer.close()
    wait_for(lambda: children(server) == [])


def test_git_knows_no_secret_and_comes_last(tmp_path: Path) -> None:
    """Its environment holds nothing but what it needs, and the API's answers are more urgent."""
    settings = {"PROMPTGIT_LOCK_TIMEOUT": "9", "AWS_SECRET": "hunter2"}
    with Server(tmp_path / "data", **settings) as server, cloning(server, enlarge(server)):
        wait_for(lambda: len(children(server)) >= 2)
        for child in children(server):
            known = (child / "environ").read_bytes()
            assert b"GIT_PROTOCOL=version=2" in known
            assert b"hunter2" not in known
            assert b"PROMPTGIT_" not in known
            assert int(stat_of(child)[16]) >= 10  # its nice value, see proc(5)


def test_more_clones_than_may_run_are_asked_to_come_again(tmp_path: Path) -> None:
    """Across all workers; git shows its user why. As soon as one has ended, the next may begin."""
    with Server(tmp_path / "data", PROMPTGIT_GIT_CLONES="2") as server:
        request = enlarge(server)
        with cloning(server, request):
            with cloning(server, request) as second:
                for answer in (
                    post(server, LS_REFS),
                    Http(server.url)("GET", "/prompts.git/info/refs?service=git-upload-pack"),
                ):
                    assert (answer.status, answer.json["code"]) == (503, "clones_busy")
                    assert int(answer.headers["Retry-After"]) > 0
                said = refused("clone", f"{server.url}/prompts.git", str(tmp_path / "copy"))
                assert "remote: 2 clones or fetches are under way" in said
                assert Http(server.url)("GET", "/api/prompts").status == 200
                second.close()
            wait_for(lambda: post(server, LS_REFS).status == 200)


def test_a_worker_that_dies_frees_its_slots(tmp_path: Path) -> None:
    """And the git that it had started ends, too."""
    with Server(tmp_path / "data", PROMPTGIT_GIT_CLONES="1") as server, cloning(server, enlarge(server)):
        assert post(server, LS_REFS).status == 503
        workers = {int(stat_of(child)[1]) for child in children(server)}
        git_itself = {int(child.name) for child in children(server)}
        (worker,) = workers - git_itself
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: post(server, LS_REFS).status == 200)
        wait_for(lambda: children(server) == [])
