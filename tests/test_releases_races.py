"""Sixteen clients approve and release at the same time, through a real server: one release is made, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from promptgit.auth.tokens import Scope, Tokens
from tests.support import Answer, Http, Server, assert_sound, command, git_text

pytestmark = pytest.mark.slow

CLIENTS = 16


def test_of_all_who_release_at_the_same_time_one_does(tmp_path: Path) -> None:
    """Two releases of one prompt, eight owners with two tokens each: an approval a head, one move of the label."""
    folder = tmp_path / "data"
    tokens = Tokens(folder)
    _, admin = tokens.create("admin", Scope.ADMIN)
    secrets = [
        tokens.create(f"t{at}", Scope.WRITE, owner=f"owner{at // 2}", may_move=["production"])[1]
        for at in range(CLIENTS)
    ]
    with Server(folder, "--workers", "2", PROMPTGIT_LOCK_TIMEOUT="60") as server:
        root = {"Authorization": f"Bearer {admin}"}
        http = Http(server.url)
        rules = {"content": "[labels.production]\napprovals = 3\n"}
        assert http("PUT", "/api/rules", rules, headers=root).status == 200
        made = http("POST", "/api/prompts", {"name": "a", "content": "1"}, headers=root).json["id"]
        http("PUT", f"/api/prompts/{made}", {"content": "2"}, headers=root)
        for number in (1, 2):
            items = [{"prompt_id": made, "version_number": number}]
            body = {"label": "production", "items": items, "description": "All"}
            assert http("POST", "/api/releases", body, headers=root).status == 201
        start = Barrier(CLIENTS)

        def work(secret: str) -> list[Answer]:
            mine = Http(server.url)
            headers = {"Authorization": f"Bearer {secret}"}
            start.wait()
            steps = [(step, number) for step in ("approve", "release") for number in (1, 2)]
            return [mine("POST", f"/api/releases/{number}/{step}", {}, headers=headers) for step, number in steps]

        with ThreadPoolExecutor(CLIENTS) as pool:
            answers = [answer for answers in pool.map(work, secrets) for answer in answers]
        assert {answer.status for answer in answers} <= {200, 409}
        codes = {answer.json["code"] for answer in answers if answer.status == 409}
        assert codes <= {"release_not_ready", "release_closed", "release_outdated"}
        shown: list[dict[str, Any]] = [http("GET", f"/api/releases/{number}", headers=root).json for number in (1, 2)]
        assert sorted(one["state"] for one in shown) == ["outdated", "released"]
        for one in shown:
            owners = [approval["owner"] for approval in one["approvals"]]
            assert len(owners) == len(set(owners))
        moves = http("GET", f"/api/prompts/{made}/labels/production/history", headers=root).json
        winner = next(one for one in shown if one["state"] == "released")
        assert [move["to"] for move in moves] == [winner["items"][0]["to"]]
    files = git_text(folder / "prompts.git", "log", "--format=", "--name-only", "main", "--", "labels/").split()
    assert files == ["labels/production/a"]
    assert_sound(folder / "prompts.git")
    checked = command("check", "--data", str(folder))
    assert checked.returncode == 0, checked.stdout
