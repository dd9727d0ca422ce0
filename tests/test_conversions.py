"""`promptgit import` of git repositories, and of what Langfuse's API answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptgit.service.service import Service
from promptgit.store.store import Store
from tests.support import command, git, git_text
from tests.test_export import SOME_UUID, ids


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Somebody's git repository of prompts, with a merge and a rename."""
    folder = tmp_path / "work"
    git(tmp_path, "init", "-q", "-b", "trunk", "work")

    def commit(message: str, author: str, when: int, *changes: tuple[str, bytes | None]) -> None:
        for path, content in changes:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink() if content is None else file.write_bytes(content)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", message, f"--author={author}", f"--date=@{when} +0200")

    commit("First\n\nwith a body", "Ada <ada@example.org>", 1_600_000_000, ("texts/x/a.txt", b"1"), ("b.md", b"no"))
    commit("Second", "Bob <bob@example.org>", 1_600_000_100, ("texts/x/a.txt", b"2\r\n"), ("texts/c.txt", b"c"))
    commit("Move", "Ada <ada@example.org>", 1_600_000_200, ("texts/x/a.txt", None), ("texts/moved.txt", b"2\r\n"))
    git(folder, "checkout", "-q", "-b", "side")
    commit("Side", "Cyd <cyd@example.org>", 1_600_000_300, ("texts/CON.txt", b"x"), ("texts/d.txt", b"caf\xe9"))
    git(folder, "checkout", "-q", "trunk")
    commit("Away", "Ada <ada@example.org>", 1_600_000_400, ("texts/c.txt", None))
    git(folder, "merge", "-q", "--no-ff", "-m", "Merge", "side")
    return folder


def test_a_git_repository_is_imported_with_its_history(work: Path, tmp_path: Path) -> None:
    """Along first parents, with authors, dates, messages, deletions and renames; once."""
    options = ("--git", str(work), "--under", "texts", "--suffix", ".txt", "--data", str(tmp_path / "data"))
    stopped = command("import", *options)
    assert (stopped.returncode, "Windows reserves" in stopped.stderr) == (1, True)
    done = command("import", *options, "--skip-invalid")
    assert done.returncode == 0
    assert done.stdout == "1 commits added, 5 lines there already, 1 skipped.\n"
    assert "'CON'" in done.stderr
    again = command("import", *options, "--skip-invalid")
    assert again.stdout == "0 commits added, 6 lines there already, 1 skipped.\n"
    log = git_text(tmp_path / "data" / "prompts.git", "log", "--reverse", "--format=%an %at %B|").split("|\n")
    assert [" ".join(entry.split()) for entry in log[1:-1]] == [
        "Ada 1600000000 First with a body",
        "Bob 1600000100 Second",
        "Bob 1600000100 Second",
        "Ada 1600000200 Move",
        "Ada 1600000400 Away",
    ]
    assert log[-1].startswith("admin ") and "Merge" in log[-1]
    store = Store(tmp_path / "data", lock_timeout=5)
    service = Service(store, 1)
    found = {prompt.name: [service.content(v) for v in service.versions(prompt)] for prompt in service.list(limit=9)}
    assert found == {"d": [b"caf\xe9"], "moved": [b"1", b"2\r\n"]}


def test_a_clone_of_prompts_is_imported_as_it_stands(
    store: Store, service: Service, repository: Path, tmp_path: Path
) -> None:
    """With the defaults, a folder within it will do; labels are no part of it."""
    service.create("x", prompt_id=SOME_UUID)
    service.create("y", name="support/greeting")
    git(tmp_path, "clone", "-q", str(repository), "clone")
    done = command("import", "--git", str(tmp_path / "clone" / "prompts"), "--data", str(tmp_path / "other"))
    assert done.stdout == "2 commits added, 0 lines there already, 0 skipped.\n"
    assert ids(Store(tmp_path / "other", lock_timeout=5)) == ids(store)


def test_all_of_a_repository_can_be_prompts(work: Path, tmp_path: Path) -> None:
    """Whatever its own settings say."""
    git(work, "config", "log.showRoot", "false")
    git(work, "config", "i18n.logOutputEncoding", "latin1")
    done = command("import", "--git", str(work), "--under", ".", "--data", str(tmp_path / "data"))
    assert done.stdout == "1 commits added, 0 lines there already, 0 skipped.\n"


def test_what_is_no_git_repository_is_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")
    (tmp_path / "none").mkdir()
    for name in ("none", "empty"):
        done = command(
            "import",
            "--git",
            str(tmp_path / name),
            "--data",
            str(tmp_path / "data"),
            GIT_CEILING_DIRECTORIES=str(tmp_path),
        )
        assert done.returncode == 1
        assert "cannot be used" in done.stderr and "Traceback" not in done.stderr


def version(name: str = "a", number: int = 1, prompt: Any = "x", **fields: Any) -> dict[str, Any]:
    """An answer of Langfuse's API."""
    return {
        "id": "cl0",
        "createdAt": f"2024-01-0{number}T12:00:00.123Z",
        "createdBy": "user-1",
        "name": name,
        "version": number,
        "type": "text" if isinstance(prompt, str) else "chat",
        "prompt": prompt,
        "config": {},
        "labels": [],
        "tags": [],
        "commitMessage": None,
    } | fields


def test_what_langfuse_answers_is_imported(tmp_path: Path) -> None:
    """In whatever order; a version of the very same content as the one before is none, and its labels stay right."""
    answers = [
        version(number=3, labels=["latest"], prompt="3"),
        version(number=1),
        version(number=2, labels=["production"], commitMessage="Again"),
        version("chat", 1, [{"role": "user", "content": "Hi"}, {"type": "placeholder", "name": "h"}], tags=["t"]),
    ]
    file = tmp_path / "langfuse.json"
    file.write_text(json.dumps(answers[:2]) + "\n".join(map(json.dumps, answers[2:])))
    options = ("--langfuse", str(file), "--data", str(tmp_path / "data"))
    assert command("import", *options).stdout == "4 commits added, 1 lines there already, 0 skipped.\n"
    assert command("import", *options).stdout == "0 commits added, 5 lines there already, 0 skipped.\n"
    service = Service(Store(tmp_path / "data", lock_timeout=5), 1)
    a, chat = service.list(limit=9)
    assert [(v.timestamp.isoformat(), v.author.name, service.content(v)) for v in service.versions(a)] == [
        ("2024-01-01T12:00:00+00:00", "user-1", b"x"),
        ("2024-01-03T12:00:00+00:00", "user-1", b"3"),
    ]
    assert a.labels == {"production": 1}
    text = '---\ntype: chat\ntags:\n- t\n---\n{{role "user"}}\nHi\n{{placeholder "h"}}\n'
    assert service.content(chat.newest).decode() == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Expecting"),
        ("[1]", "Item 1"),
        ('{"data": [{"name": "a", "versions": [1]}], "meta": {}}', "fetch each version"),
        (json.dumps(version(prompt=[{"role": 1}])), "'a', version 1"),
        (json.dumps(version(createdAt="yesterday")), "'a', version 1"),
        (json.dumps(version(tags=[1])), "'a', version 1"),
        (json.dumps(version(labels=["No Label"])), "The label is not"),
        (json.dumps(version("CON")), "Windows reserves"),
        (json.dumps(version("a", commitMessage=7)), "its commitMessage is no text"),
    ],
)
def test_what_is_no_answer_of_langfuse_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "langfuse.json"
    file.write_text(text)
    done = command("import", "--langfuse", str(file), "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert said in done.stderr and "Traceback" not in done.stderr


def test_bad_items_can_be_skipped_and_times_without_an_offset_are_utc(tmp_path: Path) -> None:
    """In any time zone of the machine; the file may begin with a byte order mark."""
    answers = [
        version("a", 2, createdAt="2024-01-02T12:00:00"),
        version("a", 1),
        version("b", 1, createdAt="1969-01-01T00:00:00Z"),
        version("c", 1, tags=[1]),
        version("d", 1, "\ud800"),
        version("e", 1, createdAt="2024-01-05T12:00:00"),
        7,
    ]
    file = tmp_path / "langfuse.json"
    file.write_bytes(b"\xef\xbb\xbf" + "\n".join(map(json.dumps, answers)).encode() + b"\n{")
    options = ("import", "--langfuse", str(file), "--data", str(tmp_path / "data"))
    stopped = command(*options)
    assert stopped.returncode == 1
    assert "Item 3, 'b', version 1: " in stopped.stderr
    done = command(*options, "--skip-invalid", TZ="America/New_York")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 commits added, 1 lines there already, 5 skipped.\n"
    log = git_text(tmp_path / "data" / "prompts.git", "log", "--reverse", "--format=%at", "-2")
    assert log == "1704110400\n1704456000"


def test_a_folder_of_no_prompts_is_named(work: Path, tmp_path: Path) -> None:
    options = ("import", "--git", str(work), "--data", str(tmp_path / "data"), "--suffix", ".txt")
    done = command(*options, "--under", "wrong")
    assert done.returncode == 1
    assert "never had a file that ends in '.txt' below 'wrong/'" in done.stderr
    assert not (tmp_path / "data").exists()


def test_one_source_is_to_be_given(tmp_path: Path) -> None:
    for options in ([], ["--git", ".", "--langfuse", __file__]):
        done = command("import", *options, "--data", str(tmp_path / "data"))
        assert (done.returncode, "Give one of" in done.stderr) == (2, True)
