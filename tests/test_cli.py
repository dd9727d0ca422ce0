"""The commands for prompts: as their own processes, on a server and on a folder."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import fill, run
from tests.support import PROMPTGIT, Server, command, commits_of, environment, foreign_commit

Run = Callable[..., str]


@pytest.fixture
def url(shared: Server) -> dict[str, str]:
    return {"PROMPTGIT_URL": shared.url}


def test_a_prompt_is_saved_shown_and_told_of(url: dict[str, str], tmp_path: Path) -> None:
    name = "cli/saved"
    first = run(url, "save", name, "-m", "First\n\nAt length", data=b"one\r\n")
    assert re.fullmatch(rf"\[{name} 1 [0-9a-f]{{7}}\] First\n", first)
    (tmp_path / "file").write_bytes(b"two")
    run(url, "save", name, str(tmp_path / "file"), "--author", "Ada L. <ada@example.org>", "-m", "Second")
    assert "stays at version 2" in run(url, "save", name, str(tmp_path / "file"))
    assert run(url, "show", name) == run(url, "show", f"{name}@2") == run(url, "show", f"{name}@latest") == "two"
    assert run(url, "show", f"{name}@1") == "one\r\n"
    assert json.loads(run(url, "show", name, "--json"))["author"] == {"name": "Ada L.", "email": "ada@example.org"}
    run(url, "label", name, "production", "2")
    second, _, first = run(url, "log", name).partition("\n\nversion 1\n")
    assert re.fullmatch(
        r"version 2, production\ncommit [0-9a-f]{40}\nAuthor: Ada L. <ada@example.org>\n"
        r"Commit: promptgit <promptgit@localhost>\nDate:   \w{3} \w{3} \d+ \d\d:\d\d:\d\d \d{4} \+0000\n\n    Second",
        second,
    )
    assert first.endswith("\n\n    First\n\n    At length\n")
    assert "Author: admin <admin@example.org>" in first  # whom git has
    assert re.fullmatch(r"2 [0-9a-f]{7} \(production\) Second\n", run(url, "log", name, "--oneline", "-n", "1"))
    assert [version["version_number"] for version in json.loads(run(url, "log", name, "--json"))] == [2, 1]
    assert run(url, "log", name, "--oneline", "--reverse").startswith("1 ")
    assert json.loads(run(url, "log", name, "--json", "-n", "0")) == []


def test_a_folder_needs_no_server(tmp_path: Path) -> None:
    """The same rules, commits and exit codes."""
    with Server(tmp_path / "data") as server:
        server.stop()
    place = {"PROMPTGIT_DATA": str(tmp_path / "data")}
    for content in (b"1\n", b"2\n"):
        run(place, "save", "a", data=content)
    assert "-1\n+2\n" in run(place, "diff", "a")
    run(place, "label", "a", "production", "1")
    assert run(place, "show", "a@production") == "1\n"
    assert "promptgit: The name 'A' cannot stand" in run(place, "save", "A", data=b"x", code=1)
    run(place, "rm", "a")
    assert run(place, "ls") == ""
    assert commits_of(tmp_path / "data" / "prompts.git", "prompts/a.md")[1:]


def test_a_save_on_top_of_an_older_version_is_refused(url: dict[str, str]) -> None:
    fill(url, "cli/stale", "1", "2")
    told = run(url, "save", "cli/stale", "--if-match", "1", data=b"3", code=1)
    assert told.startswith("promptgit: The prompt is at version 2")
    run(url, "save", "cli/stale", "--if-match", "2", data=b"3")
    assert "has the name" in run(url, "save", "cli/none", "--if-match", "2", data=b"3", code=1)


def test_what_is_not_utf8_is_refused(url: dict[str, str]) -> None:
    assert "not UTF-8: byte 3" in run(url, "save", "cli/latin", data=b"ab\xff", code=1)


def test_each_line_is_shown_with_who_wrote_it(url: dict[str, str]) -> None:
    name = "cli/blame"
    for content in (b"one\ntwo", b"one\r\ntwo\n\x1b[2J\nthree", b""):
        run(url, "save", name, "--allow-empty", data=content)
    told = run(url, "blame", name, "--version", "2")
    assert re.fullmatch(r"(2 \(admin, stored by promptgit \d{4}-\d\d-\d\d \d\d:\d\d [1-4]\) .*\n){4}", told)
    assert [line.partition(") ")[2] for line in told.splitlines()] == [r"one\r", "two", r"\x1b[2J", "three"]
    run(url, "label", name, "production", "1")
    (found,) = json.loads(run(url, "blame", name, "--version", "production", "--json"))
    assert (found["lines"], found["version_number"], found["author"]["name"]) == (2, 1, "admin")
    assert (run(url, "blame", name), json.loads(run(url, "blame", name, "--json"))) == ("", [])


def test_differences_are_shown_by_lines_and_words(url: dict[str, str]) -> None:
    name = "cli/diff"
    fill(url, name, "a b\nc\n", "a x\nc\n", "a y\nc\n")
    whole = run(url, "diff", name)
    assert whole.startswith(f"diff --git a/prompts/{name}.md b/prompts/{name}.md\nindex ")
    assert whole.endswith("@@ -1,2 +1,2 @@\n-a x\n+a y\n c\n")
    assert "-a b\n+a y\n" in run(url, "diff", name, "1")
    assert "-a b\n+a x\n" in run(url, "diff", name, "1", "2")
    words = run(url, "diff", name, "--word-diff")
    assert words.startswith(f"diff --git a/prompts/{name}.md")
    assert words.endswith("@@ -1,2 +1,2 @@\na [-x-]{+y+}\nc\n")
    colored = run(url, "diff", name, "--color", "always")
    assert "\x1b[31m-a x\x1b[0m\n\x1b[32m+a y\x1b[0m\n c\n" in colored
    assert "\x1b[31m[-x-]\x1b[m\x1b[32m{+y+}\x1b[m" in run(url, "diff", name, "--word-diff", "--color=always")
    found = json.loads(run(url, "diff", name, "1", "3", "--json"))
    assert (found["from"], found["to"], found["additions"], found["deletions"]) == (1, 3, 1, 1)
    assert run(url, "diff", name, "2", "2") == run(url, "diff", name, "2", "2", "--word-diff") == ""
    run(url, "diff", name, "2", "2", "--exit-code")
    run(url, "diff", name, "--exit-code", code=1)
    fill(url, name + "-one", "x")
    assert "has one version" in run(url, "diff", name + "-one", code=1)


def test_labels_are_pointed_told_and_removed(url: dict[str, str]) -> None:
    name = "cli/label"
    fill(url, name, "1", "2")
    run(url, "label", name, "staging", "latest", "-m", "Try")
    assert "-> version 2" in run(url, "label", name, "production", "staging")
    run(url, "label", name, "production", "1")
    assert run(url, "show", f"{name}@production") == "1"
    assert [row.split()[:2] for row in run(url, "label", name).splitlines()] == [
        ["production", "1"],
        ["staging", "2"],
    ]
    moves = json.loads(run(url, "label", name, "production", "--json"))
    assert [(move["from"], move["to"]) for move in moves] == [(None, 2), (2, 1)]
    assert "2 -> 1" in run(url, "label", name, "production")
    assert run(url, "ls", "cli/label", "--label", "staging").splitlines() == [name]
    run(url, "label", name, "production", "--delete")
    assert "no label 'production'" in run(url, "show", f"{name}@production", code=1)
    run(url, "label", name, "--delete", code=2)


def test_prompts_are_listed_renamed_removed_and_brought_back(url: dict[str, str]) -> None:
    folder = "cli/ls"
    for number in "123":
        fill(url, f"{folder}/{number}", number)
    assert run(url, "ls", f"{folder}/").split() == [f"{folder}/{number}" for number in "123"]
    assert re.search(rf"     1  \d{{4}}-\d\d-\d\d \d\d:\d\d  {folder}/1\n", run(url, "ls", "-l", f"{folder}/"))
    assert json.loads(run(url, "ls", f"{folder}/", "--json"))[0]["name"] == f"{folder}/1"
    assert json.loads(run(url, "ls", "--search", "nowhere at all", "--json")) == []
    assert run(url, "rename", f"{folder}/1", f"{folder}/one") == f"{folder}/1 -> {folder}/one\n"
    gone = json.loads(run(url, "rm", f"{folder}/2", "-m", "Enough", "--json"))
    assert "was deleted" in run(url, "show", f"{folder}/2", code=1)
    assert len(run(url, "log", f"{folder}/2", "--oneline").splitlines()) == 1
    assert re.match(rf"\[{folder}/2 2 ", run(url, "revert", gone["id"], "1"))
    assert "already" in run(url, "revert", f"{folder}/2", "1")
    assert run(url, "ls", f"{folder}/").split() == [f"{folder}/2", f"{folder}/3", f"{folder}/one"]


@pytest.fixture
def editor(tmp_path: Path) -> Callable[[str], str]:
    """An editor that runs some Python with the file's `path`."""

    def make(code: str) -> str:
        script = tmp_path / "editor"
        script.write_text(f"#!{sys.executable}\nimport pathlib, sys\npath = pathlib.Path(sys.argv[1])\n{code}\n")
        script.chmod(0o755)
        return str(script)

    return make


def test_a_prompt_is_edited(url: dict[str, str], editor: Callable[[str], str], tmp_path: Path) -> None:
    name = "cli/edit"
    adds = {"EDITOR": editor("path.write_bytes(path.read_bytes() + b'more\\r\\n')"), "TMPDIR": str(tmp_path)}
    assert re.match(rf"\[{name} 1 ", run(url, "edit", name, "-m", "New", **adds))
    assert re.match(rf"\[{name} 2 .*\] Add", run(url, "edit", name, "-m", "Add", **adds))
    assert run(url, "show", name) == "more\r\nmore\r\n"
    assert run(url, "edit", name, EDITOR=editor("pass"), TMPDIR=str(tmp_path)) == ""
    assert run(url, "show", name, "--json").count('"version_number": 2')
    assert list(tmp_path.glob("promptgit-*")) == []


def test_an_edit_that_cannot_be_saved_is_kept(
    url: dict[str, str], editor: Callable[[str], str], tmp_path: Path
) -> None:
    fill(url, "cli/conflict", "1")
    meanwhile = f"""if True:
        import subprocess
        subprocess.run([{PROMPTGIT!r}, "save", "cli/conflict"], input=b"theirs", check=True, stdout=subprocess.DEVNULL)
        path.write_text("mine")
    """
    settings = {"EDITOR": editor(meanwhile), "TMPDIR": str(tmp_path)}
    told = run(url, "edit", "cli/conflict", "-m", "x", code=1, **settings)
    assert "is at version 2" in told
    (kept,) = tmp_path.glob("promptgit-*")
    assert f"kept in {kept}" in told
    assert kept.read_text() == "mine"
    kept.unlink()
    run(url, "edit", "cli/conflict", EDITOR=editor("sys.exit(3)"), TMPDIR=str(tmp_path), code=1)
    assert list(tmp_path.glob("promptgit-*")) == []


def test_an_edit_says_which_variables_come_and_go(
    url: dict[str, str], editor: Callable[[str], str], tmp_path: Path
) -> None:
    """On a terminal it asks before it saves; what declared variables do not fit is told, too."""
    name = "cli/variables"
    fill(url, name, "{{name}} {{kept}}")
    header = "---\ninput: {kept: , tone: {default: kind}}\n---\n"
    settings = {"EDITOR": editor(f"path.write_text({header + '{{kept}} {{place}}'!r})"), "TMPDIR": str(tmp_path)}

    def on_terminal(*options: str, answer: bytes = b"") -> tuple[int, str]:
        parent, child = pty.openpty()
        os.write(parent, answer)
        edit = [PROMPTGIT, "edit", name, "-m", "x", *options]
        done = subprocess.run(edit, env=environment(**url, **settings), stdin=child, capture_output=True, timeout=60)
        os.close(child)
        os.close(parent)
        return done.returncode, done.stderr.decode()

    code, told = on_terminal(answer=b"n\n")
    assert "Your text drops {{name}} and adds {{place}}." in told
    assert "Save it?" in told
    assert (code, run(url, "show", name)) == (1, "{{name}} {{kept}}")
    (kept,) = tmp_path.glob("promptgit-*")
    assert f"kept in {kept}" in told
    code, told = on_terminal("--yes")
    assert "Your text drops {{name}} and adds {{place}}." in told
    assert "The text does not declare {{place}} and declares {{tone}} without using it." in told
    assert (code, run(url, "show", name)) == (0, header + "{{kept}} {{place}}")
    settings["EDITOR"] = editor("path.write_text('{{kept}}')")
    done = command("edit", name, "-m", "x", data=b"n\n", **url, **settings)
    assert "Your text drops {{place}}." in done.stderr, "without a terminal nobody is asked"
    assert run(url, "show", name) == "{{kept}}"


def test_a_terminal_gets_colours_and_a_pager(url: dict[str, str], tmp_path: Path) -> None:
    fill(url, "cli/tty", "1\n", "2\n")
    for arguments in (["diff", "cli/tty"], ["log", "cli/tty"]):
        parent, child = pty.openpty()
        env = environment(**url, PAGER="cat", TERM="xterm")
        process = subprocess.Popen([PROMPTGIT, *arguments], env=env, stdin=child, stdout=child, stderr=child)
        os.close(child)
        printed = b""
        try:
            while chunk := os.read(parent, 1 << 16):
                printed += chunk
        except OSError:  # Linux ends a terminal so
            pass
        os.close(parent)
        assert process.wait(60) == 0
        assert b"\x1b[" in printed
        assert b"Say 2" in printed or b"+2" in printed
        assert b"\x1b" not in run(url, *arguments).encode()


def test_what_a_terminal_would_obey_is_shown(shared: Server, url: dict[str, str]) -> None:
    """Anybody who pushes can write anything into a message."""
    foreign_commit(shared.folder / "prompts.git", {"prompts/cli/escape.md": b"x"}, message="\x1b]0;owned\x07 hi")
    assert "\\x1b]0;owned\\x07 hi" in run(url, "log", "cli/escape")
    assert "\\x1b" in run(url, "log", "cli/escape", "--oneline")


def test_a_name_may_have_an_at(url: dict[str, str]) -> None:
    fill(url, "cli/mail@work", "1", "2")
    assert run(url, "show", "cli/mail@work@") == "2"
    assert run(url, "show", "cli/mail@work@1") == "1"


def test_bytes_that_are_no_text_are_shown_as_they_are(shared: Server, url: dict[str, str]) -> None:
    foreign_commit(shared.folder / "prompts.git", {"prompts/cli/latin.md": b"\xe9\r\n"})
    done = subprocess.run([PROMPTGIT, "show", "cli/latin"], env=environment(**url), capture_output=True, check=True)
    assert done.stdout == b"\xe9\r\n"
