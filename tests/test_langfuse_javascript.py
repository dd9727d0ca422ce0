"""Langfuse's SDKs for JavaScript and what stands on Langfuse, unmodified: only the host is another one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import Http, Server, environment

ROOT = Path(__file__).parents[1]
JAVASCRIPT = ROOT / ".venv" / "langfuse-js" / "node_modules"
PROMPTFOO = ROOT / ".venv" / "promptfoo" / "node_modules"
HAYSTACK = ROOT / ".venv" / "haystack"
PROMPTS = "/api/public/v2/prompts"


def run(server: Server, folder: Path, *command: str | Path, **settings: str) -> str:
    """What a program prints that knows where Langfuse is by its environment alone."""
    hosts = {"LANGFUSE_HOST": server.url, "LANGFUSE_BASEURL": server.url}
    keys = {"LANGFUSE_PUBLIC_KEY": "any", "LANGFUSE_SECRET_KEY": "token"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(HOME=str(folder), **hosts, **keys, **settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def node(server: Server, folder: Path, program: str, *arguments: str) -> str:
    """What a program for Node prints; it finds the SDKs as in a project of its own."""
    if not JAVASCRIPT.exists():
        pytest.skip("Langfuse's SDKs for JavaScript are not installed: get npm, then make .venv/langfuse-js/installed")
    (folder / "node_modules").symlink_to(JAVASCRIPT)
    (folder / "program.mjs").write_text(program)
    return run(server, folder, "node", "program.mjs", *arguments)


def marked(page: str, language: str) -> str:
    (block,) = re.findall(rf"<!-- tested.*?-->\n```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    return str(block)


@pytest.mark.parametrize("package", ["@langfuse/client", "langfuse"])
def test_the_javascript_sdk_works_with_another_host(server: Server, tmp_path: Path, package: str) -> None:
    """Create, get, chat, placeholders, caching, labels, fallbacks, deletion: tests/langfuse/use.mjs."""
    program = (ROOT / "tests" / "langfuse" / "use.mjs").read_text()
    told = json.loads(node(server, tmp_path, program, package).splitlines()[-1])  # the older one prints as it likes
    history = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    expected: dict[str, Any] = {
        "created": 1,
        "again": 1,
        "second": 2,
        "got": {
            "version": 1,
            "prompt": "Hello {{name}}!",
            "config": {"model": "gpt-4o", "temperature": 0.2},
            "labels": ["production"],
            "tags": ["a"],
        },
        "compiled": "Hello <Ada>!",
        "byVersion": "Hi Ada",
        "byLabel": 2,
        "latest": ["staging", "latest"],
        "chat": [{"role": "system", "content": "Be brief."}, *history, {"role": "user", "content": "Why?"}],
        "unfilled": {"type": "placeholder", "name": "history"},
        "cached": 1,
        "uncached": 2,
        "beforeRefresh": 2,
        "refreshed": 1,
        "updated": ["blue", "production", "staging", "latest"],
        "untouched": [],
        "fallback": [True, "Hello Ada"],
        "chatFallback": [True, history],
        "names": [True, True, True],
    }
    if package == "@langfuse/client":
        expected |= {"noPrompt": 404, "noVersion": 404, "oneVersionStays": 400, "removed": 404}
    else:  # It tells refusals by their sentence, and deletes nothing.
        expected["noPrompt"] = "No prompt has the name 'nothing'. List the prompts to find it."
        expected["noVersion"] = "'support/greeting' has no version 9: its versions are 1 to 2."
    assert told == expected


def test_the_example_for_javascript_works(server: Server, tmp_path: Path) -> None:
    assert node(server, tmp_path, marked("langfuse-javascript.md", "js")) == "1 Hello Ada, how can I help?\n"


def test_promptfoo_evaluates_prompts_as_the_page_says(server: Server, tmp_path: Path) -> None:
    """By name, label, version and type; a label that is not there fails the evaluation."""
    if shutil.which("node") is None or not (PROMPTFOO / ".bin" / "promptfoo").exists():
        pytest.skip("promptfoo is not installed: get npm, then make .venv/promptfoo/installed")
    http = Http(server.url)
    http("POST", PROMPTS, {"name": "greeting", "prompt": "Hello {{name}}!", "labels": ["production"]})
    http("POST", PROMPTS, {"name": "greeting", "prompt": "Hi {{name}}!", "labels": ["staging"]})
    chat = [{"role": "user", "content": "Hey {{name}}!"}]
    http("POST", PROMPTS, {"name": "support/chat", "type": "chat", "prompt": chat, "labels": ["production"]})
    (tmp_path / "promptfooconfig.yaml").write_text(marked("promptfoo.md", "yaml"))
    command = marked("promptfoo.md", "sh").split()
    assert command[0] == "promptfoo"
    run(
        server,
        tmp_path,
        PROMPTFOO / ".bin" / "promptfoo",
        *command[1:],
        PROMPTFOO_DISABLE_TELEMETRY="1",
        PROMPTFOO_DISABLE_UPDATE="1",
    )
    results = json.loads((tmp_path / "results.json").read_text())["results"]["results"]
    assert {result["prompt"]["label"]: result["response"]["output"] for result in results} == {
        "langfuse://greeting": "Hello Ada!",
        "langfuse://greeting@staging": "Hi Ada!",
        "langfuse://greeting:1": "Hello Ada!",
        "langfuse://support/chat@production:chat": '[{"role":"user","content":"Hey Ada!"}]',
    }


def test_a_haystack_pipeline_has_its_prompt_as_the_page_says(server: Server, tmp_path: Path) -> None:
    if not (HAYSTACK / "installed").exists():
        pytest.skip("langfuse-haystack is not installed: make .venv/haystack/installed")
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello from {{name}}"}]
    Http(server.url)("POST", PROMPTS, {"name": "chat", "type": "chat", "prompt": chat, "labels": ["production"]})
    program = marked("haystack.md", "python")
    settings = {"LANGFUSE_TRACING_ENABLED": "false", "HAYSTACK_TELEMETRY_ENABLED": "False"}
    assert run(server, tmp_path, HAYSTACK / "bin" / "python", "-c", program, **settings) == (
        "system: Be brief.\nuser: Hello from Ada\n"
    )
