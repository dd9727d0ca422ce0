"""The README's commands do what it says, and the pages in docs/ leave nothing out."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import click
from flask.testing import FlaskClient

from promptgit.cli import main
from promptgit.errors import BackupRefused, BadLine, HookNotFound, UnusableHooks
from promptgit.settings import Settings
from tests.command_reference import reference
from tests.support import Server, environment, server_errors

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


def test_the_first_commands_work_as_they_stand(server: Server) -> None:
    tested = re.search(r"<!-- tested.*?```sh\n(.*?)```", README, re.DOTALL)
    assert tested
    script = tested[1].replace("http://127.0.0.1:8000", server.url).replace("curl -s", "curl -sS --fail-with-body")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=server.folder.parent,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Reverted to version 1 successfully." in done.stdout
    assert "-Hello {{name}}, how can I help?\n+Hi {{name}}!\n" in done.stdout
    assert "Author: Ada <ada@example.org>" in done.stdout


def test_every_setting_is_documented_with_its_default() -> None:
    for field in fields(Settings):
        start = f"| `PROMPTGIT_{field.name.upper()}`"
        row = next(line for line in page("operations.md").splitlines() if line.startswith(start))
        shown = f"{field.default:g}" if isinstance(field.default, float | bool) else str(field.default)
        assert (f"`{shown}`" if shown else "| none |") in row


def test_every_command_is_documented() -> None:
    for command in main.list_commands(click.Context(main)):
        assert f"`promptgit {command}" in page("command-line.md")


def test_every_route_is_documented(client: FlaskClient) -> None:
    for path, operations in json.loads(client.get("/openapi.json").data)["paths"].items():
        short = path.replace("{prompt_id}", "{id}").replace("{number}", "{n}")
        for method in operations:
            assert re.search(rf"`{method.upper()} {re.escape(short)}[`?]", page("api.md")), (method, path)


def test_every_kind_of_refusal_is_documented() -> None:
    internal = {
        "error",
        "unavailable",
        "changes_refused",
        BackupRefused.code,
        BadLine.code,
        HookNotFound.code,
        UnusableHooks.code,
    }
    for kind in server_errors():
        assert kind.code in internal or f"`{kind.code}`" in page("api.md"), kind


def test_the_reference_of_commands_is_what_they_say_of_themselves() -> None:
    assert page("command-reference.md") == reference(), "run make reference"


def test_every_page_is_listed_and_every_link_leads_somewhere() -> None:
    docs = ROOT / "docs"
    pages = {str(path.relative_to(docs)) for path in docs.rglob("*.md")} - {"index.md"}
    assert pages <= set(re.findall(r"\]\(([a-z/-]+\.md)\)", page("index.md")))
    for path in (*ROOT.glob("*.md"), *docs.rglob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / link).exists(), (path.name, link)


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 150
