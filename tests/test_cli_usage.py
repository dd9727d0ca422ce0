"""How the commands are used: exit codes, completion, what they import, and their documentation."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import fill, run
from tests.support import PROMPTGIT, Http, Server, command, environment

Run = Callable[..., str]


@pytest.fixture
def url(shared: Server) -> dict[str, str]:
    return {"PROMPTGIT_URL": shared.url}


def test_usage_and_refusals_have_their_exit_codes(tmp_path: Path, url: dict[str, str]) -> None:
    fill(url, "cli/usage", "1")
    assert run({}, "show", "x", "--url", "http://127.0.0.1:1", "--data", str(tmp_path), code=2)
    assert run(url, "log", code=2).startswith("Usage: promptgit log")
    assert run(url, "save", "x", "--author", "nobody", code=2)
    assert run(url, "frobnicate", code=2)
    assert run(url, "show", "cli/nowhere", code=1).startswith("promptgit: No prompt has the name or id")
    missing = run({"PROMPTGIT_DATA": str(tmp_path / "none")}, "ls", code=1)
    assert missing.startswith("promptgit: There is no repository")
    assert not (tmp_path / "none").exists()
    assert "not-there" in run(url, "push", str(tmp_path / "not-there"), code=2)
    (tmp_path / "file").write_text("x")
    assert run(url, "pull", str(tmp_path / "file" / "below"), code=1).startswith("promptgit: ")
    assert "no version 0" in run(url, "diff", "cli/usage", "0", code=1)


def test_names_are_completed(url: dict[str, str]) -> None:
    fill(url, "complete/one", "1")
    fill(url, "complete/two", "2")
    asked = {"_PROMPTGIT_COMPLETE": "bash_complete", "COMP_WORDS": "promptgit show complete/", "COMP_CWORD": "2"}
    done = command(**url, **asked)
    assert done.stdout.split() == ["plain,complete/one", "plain,complete/two"]
    away = command(**(asked | {"PROMPTGIT_URL": "http://127.0.0.1:1"}))
    assert (away.stdout.strip(), away.stderr) == ("", "")


def test_a_command_for_a_server_imports_none(shared: Server) -> None:
    """Nor does --help, which works without the extra `server`."""
    for arguments in (["ls", "--url", shared.url], ["--help"]):
        code = f"""if True:
            import sys
            from promptgit.cli import main
            main({arguments!r}, standalone_mode=False)
            found = {{"flask", "pygit2", "gunicorn", "orjson", "filelock", "sqlite3"}} & set(sys.modules)
            assert not found, found
        """
        done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()


# Without the extra `server` only these are installed: every other module is hidden.
_PLAIN = """if True:
    import sys
    from importlib import metadata
    from packaging.requirements import Requirement

    def needed(name):
        wanted = map(Requirement, metadata.requires(name) or ())
        return {name}.union(*(needed(one.name) for one in wanted if one.marker is None or one.marker.evaluate()))

    plain = {name.lower().replace("_", "-") for name in needed("promptgit-registry")}
    for module, names in metadata.packages_distributions().items():
        if not plain & {name.lower().replace("_", "-") for name in names}:
            sys.modules[module] = None
    from promptgit.cli import main
"""


@pytest.mark.parametrize("arguments", [["serve"], ["check"], ["reindex"], ["ls"]])
def test_what_needs_the_server_says_so_where_it_is_not_installed(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "data" / "prompts.git").mkdir(parents=True)
    done = _plainly([*arguments, "--data", str(tmp_path / "data")])
    assert done.returncode == 1
    assert "pip install 'promptgit-registry[server]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_asks_a_server_needs_none_installed(shared: Server) -> None:
    Http(shared.url)("POST", "/api/prompts", {"name": "plain/hello", "content": "Hello"})
    for arguments, said in (
        (["--help"], "Versions for prompts"),
        (["show", "plain/hello", "--url", shared.url], "Hello"),
    ):
        done = _plainly(arguments)
        assert (done.returncode, said in done.stdout) == (0, True), done.stderr


def _plainly(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    code = f"{_PLAIN}    main({arguments!r})"
    return subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)


def test_the_documented_commands_work_as_they_stand(server: Server) -> None:
    text = (Path(__file__).parents[1] / "docs" / "command-line.md").read_text()
    (script,) = re.findall(r"<!-- tested.*?```sh\n(.*?)```", text, re.DOTALL)
    settings = {"PATH": f"{Path(PROMPTGIT).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8000", server.url)],
        cwd=server.folder.parent,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[support/greeting 3 " in done.stdout
    assert "pushed:    support/bye (version 1)" in done.stdout
    prompts = Http(server.url)("GET", "/api/prompts?include=content").json
    assert [(prompt["name"], prompt["version_number"]) for prompt in prompts] == [
        ("support/bye", 1),
        ("support/hello", 6),
    ]
