"""Thousands of real versions of real prompts, imported, and read back line by line over HTTP."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promptgit.domain.names import id_of
from tests.support import Http, Server, assert_sound, command, git, git_text
from tests.test_commands import rows

pytestmark = pytest.mark.slow

Lines = dict[str, list[dict[str, Any]]]


@dataclass
class Imported:
    """A server on the imported history, and the file's lines by name."""

    server: Server
    lines: Lines


@pytest.fixture(scope="module")
def imported(real_history: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    folder = tmp_path_factory.mktemp("real") / "data"
    done = command("import", str(real_history), "--data", str(folder))
    assert (done.returncode, done.stdout) == (0, "2,451 commits added, 0 lines there already, 0 skipped.\n")
    lines: Lines = defaultdict(list)
    with gzip.open(real_history) as file:
        for raw in file:
            entry = json.loads(raw)
            lines[entry["name"]].append(entry)
    with Server(folder) as server:
        yield Imported(server, lines)


def prompts(http: Http) -> dict[str, dict[str, Any]]:
    """All prompts that live, by name, page by page."""
    found: dict[str, dict[str, Any]] = {}
    where: str | None = "/api/prompts?limit=1000"
    while where:
        answer = http("GET", where)
        found |= {prompt["name"]: prompt for prompt in answer.json}
        where = answer.headers["Link"].split(">")[0][1:] if "Link" in answer.headers else None
    return found


def test_every_version_of_every_prompt_is_as_the_file_has_it(imported: Imported) -> None:
    """Those of deleted prompts too."""
    http = Http(imported.server.url)
    living = prompts(http)
    assert set(living) == {name for name, lines in imported.lines.items() if lines[-1]["op"] == "write"}
    repository = imported.server.folder / "prompts.git"
    log = commits_by_path(repository)
    for name, lines in imported.lines.items():
        writes = [line for line in lines if line["op"] == "write"]
        prompt_id = living[name]["id"] if name in living else id_of(name)
        versions = http("GET", f"/api/prompts/{prompt_id}/versions").json
        assert [version["version_number"] for version in versions] == list(range(1, len(writes) + 1))
        assert [version["commit"] for version in versions] == log[f"prompts/{name}.md"]
        for version, line in zip(versions, writes, strict=True):
            assert version["timestamp"] == line["timestamp"]
            assert version["author"] == {"name": line["author_name"], "email": line["author_email"]}
            assert version["description"] == line["description"].replace("\r\n", "\n").strip()
            where = f"/api/prompts/{prompt_id}/versions/{version['version_number']}/content"
            assert http("GET", where).body == line["content"].encode()
        if lines[-1]["op"] == "delete":
            assert http("GET", f"/api/prompts/{prompt_id}").status == 410


def commits_by_path(repository: Path) -> dict[str, list[str]]:
    """The commits that added or changed each path, oldest first, in one run of git."""
    command = ["log", "--first-parent", "-m", "--diff-filter=AM", "--reverse", "--name-only", "-z", "--format=%H"]
    log: dict[str, list[str]] = defaultdict(list)
    commit = ""
    for token in git(repository, *command, "--no-renames").decode().split("\0"):
        path = token.removeprefix("\n")
        if len(path) == 40 and "/" not in path:
            commit = path
        elif path:
            log[path].append(commit)
    return log


def test_git_and_check_agree_with_the_import(imported: Imported) -> None:
    repository = imported.server.folder / "prompts.git"
    assert_sound(repository)
    assert git_text(repository, "rev-list", "--count", "main") == "2452"
    done = command("check", "--data", str(imported.server.folder))
    assert (done.returncode, done.stdout) == (0, "The index agrees with git.\n")


def test_importing_it_again_adds_nothing(imported: Imported, real_history: Path) -> None:
    """Beside the running server."""
    done = command("import", str(real_history), "--data", str(imported.server.folder))
    assert done.stdout == "0 commits added, 2,451 lines there already, 0 skipped.\n"


def test_what_is_exported_is_imported_and_exported_as_the_same(imported: Imported, tmp_path: Path) -> None:
    """Every line, but for the commits' ids; and nothing is added to where it came from."""

    def lines(path: Path) -> list[dict[str, Any]]:
        with gzip.open(path) as file:
            return [json.loads(raw) | {"commit": ""} for raw in file]

    first, second = tmp_path / "first.jsonl.gz", tmp_path / "second.jsonl.gz"
    other = str(tmp_path / "other")
    assert command("export", str(first), "--data", str(imported.server.folder)).returncode == 0
    assert command("import", str(first), "--data", other).stdout.startswith("2,451 commits added, 0 lines")
    assert command("export", str(second), "--data", other).returncode == 0
    assert lines(second) == lines(first)
    ids = {name: prompt["id"] for name, prompt in prompts(Http(imported.server.url)).items()}
    with Server(tmp_path / "other") as server:
        assert {name: prompt["id"] for name, prompt in prompts(Http(server.url)).items()} == ids
    again = command("import", str(first), "--data", str(imported.server.folder))
    assert again.stdout == "0 commits added, 2,451 lines there already, 0 skipped.\n"


def test_an_index_built_anew_is_equal(imported: Imported) -> None:
    index = imported.server.folder / "index.sqlite3"
    before = rows(index)
    assert command("reindex", "--data", str(imported.server.folder)).returncode == 0
    assert rows(index) == before
    assert len(prompts(Http(imported.server.url))) == 819


def test_real_prompts_are_found_and_compared(imported: Imported, tmp_path: Path) -> None:
    http = Http(imported.server.url)
    found = http("GET", "/api/prompts?q=github+copilot&include=content&limit=1000").json
    assert found
    assert all("github copilot" in (prompt["name"] + prompt["content"]).lower() for prompt in found)
    git(tmp_path, "clone", "-q", str(imported.server.folder / "prompts.git"), "clone")
    name, _ = max(imported.lines.items(), key=lambda item: len(item[1]))
    prompt_id = prompts(http)[name]["id"]
    commits = [version["commit"] for version in http("GET", f"/api/prompts/{prompt_id}/versions").json]
    for at in range(1, len(commits)):
        answer = http("GET", f"/api/prompts/{prompt_id}/diff?from={at}&to={at + 1}", headers={"Accept": "text/x-diff"})
        assert answer.body == git(tmp_path / "clone", "diff", commits[at - 1], commits[at], "--", f"prompts/{name}.md")
