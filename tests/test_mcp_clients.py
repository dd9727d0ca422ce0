"""Clients of the Model Context Protocol, unmodified, against a running service."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import PROMPTGIT, Http, Server, environment
from tests.test_langfuse import PROMPTS

ROOT = Path(__file__).parents[1]
HERE = ROOT / "tests" / "mcp"
NODE = ROOT / ".venv" / "mcp" / "node_modules" / "@modelcontextprotocol"


@pytest.fixture(scope="module")
def offering(shared: Server) -> Server:
    """A server with prompts in production, among them those that the conformance tests ask for."""
    http = Http(shared.url)
    texts = {f"many/{number:02}": "{{x}}" for number in range(59)} | {
        "Grüße/an Ada & Co": "Hallo {{wer}}",
        "test_simple_prompt": "This is a simple prompt for testing.",
        "test_prompt_with_arguments": "Prompt with arguments: arg1={{arg1}}, arg2={{arg2}}",
    }
    changes: list[object] = [{"name": name, "content": text} for name, text in texts.items()]
    changes += [{"name": name, "label": "production", "version_number": "new"} for name in texts]
    assert http("POST", "/api/commits", {"changes": changes}).status == 200
    chat = [
        {"role": "system", "content": "You serve {{who}}."},
        {"type": "placeholder", "name": "history"},
        {"role": "assistant", "content": "Hi"},
    ]
    published = {"name": "support/chat", "type": "chat", "prompt": chat, "labels": ["production"]}
    assert http("POST", PROMPTS, published).status == 201
    return shared


def run(*command: str | Path, **settings: str) -> str:
    done = subprocess.run(
        command, env=environment(**settings), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def node(package: str, program: str) -> list[str | Path]:
    """The command of a package of npm's."""
    found = shutil.which("node")
    if found is None or not (NODE / package).exists():
        pytest.skip(f"{package} is not installed: get node 20 and npm, then make .venv/mcp/installed")
    if int(run(found, "--version")[1:].partition(".")[0]) < 20:
        pytest.skip(f"{package} needs node 20")
    return [found, NODE / package / program]


@pytest.mark.parametrize("major", [1, 2])
def test_the_python_client_works_in_both_eras(offering: Server, major: int) -> None:
    """Over HTTP, and with the program that it starts: tests/mcp/use.py."""
    python = ROOT / ".venv" / f"mcp-{major}" / "bin" / "python"
    if not (python.parents[1] / "installed").exists():
        pytest.skip(f"the package mcp {major} is not installed: make .venv/mcp")
    said = run(python, HERE / "use.py", f"{offering.url}/mcp", PROMPTGIT, "mcp", "--data", str(offering.folder))
    assert said.startswith(f"mcp {major}.")


def test_the_conformance_tests_find_nothing_but_what_is_not_offered(offering: Server, tmp_path: Path) -> None:
    conformance = node("conformance", "dist/index.js")
    url, failing = f"{offering.url}/mcp", HERE / "not-offered.yml"
    said = run(*conformance, "server", "--url", url, "--expected-failures", failing, "--output-dir", tmp_path)
    for scenario in ("server-initialize", "ping", "tools-list", "prompts-list", "prompts-get-with-args"):
        assert re.search(rf"✓.* {scenario}: 1 passed, 0 failed", re.sub(r"\x1b\[[0-9]*m", "", said)), said


def test_the_inspectors_command_line_shows_prompts(offering: Server) -> None:
    """Over HTTP, and over the program that it starts."""
    inspect = [*node("inspector", "cli/build/cli.js"), "--cli"]
    get = [
        "--method",
        "prompts/get",
        "--prompt-name",
        "test_prompt_with_arguments",
        "--prompt-args",
        "arg1=1",
        "arg2=2",
    ]
    found = json.loads(run(*inspect, f"{offering.url}/mcp", "--transport", "http", *get))
    assert found["messages"][0]["content"]["text"] == "Prompt with arguments: arg1=1, arg2=2"
    listed = run(*inspect, PROMPTGIT, "mcp", "--url", offering.url, "--method", "prompts/list")
    assert "Grüße/an Ada & Co" in [prompt["name"] for prompt in json.loads(listed)["prompts"]]
