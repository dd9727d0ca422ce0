"""Commands that are nearly always mistakes, outputs that lack characters, refusals in the words of the commands."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from promptgit.store.store import Store
from tests.clients import fill, run
from tests.support import PROMPTGIT, Server, environment, git


@pytest.fixture
def url(shared: Server) -> dict[str, str]:
    return {"PROMPTGIT_URL": shared.url}


def test_an_empty_content_is_asked_about(url: dict[str, str], tmp_path: Path) -> None:
    """Most often the command before the pipe has failed."""
    name = "mistakes/empty"
    fill(url, name, "1")
    assert "Give --allow-empty" in run(url, "save", name, data=b"", code=1)
    assert run(url, "show", name) == "1"
    run(url, "save", name, "--allow-empty", data=b"")
    assert run(url, "show", name) == ""
    folder = tmp_path / "folder"
    (folder / "mistakes").mkdir(parents=True)
    (folder / "mistakes" / "none.md").write_bytes(b"")
    assert "Nothing was pushed" in run(url, "push", str(folder), "--yes", code=1)
    run(url, "show", "mistakes/none", code=1)
    run(url, "push", str(folder), "--yes", "--allow-empty")
    assert run(url, "show", "mistakes/none") == ""


def test_a_revert_takes_a_label(url: dict[str, str]) -> None:
    fill(url, "mistakes/revert", "1", "2")
    run(url, "label", "mistakes/revert", "production", "1")
    run(url, "revert", "mistakes/revert", "production")
    assert run(url, "show", "mistakes/revert") == "1"
    assert "no label" in run(url, "revert", "mistakes/revert", "staging", code=1)


def test_what_had_nothing_to_do_says_so(url: dict[str, str], tmp_path: Path) -> None:
    fill(url, "mistakes/nothing", "1")
    assert "has no label" in run(url, "label", "--delete", "mistakes/nothing", "production", code=1)
    run(url, "label", "mistakes/nothing", "production", "1")
    assert run(url, "label", "--delete", "mistakes/nothing", "production").startswith("Removed production")
    assert "nothing was removed" in run(url, "label", "--delete", "mistakes/nothing", "production")
    (tmp_path / "folder").mkdir()
    done = subprocess.run(
        [PROMPTGIT, "push", str(tmp_path / "folder"), "--yes"], env=environment(**url), capture_output=True, check=True
    )
    assert b"Nothing to push" in done.stderr


def test_the_commands_are_a_module_too() -> None:
    done = subprocess.run([sys.executable, "-m", "promptgit", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: promptgit ")


def test_no_color_is_obeyed(url: dict[str, str]) -> None:
    """On a terminal; `--color always` is the more particular wish."""
    fill(url, "mistakes/color", "1\n", "2\n")
    script = f"{PROMPTGIT} diff mistakes/color"

    def terminal(**settings: str) -> str:
        spawned = f"import pty, sys; sys.exit(pty.spawn({script.split()!r}))"
        done = subprocess.run(
            [sys.executable, "-c", spawned],
            env=environment(**url, TERM="xterm", **settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    assert "\x1b[3" in terminal()
    plain = terminal(NO_COLOR="1")
    assert "+2" in plain and "\x1b[3" not in plain
    assert "\x1b[3" in run({**url, "NO_COLOR": "1"}, "diff", "mistakes/color", "--color", "always")


def test_refusals_speak_of_options_and_settings(tmp_path: Path) -> None:
    """Not of headers, which nobody gives to a command."""
    with Server(tmp_path / "data") as server:
        url = {"PROMPTGIT_URL": server.url}
        fill(url, "a", "1", "2")
        stale = [
            run(url, *words, "--if-match", "1", data=b"3", code=1)
            for words in (("save", "a"), ("revert", "a", "1"), ("label", "a", "x", "1"))
        ]
        run({"PROMPTGIT_DATA": str(server.folder)}, "token", "create", "t", "--scope", "read")
        closed = [run(url | {"PROMPTGIT_TOKEN": token}, "show", "a", code=1) for token in ("", "pgt_wrong")]
    for told in stale:
        assert "--if-match 2" in told
    for told in closed:
        assert "PROMPTGIT_TOKEN" in told
    for told in stale + closed:
        assert not any(word in told for word in ("If-Match", "ETag", "header", "Authorization", "Bearer"))


def test_an_output_that_lacks_a_character_has_an_escape_for_it(url: dict[str, str]) -> None:
    """As when a console of Windows is redirected."""
    name = "mistakes/\u4f60\u597d"
    for content in ("\u4f60\n", "\u597d \u2192\n"):
        run(url, "save", name, "-m", f"Say {content.strip()}", data=content.encode())
    narrow = {**url, "PYTHONIOENCODING": "cp1252"}

    def told(*words: str) -> bytes:
        done = subprocess.run([PROMPTGIT, *words], env=environment(**narrow), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert b"mistakes/\\u4f60\\u597d" in told("ls")
    assert b"Say \\u597d \\u2192" in told("log", name)
    assert b"+\\u597d" in told("diff", name)
    assert json.loads(told("show", name, "--json"))["name"] == name
    assert any(one["name"] == name for one in json.loads(told("ls", "--json")))
    assert told("show", name) == "\u597d \u2192\n".encode()  # a content is bytes, whatever the terminal


def test_a_file_name_of_macos_is_its_composed_twin(url: dict[str, str], tmp_path: Path) -> None:
    composed = "mistakes/caf\u00e9"
    folder = tmp_path / "folder"
    (folder / "mistakes").mkdir(parents=True)
    file = folder / f"{unicodedata.normalize('NFD', composed)}.md"
    file.write_text("1")
    run(url, "push", str(folder), "--yes")
    assert run(url, "show", composed) == "1"
    run(url, "save", composed, data=b"2")
    run(url, "pull", str(folder))
    assert [one.name for one in file.parent.iterdir() if "caf" in one.name] == [file.name]
    assert file.read_text() == "2"
    (folder / f"{composed}.md").write_text("3")
    assert "two Unicode forms" in run(url, "push", str(folder), "--yes", code=1)


def test_labels_that_git_alone_left_behind_are_named(tmp_path: Path) -> None:
    """And the documented way of moving them along works."""
    place = {"PROMPTGIT_DATA": str(tmp_path / "data")}
    Store(tmp_path / "data", lock_timeout=5).open()
    run(place, "save", "old", data=b"1")
    run(place, "label", "old", "production", "1")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(tmp_path / "data" / "prompts.git"), str(clone))
    git(clone, "mv", "prompts/old.md", "prompts/new.md")
    git(clone, "commit", "-q", "-m", "Move the file alone")
    git(clone, "push", "-q")
    assert run(place, "ls") == "new\n"  # the index has taken the push in
    checked = subprocess.run(
        [PROMPTGIT, "check"], env=environment(**place), capture_output=True, text=True, check=False
    )
    assert checked.returncode == 1
    assert "'production' of 'old'" in checked.stdout and "move this file along" in checked.stdout
    git(clone, "mv", "labels/production/old", "labels/production/new")
    git(clone, "commit", "-q", "-m", "Move the label along")
    git(clone, "push", "-q")
    run(place, "ls")
    run(place, "check")
    assert run(place, "show", "new@production") == "1"
