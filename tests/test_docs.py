"""The commands in docs/ do what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from promptgit.service.service import Service
from promptgit.store.store import Store
from tests.documents import marked, shell
from tests.support import Http, Server, command, environment, git

ROOT = Path(__file__).parents[1]


def names(folder: Path) -> dict[str, int]:
    prompts = Service(Store(folder, lock_timeout=5), 1).list(limit=10)
    return {prompt.name: prompt.newest.number for prompt in prompts}


def test_histories_come_and_go_as_the_page_says(tmp_path: Path) -> None:
    work = tmp_path / "texts"
    (work / "prompts").mkdir(parents=True)
    (work / "prompts" / "b.md").write_text("b")
    git(work, "init", "-q")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "First")
    with Server(tmp_path / "data") as server:
        Http(server.url)("POST", "/api/prompts", {"name": "a", "content": "1"})
        (script,) = marked("coming-and-going.md", "sh")
        shell(script, tmp_path)
    assert names(tmp_path / "other") == {"a": 1, "b": 1}


def test_other_prompt_files_come_and_go_as_the_page_says(tmp_path: Path) -> None:
    (script,) = marked("other-prompt-files.md", "sh")
    assert '{{role "system"}}\nYou help {{company}}.\n{{placeholder "history"}}' in shell(script, tmp_path)
    assert "\n- name: history\n  kind: thread\n" in (tmp_path / "greeting.prompty").read_text()
    pull = ("pull", str(tmp_path / "folder"), "--data", str(tmp_path / "data"))
    refused = [command(*pull, "--format", "dotprompt"), command("push", *pull[1:], "-m", "x", "--yes")]
    assert [("prompty files" in done.stderr, done.returncode) for done in refused] == [(True, 1), (True, 1)]


def test_several_changes_are_made_as_the_page_says(server: Server) -> None:
    changes, promotion = marked("commits.md", "sh")
    shell(changes, server.folder, URL=server.url)
    shell(promotion, server.folder, URL=server.url)
    prompts = Http(server.url)("GET", "/api/prompts").json
    assert {prompt["name"]: prompt["labels"] for prompt in prompts} == {
        "support/goodbye": {},
        "support/greeting": {"production": 1, "staging": 1},
    }


def test_usage_is_told_as_the_page_says(tmp_path: Path) -> None:
    (script,) = marked("usage.md", "sh")
    with Server(tmp_path / "data", "--workers", "1") as server:
        printed = shell(f"({script}) 2>&1", tmp_path, URL=server.url, PROMPTGIT_URL=server.url)
    assert ", 1 read by the label production" in printed
    assert '"label":"production"' in printed
    assert "Programs still ask for production of support/greeting: last read " in printed
    assert "Programs still ask for support/greeting: last read " in printed


def test_a_release_goes_its_way_as_the_page_tells_it(tmp_path: Path) -> None:
    """From an empty folder to the audit: rules, a failed evaluation, an approval, a rollback and an override."""
    (program,) = marked("releases.md", "python")
    (tmp_path / "evaluate.py").write_text(program)
    script = "\n".join(marked("releases.md", "sh"))
    with Server(tmp_path / "data") as server:
        printed = shell(script.replace("http://127.0.0.1:8000", server.url), tmp_path)
    assert "eval: failure  nobody is called by name" in printed
    assert "\nGood bye, {{name}}!\n" in printed
    told = [line.split("  ", 1)[1] for line in printed.splitlines() if re.match(r"\d{4}-\d\d-\d\dT", line)]
    assert told == [
        "admin: Production of support/ takes an evaluation and a second person",
        "ada: The first words",
        "ada: The farewell is mended first",
        "ada: The first words",
        "bob: Read both",
        "bob: Release 2 to production: 2 prompts",
        "ada: Shorter",
        "bob: Approve release 3 to production, and make release 3",
        "bob: Too casual",
        "admin: The name is not filled in: incident 7",
    ]
    assert "main:releases/0/5.toml" in printed
    assert command("check", "--data", str(tmp_path / "data")).returncode == 0


def test_prompts_within_prompts_work_as_the_page_says(server: Server) -> None:
    (script,) = marked("references.md", "sh")
    printed = shell(script.replace("http://127.0.0.1:8000", server.url), server.folder)
    assert printed.count("Hello {{name}}! Be kind, and brief.\n") == 2
    assert printed.count("refused\n") == printed.count("unresolvable\n") == 1
    assert "used by  support/greeting, version 1, by the label production" in printed
    (program,) = marked("references.md", "python")
    program = program.replace("http://127.0.0.1:8000", server.url)
    assert shell(f"python - <<'END'\n{program}END\n", server.folder) == (
        "Hello Ada! Be kind, and brief.\n[('support/tone', 1)]\n['support/greeting']\n"
    )


def test_the_workflow_runs_the_pages_program() -> None:
    workflow = yaml.safe_load((ROOT / "docs" / "github-actions.yml").read_text())
    steps = workflow["jobs"]["evaluate"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["pip install promptgit-registry", "python evaluate.py"]
    (program,) = marked("releases.md", "python")
    for setting in set(steps[-1]["env"]) - {"PROMPTGIT_URL", "PROMPTGIT_TOKEN"}:
        assert setting in program


@pytest.mark.skipif(shutil.which("jq") is None, reason="the page's commands need jq: install it")
def test_langfuse_is_left_as_the_page_says(tmp_path: Path) -> None:
    """What stands in for Langfuse is promptgit with the same API."""
    with Server(tmp_path / "data") as server:
        http = Http(server.url)
        prompts = "/api/public/v2/prompts"
        http("POST", prompts, {"name": "a/b c&d", "prompt": "1", "labels": ["production"], "tags": ["t"]})
        http("POST", prompts, {"name": "a/b c&d", "prompt": "2", "config": {"n": 1}, "commitMessage": "Second"})
        http("POST", prompts, {"name": "chat", "type": "chat", "prompt": [{"role": "user", "content": "Hi"}]})
        (script,) = marked("coming-from/langfuse.md", "sh")
        script = script.replace("https://cloud.langfuse.com", server.url)
        shell(script, tmp_path, LANGFUSE_PUBLIC_KEY="any", LANGFUSE_SECRET_KEY="token")
        before = http("GET", f"{prompts}?limit=100").json
    with Server(tmp_path / "other") as other:
        after = Http(other.url)("GET", f"{prompts}?limit=100").json
    assert after == before
    assert names(tmp_path / "other") == {"a/b c&d": 2, "chat": 1}
    assert command("check", "--data", str(tmp_path / "other")).returncode == 0


def test_the_sdks_example_works(server: Server) -> None:
    python = ROOT / ".venv" / "langfuse-5" / "bin" / "python"
    if not (python.parents[1] / "installed").exists():
        pytest.skip("Langfuse's SDK 5 is not installed: make .venv/langfuse")
    (example,) = marked("langfuse.md", "python")
    keys = {"LANGFUSE_PUBLIC_KEY": "any", "LANGFUSE_SECRET_KEY": "token", "LANGFUSE_TRACING_ENABLED": "false"}
    done = subprocess.run(
        [python, "-c", example],
        env=environment(LANGFUSE_HOST=server.url, **keys),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "1 Hello Ada, how can I help?\n", done.stderr
