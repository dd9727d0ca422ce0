"""docs/github-prompts.yml: a pull request is told what it changes in the service, and a merge pushes it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.documents import DOCS, marked, shell
from tests.support import Http, Server, git

WORKFLOW = yaml.safe_load((DOCS / "github-prompts.yml").read_text())


def run_step(job: str, name: str, checkout: Path, event: object, **settings: str) -> str:
    """Run a step as a runner does: in the checkout, with the event in a file, and a folder for what is temporary."""
    (script,) = [step["run"] for step in WORKFLOW["jobs"][job]["steps"] if step.get("name") == name]
    runner = checkout.parent / f"runner-{job}"
    runner.mkdir()
    (runner / "event.json").write_text(json.dumps(event))
    return shell(script, checkout, RUNNER_TEMP=str(runner), GITHUB_EVENT_PATH=str(runner / "event.json"), **settings)


@pytest.mark.server
@pytest.mark.skipif(shutil.which("jq") is None, reason="the workflow's steps need jq: install it")
def test_a_pull_request_shows_what_its_merge_pushes(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "prompts" / "support").mkdir(parents=True)
    for name, text in (("support/greeting", "Hello {{name}}!\n~~~\n"), ("new", "$(touch ran)\n")):
        (checkout / "prompts" / f"{name}.md").write_text(text)
    (checkout / "prompts" / "notes.txt").write_text("no prompt")
    (checkout / "prompts" / "passwd.md").symlink_to("/etc/passwd")
    git(checkout, "init", "-q")
    with Server(tmp_path / "data") as server:
        http = Http(server.url)
        http("POST", "/api/prompts", {"name": "support/greeting", "content": "Hi {{name}}!\n~~~\n"})
        http("POST", "/api/prompts", {"name": "other", "content": "stays"})
        (tokens,) = marked("github-actions.md", "sh")
        reads, writes = re.findall(r"pgt_\S+", shell(tokens, tmp_path, PROMPTGIT_DATA=str(tmp_path / "data")))

        pull_request = {"number": 7, "pull_request": {"head": {"sha": "0123456789abcdef"}}}
        run_step("show", "Compare", checkout, pull_request, PROMPTGIT_URL=server.url, PROMPTGIT_TOKEN=reads)
        comment = (tmp_path / "runner-show" / "comment.md").read_text()
        assert comment.startswith("### What merging 0123456 does to the prompts\n~~~~~~~~~~\n")
        assert "\nnew:       new\n" in comment
        assert "changed:   support/greeting (on top of version 1)\n" in comment
        assert "\n-Hi {{name}}!\n+Hello {{name}}!\n ~~~\n" in comment
        assert "\n+++ b/new.md\n@@ -0,0 +1 @@\n+$(touch ran)\n" in comment
        assert not any(word in comment for word in ("other", "notes", "passwd", "promptgit"))

        author = {"name": "Ada L.", "email": "ada@example.org"}
        message = 'Greet "everybody" (#7)\n\n$(touch ran)'
        merged = {"head_commit": {"message": message, "author": author, "url": "https://github.com/o/r/commit/1"}}
        settings = {"PROMPTGIT_URL": server.url, "PROMPTGIT_TOKEN": writes}
        run_step("push", "Push", checkout, merged, **settings)
        prompts = http("GET", "/api/prompts", headers={"Authorization": f"Bearer {reads}"}).json
        greeting = prompts[-1]
        assert {prompt["name"]: prompt["version_number"] for prompt in prompts} == {
            "new": 1,
            "other": 1,
            "support/greeting": 2,
        }
        assert greeting["description"] == f"{message}\n\nhttps://github.com/o/r/commit/1"
        assert greeting["author"] == author
        assert not list(tmp_path.rglob("ran"))


def test_only_a_merge_has_the_token_that_writes() -> None:
    show, push = WORKFLOW["jobs"]["show"], WORKFLOW["jobs"]["push"]
    assert "github.event_name == 'pull_request'" in show["if"]
    assert push["if"] == "github.event_name == 'push'"
    assert WORKFLOW[True]["push"]["branches"] == ["main"]  # `on` is a boolean to YAML 1.1
    assert "WRITE" not in str(show)
    steps = [*show["steps"], *push["steps"]]
    assert not any("${{" in step["run"] for step in steps if "run" in step), "an event's text would be run as shell"
