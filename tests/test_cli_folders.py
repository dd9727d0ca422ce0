"""`promptgit pull` and `push`: prompts as files, there and back, and nowhere else."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptgit import errors
from promptgit.cli.base import Refusal
from promptgit.cli.tree import Tree
from promptgit.client import Client
from tests.clients import answering, run
from tests.support import PROMPTGIT, Server, environment, foreign_commit


@pytest.fixture
def url(shared: Server) -> dict[str, str]:
    return {"PROMPTGIT_URL": shared.url}


@pytest.fixture
def client(shared: Server) -> Iterator[Client]:
    with Client(shared.url) as client:
        yield client


def told(text: str) -> dict[str, str]:
    return {one["name"]: one["what"] for one in json.loads(text)}


def test_a_folder_follows_the_server(url: dict[str, str], client: Client, shared: Server, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for name, content in (("f/a", "1\r\n"), ("f/deep/b", ""), ("f/c", "x")):
        client.create(name, content)
    identifier = client.create(None, "by id").id
    foreign_commit(shared.folder / "prompts.git", {"prompts/f/latin.md": b"\xe9"})
    pulled = told(run(url, "pull", str(work), "--prefix", "f/", "--json"))
    assert pulled == dict.fromkeys(["f/a", "f/deep/b", "f/c", "f/latin"], "new")
    assert (work / "f" / "a.md").read_bytes() == b"1\r\n"
    assert (work / "f" / "deep" / "b.md").read_bytes() == b""
    assert (work / "f" / "latin.md").read_bytes() == b"\xe9"
    untouched = (work / "f" / "a.md").stat()
    client.save("f/c", "y")
    client.delete("f/deep/b")
    assert told(run(url, "pull", str(work), "--json")) == {"f/c": "updated", "f/deep/b": "removed"}
    assert (work / "f" / "c.md").read_text() == "y"
    assert not (work / "f" / "deep").exists()
    assert (work / "f" / "a.md").stat() == untouched
    assert run(url, "pull", str(work)) == ""
    run(url, "pull", str(work), "--prefix", identifier)
    assert (work / identifier[:2] / f"{identifier}.md").read_text() == "by id"
    assert (work / "f" / "a.md").exists()


def test_a_folder_can_follow_a_label(url: dict[str, str], client: Client, tmp_path: Path) -> None:
    work = str(tmp_path / "work")
    client.create("label/a", "1")
    client.save("label/a", "2")
    client.create("label/b", "1")
    client.set_label("label/a", "production", 1)
    assert told(run(url, "pull", work, "--label", "production", "--prefix", "label/", "--json")) == {"label/a": "new"}
    assert (tmp_path / "work" / "label" / "a.md").read_text() == "1"
    client.set_label("label/a", "production", 2)
    assert told(run(url, "pull", work, "--json")) == {"label/a": "updated"}
    assert told(run(url, "pull", work, "--label", "latest", "--json")) == {"label/b": "new"}


def test_what_was_changed_here_is_not_overwritten(url: dict[str, str], client: Client, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for name in ("mine/changed", "mine/gone", "mine/there"):
        client.create(name, "1")
    (work / "mine").mkdir(parents=True)
    (work / "mine" / "there.md").write_text("before any pull")
    run(url, "pull", str(work), "--prefix", "mine/", code=1)
    assert (work / "mine" / "there.md").read_text() == "before any pull"
    for name in ("changed", "gone"):
        (work / "mine" / f"{name}.md").write_text("mine")
    client.save("mine/changed", "2")
    client.delete("mine/gone")
    run(url, "pull", str(work), code=1)
    assert {path.read_text() for path in (work / "mine").iterdir()} == {"mine", "before any pull"}
    run(url, "pull", str(work), "--force")
    assert sorted((path.name, path.read_text()) for path in (work / "mine").iterdir()) == [
        ("changed.md", "2"),
        ("there.md", "1"),
    ]


def test_changed_files_become_versions_with_one_message(url: dict[str, str], client: Client, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for name in ("push/a", "push/b", "push/c"):
        client.create(name, "1\n")
    run(url, "pull", str(work), "--prefix", "push/")
    (work / "push" / "a.md").write_bytes(b"2\r\n")
    (work / "push" / "b.md").unlink()
    (work / "push" / "new one.md").write_text("n")
    (work / "push" / ".hidden.md").write_text("h")
    (work / "README.txt").write_text("no prompt")
    plan = {"push/a": "changed", "push/new one": "new"}
    assert told(run(url, "push", str(work), "--dry-run", "--json")) == plan
    assert "add --yes" in run(url, "push", str(work), code=1)
    assert client.get("push/a").version_number == 1
    done = run(url, "push", str(work), "--yes", "-m", "Together", "--author", "Ada <a@example.org>")
    assert done.splitlines()[:2] == ["changed:   push/a (on top of version 1)", "new:       push/new one"]
    with Client(client.url) as fresh:
        for name, number, content in (("push/a", 2, "2\r\n"), ("push/new one", 1, "n"), ("push/b", 1, "1\n")):
            prompt = fresh.get(name)
            assert (prompt.version_number, prompt.content) == (number, content)
            assert (prompt.description == "Together") == (name != "push/b")
        assert fresh.get("push/a").author.name == "Ada"
    assert run(url, "push", str(work), "--yes") == ""
    (work / "push" / "a.md").write_text("3")
    run(url, "push", str(work), "--yes")
    assert run(url, "show", "push/a@3") == "3"


@pytest.mark.parametrize("change", ["saved", "deleted", "created"])
def test_nothing_is_pushed_where_the_server_moved_on(
    url: dict[str, str], client: Client, tmp_path: Path, change: str
) -> None:
    """Also not the prompts that did not move."""
    work, folder = tmp_path / "work", f"moved-{change}"
    for name in ("a", "b"):
        client.create(f"{folder}/{name}", "1")
    run(url, "pull", str(work), "--prefix", f"{folder}/")
    for name in ("a", "b", "c"):
        (work / folder / f"{name}.md").write_text("mine")
    if change == "saved":
        client.save(f"{folder}/b", "theirs")
    elif change == "deleted":
        client.delete(f"{folder}/b")
    else:
        client.create(f"{folder}/c", "theirs")
    assert "Pull, merge, and push again" in run(url, "push", str(work), "--yes", code=1)
    with Client(client.url) as fresh:
        assert fresh.get(f"{folder}/a").version_number == 1


def test_what_the_server_has_already_is_not_pushed(url: dict[str, str], client: Client, tmp_path: Path) -> None:
    """As when a push was broken off after its last save."""
    work = tmp_path / "work"
    client.create("same/a", "1")
    run(url, "pull", str(work), "--prefix", "same/")
    (work / "same" / "a.md").write_text("2")
    client.save("same/a", "2")
    assert run(url, "push", str(work), "--yes") == ""
    (work / "same" / "a.md").write_text("3")
    run(url, "push", str(work), "--yes")
    assert len(list(client.versions("same/a"))) == 3


def test_a_terminal_is_asked(url: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "asked.md").write_text("x")
    for answer, code in ((b"n\n", 1), (b"y\n", 0)):
        parent, child = pty.openpty()
        process = subprocess.Popen(
            [PROMPTGIT, "push", str(tmp_path)],
            env=environment(**url),
            stdin=child,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.write(parent, answer)
        out, err = process.communicate(timeout=60)
        os.close(child)
        os.close(parent)
        assert process.returncode == code, err
        assert out.startswith(b"new:       asked\n")
    assert run(url, "show", "asked") == "x"


def test_a_folder_belongs_to_one_server(url: dict[str, str], client: Client, tmp_path: Path) -> None:
    """Numbers of versions mean nothing elsewhere."""
    client.create("source/a", "1")
    run(url, "pull", str(tmp_path / "work"), "--prefix", "source/")
    with answering([(200, {}, [])]) as (other, asked):
        for verb in ("pull", "push"):
            assert "pulled from" in run({"PROMPTGIT_URL": other}, verb, str(tmp_path / "work"), code=1)
        assert asked == []


EVIL = [
    "../evil",
    "/etc/evil",
    "a/../../evil",
    "..",
    ".promptgit/pulled",
    ".git/hooks/x",
    "a\\..\\evil",
    "con",
    "",
    "a//b",
]


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    """Whatever a server says, or git holds."""
    prompts = [_prompt(name) for name in [*EVIL, "good"]]
    with answering([(200, {}, prompts)]) as (url, _):
        text = run({"PROMPTGIT_URL": url}, "pull", str(tmp_path / "in" / "work"), "--json", code=1)
    assert text == ""
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(tmp_path)) for path in found) == [
        "in/work/.promptgit/pulled.json",
        "in/work/good.md",
    ]
    tree = Tree(tmp_path)
    for name in EVIL:
        with pytest.raises(Refusal, match="cannot be the name"):
            tree.path(name)


def test_symbolic_links_are_not_followed(url: dict[str, str], client: Client, tmp_path: Path) -> None:
    work, outside = tmp_path / "work", tmp_path / "outside"
    outside.mkdir()
    (outside / "b.md").write_text("secret")
    client.create("link/a", "1")
    client.create("linked", "1")
    work.mkdir()
    (work / "link").symlink_to(outside)
    (work / "linked.md").symlink_to(outside / "b.md")
    run(url, "pull", str(work), "--prefix", "link", code=1)
    assert [path.name for path in outside.iterdir()] == ["b.md"]
    assert (outside / "b.md").read_text() == "secret"
    assert "symbolic link" in run(url, "push", str(work), "--yes", code=1)


@pytest.mark.parametrize("name", ["CON", "a?b", "x.lock"])
def test_a_file_that_no_prompt_can_be_is_named(url: dict[str, str], tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.md").write_text("x")
    assert name in run(url, "push", str(tmp_path), "--yes", code=1)


def test_a_damaged_memory_is_told(url: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".promptgit").mkdir()
    for text in ("{", "[]", '{"prompts": 1}', '{"prompts": {}, "x": 1}'):
        (tmp_path / ".promptgit" / "pulled.json").write_text(text)
        assert "is damaged" in run(url, "pull", str(tmp_path), code=1)


def _prompt(name: str) -> dict[str, object]:
    made = {"description": "", "author": {"name": "a", "email": "b"}, "commit": "c", "labels": {}}
    times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
    return {"id": "x", "name": name, "path": "x", "version_number": 1, "content": "evil"} | made | times


def test_a_push_is_one_commit(url: dict[str, str], client: Client, tmp_path: Path) -> None:
    """Nobody reads half of it; whatever is refused, nothing is written."""
    for name in ("a", "b"):
        (tmp_path / "one").mkdir(exist_ok=True)
        (tmp_path / "one" / f"{name}.md").write_text(name)
    run(url, "push", str(tmp_path), "--yes")
    assert client.get("one/a").commit == client.get("one/b").commit
    (tmp_path / "one" / "c.md").write_text("c")
    (tmp_path / "one" / "A.md").write_text("differs in case alone")
    told = run(url, "push", str(tmp_path), "--yes", code=1)
    assert "refused:   one/A" in told
    assert "None of these 2 files was pushed" in told
    with pytest.raises(errors.PromptNotFound):
        client.get("one/c")


def test_more_than_one_commit_takes_is_said_before(url: dict[str, str], client: Client, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for at in range(1_001):
        (tmp_path / "many" / f"{at}.md").write_text(str(at))
    assert "there will be 2" in run(url, "push", str(tmp_path), code=1)
    run(url, "push", str(tmp_path), "--yes")
    prompts = list(client.list(prefix="many/", page=1_000))
    assert (len(prompts), len({prompt.commit for prompt in prompts})) == (1_001, 2)
