"""One server, the model of what it should hold, and how both are compared."""

from __future__ import annotations

import random
import tempfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from tests.faults.model import GATED, Model, Prompt, replay
from tests.support import Answer, Http, Server, assert_sound, command, commits_of, foreign_commit

SOME_UUID = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
RULES = f"[labels.{GATED}]\napprovals = 0\n".encode()
COUNTS = {"steps": 0, "kills": 0, "restarts": 0}
"""What all machines have done together."""


class Compared(RuleBasedStateMachine):
    """A server that is compared with the model after each step; rules are added by the class that stands on it."""

    @initialize()
    def start(self) -> None:
        self.root = tempfile.TemporaryDirectory()
        self.folder = Path(self.root.name) / "data"
        self.model = Model()
        self.taken = 0  # steps
        self.is_to_be_killed = False
        self.chance = random.Random(COUNTS["steps"])
        self.serve()
        self.repository = self.folder / "prompts.git"
        foreign_commit(self.repository, {"rules.toml": RULES})

    def serve(self) -> None:
        self.server = Server(self.folder, "--workers", "2")

    @property
    def http(self) -> Http:
        """A new connection: one that is idle for long is closed by the server; and another worker may answer."""
        return Http(self.server.url)

    def send(self, method: str, path: str, body: object = None) -> Answer:
        """Write. If the server is to be killed, it is meanwhile, and the same request is sent again to the next one."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        if not self.is_to_be_killed:
            return self.http(method, path, body, headers)
        self.is_to_be_killed = False
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(self.http, method, path, body, headers)
            threading.Event().wait(self.chance.uniform(0, 0.02))  # a moment of the write: any is as good
            self.server.kill()
        self.serve()
        COUNTS["kills"] += 1
        again = self.http(method, path, body, headers)
        with suppress(OSError, HTTPException):  # it was killed before it had answered
            assert (first.result().status, first.result().body) == (again.status, again.body)
        return again

    def step(self, refused: list[int], method: str, path: str, body: object = None) -> Any:
        """What a write is answered that is refused with one of these statuses; None: it was."""
        answer = self.send(method, path, body)
        if refused:
            assert answer.status in refused, (answer, refused)
            return None
        assert answer.status < 300, answer
        return answer.json if answer.body else {}

    @invariant()
    def what_lives_is_listed(self) -> None:
        if not hasattr(self, "repository"):
            return
        self.taken += 1
        COUNTS["steps"] += 1
        found = self.http("GET", "/api/prompts?include=content&limit=1000").json
        told = [(one["name"], one["id"], one["version_number"], one["content"], one["labels"]) for one in found]
        expected = sorted(
            (prompt.name, prompt.id, prompt.number, prompt.contents[-1], self.model.labels(prompt))
            for prompt in self.model.living()
        )
        assert told == expected, (told, expected)

    def teardown(self) -> None:
        if not hasattr(self, "repository"):
            return
        with self.root, self.server:
            self.compare_all()
            assert self.server.stop() == 0
            assert_sound(self.repository)
            *told, _ = command("check", "--data", str(self.folder)).stdout.splitlines()
            assert [line for line in told if "is ignored" not in line] == []  # a label that git has put at no version

    def compare_all(self) -> None:
        feed = self.http("GET", "/api/changes?limit=1000").json
        assert replay(feed) == {
            prompt.id: (prompt.name, prompt.living, prompt.number, self.model.files(prompt))
            for prompt in self.model.prompts
        }
        for prompt in self.model.prompts:
            self.compare(prompt)
        for number, release in self.model.releases.items():
            assert self.http("GET", f"/api/releases/{number}").json["state"] == self.model.state(release)

    def compare(self, prompt: Prompt) -> None:
        """All versions, texts and checks of a prompt, deleted or not, with the model's, and with git's."""
        where = f"/api/prompts/{prompt.id}"
        http = self.http
        assert http("GET", where).status == (200 if prompt.living else 410)
        versions = http("GET", f"{where}/versions").json
        assert [version["version_number"] for version in versions] == list(range(1, prompt.number + 1))
        texts = [http("GET", f"{where}/versions/{number}/content").body for number in range(1, prompt.number + 1)]
        assert [text.decode() for text in texts] == prompt.contents
        checks = http("GET", f"{where}/checks").json
        assert {(check["version_number"], check["check"]): check["state"] for check in checks} == prompt.checks
        inside = f"{prompt.name}.md/"  # git takes the path for that of a folder, too
        if not any(other.was_moved or other.name.startswith(inside) for other in self.model.prompts):
            folder = f"{SOME_UUID[:2]}/" if prompt.name == SOME_UUID else ""
            path = f"prompts/{folder}{prompt.name}.md"
            assert [version["commit"] for version in versions] == commits_of(self.repository, path)
