"""Trees that came by git are read as git reads them, written as git writes them, and never ruin a repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from promptgit.domain import names
from promptgit.errors import PathBlocked
from promptgit.exchange import checker
from promptgit.service.service import Service
from promptgit.store.git import objects, paths
from promptgit.store.store import Store
from tests.support import assert_sound, command, environment, foreign_commit, git, git_text

Entry = tuple[bytes, bytes, str]
"""Mode, name and id, as they are to stand in a tree object."""

_UNSAFE = ["", ".", "..", ".git", ".GIT", "git~1", "GIT~1", ".git ", ".git.", ".git::$INDEX", ".g\u200cit", "x" * 256]
_SAFE = [".md", ".git.md", ".gitx", "git~10", "...", "a b", "CON", "x" * 255, "\u65e5\u672c", "\xa0"]


def raw_tree(repository: Path, *entries: Entry) -> str:
    """Store a tree object with just these bytes; its id."""
    data = b"".join(b"%s %s\0%s" % (mode, name, bytes.fromhex(oid)) for mode, name, oid in entries)
    return git(repository, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", data=data).decode().strip()


def raw_blob(repository: Path, data: bytes) -> str:
    return git(repository, "hash-object", "-w", "--stdin", data=data).decode().strip()


def raw_commit(repository: Path, tree: str) -> str:
    """Put a commit of a tree on top of `main`; its id."""
    commit = git_text(repository, "commit-tree", tree, "-p", "main", "-m", "By hand")
    git(repository, "update-ref", "refs/heads/main", commit)
    return commit


def assert_new_objects_sound(repository: Path, after: str, folder: Path) -> None:
    """What came after a commit is taken by a host that checks each object that it is sent."""
    git(folder, "init", "-q", "--bare", "checked")
    packed = git(repository, "pack-objects", "--revs", "--stdout", "-q", data=f"main\n^{after}\n".encode())
    git(folder / "checked", "index-pack", "--fsck-objects", "--stdin", data=packed)


@pytest.mark.parametrize("segment", _UNSAFE)
def test_names_that_ruin_a_repository_are_known(segment: str) -> None:
    assert paths.problem(segment.encode())


@pytest.mark.parametrize("segment", _SAFE)
def test_names_that_git_checks_out_everywhere_are_taken(segment: str) -> None:
    assert paths.problem(segment.encode()) is None


@pytest.mark.parametrize("name", ["team/", ".git", ".", "..", "git~1", "a/.g\u200cit"])
def test_a_label_that_would_ruin_the_repository_is_refused(client: FlaskClient, repository: Path, name: str) -> None:
    """The prompt's own file is well ('.md' and '.git.md' are names like others); its label's file would not be."""
    blob = raw_blob(repository, b"by git")
    *folders, last = names.path_of(name).encode().split(b"/")
    tree = raw_tree(repository, (b"100644", last, blob))
    for folder in reversed(folders):
        tree = raw_tree(repository, (b"40000", folder, tree))
    before = raw_commit(repository, tree)
    (prompt,) = client.get("/api/prompts").get_json()
    answer = client.put(f"/api/prompts/{prompt['id']}/labels/production", json={"version_number": 1})
    assert (answer.status_code, answer.json["code"]) == (409, "path_blocked")
    assert "labels/production/" in answer.json["detail"]
    assert git_text(repository, "rev-parse", "main") == before


def test_a_path_that_git_takes_for_another_is_read_and_not_blamed(client: FlaskClient, repository: Path) -> None:
    """Git would look for another file: what `git diff` prints is there all the same, and `git blame` finds none."""
    for content in (b"one\n", b"by git"):
        tree = raw_tree(repository, (b"100644", b"a.md", raw_blob(repository, content)))
        for folder in (b"..", b"..", b"prompts"):
            tree = raw_tree(repository, (b"40000", folder, tree))
        raw_commit(repository, tree)
    (prompt,) = client.get("/api/prompts").get_json()
    assert (prompt["name"], client.get(f"/api/prompts/{prompt['id']}").json["content"]) == ("../../a", "by git")
    diff = client.get(f"/api/prompts/{prompt['id']}/diff?from=1&to=2").json
    assert (diff["additions"], diff["deletions"], "+by git" in diff["diff"]) == (1, 1, True)
    for where in (f"/api/prompts/{prompt['id']}/versions/1/blame", f"/prompts/{prompt['id']}/versions/1/blame"):
        answer = client.get(where)
        assert (answer.status_code, "git takes for another path" in answer.text) == (409, True)


def test_a_prompt_with_an_odd_name_from_git_is_saved_and_can_be_given_a_plain_one(
    client: FlaskClient, repository: Path, tmp_path: Path
) -> None:
    foreign_commit(repository, {"prompts/team/.md": b"by git"})
    (prompt,) = client.get("/api/prompts").get_json()
    address = f"/api/prompts/{prompt['id']}"
    assert client.put(address, json={"content": "2"}).status_code == 200
    assert client.patch(address, json={"name": "team/plain"}).status_code == 200
    assert client.put(f"{address}/labels/production", json={"version_number": 1}).status_code == 200
    assert_sound(repository)
    git(tmp_path, "clone", "-q", str(repository), "clone")
    assert (tmp_path / "clone/labels/production/team/plain").read_bytes() == b"1\n"


def test_a_folder_that_git_cannot_check_out_takes_no_saves(service: Service, repository: Path, tmp_path: Path) -> None:
    tree = raw_tree(repository, (b"100644", b"a.md", raw_blob(repository, b"1")))
    for name in (b".GIT", b"prompts"):
        tree = raw_tree(repository, (b"40000", name, tree))
    foreign = raw_commit(repository, tree)
    (prompt,) = service.list(limit=2)
    with pytest.raises(PathBlocked, match="git's own folder"):
        service.save(prompt.id, "2")
    service.rename(prompt.id, "a")
    assert_new_objects_sound(repository, foreign, tmp_path)


@pytest.mark.parametrize("mode", [b"040000", b"40755", b"0040777"])
def test_folders_of_other_modes_are_written_as_git_writes_them(
    service: Service, store: Store, repository: Path, tmp_path: Path, mode: bytes
) -> None:
    """Some tools write folders with leading zeros or with permissions; git reads both."""
    blob = raw_blob(repository, b"1")
    inner = raw_tree(repository, (b"100664", b"x.md", blob))
    # In git's order a folder `a` stands behind `a.md`, for it counts as `a/`.
    prompts = raw_tree(repository, (b"100644", b"a.md", blob), (mode, b"a", inner), (mode, b"b", inner))
    foreign = raw_commit(repository, raw_tree(repository, (mode, b"prompts", prompts)))
    assert [prompt.name for prompt in service.list(limit=9)] == ["a", "a/x", "b/x"]

    service.create("1", name="c")  # beside them
    service.save(names.id_of("b/x"), "2")  # in one
    assert_new_objects_sound(repository, foreign, tmp_path)
    assert git_text(repository, "ls-tree", "main:prompts").split("\n")[:3] == [
        f"100644 blob {blob}\ta.md",
        f"040000 tree {inner}\ta",
        f"040000 tree {git_text(repository, 'rev-parse', 'main:prompts/b')}\tb",
    ]
    assert git_text(repository, "ls-tree", "main:prompts/b").startswith("100644 ")
    assert git_text(repository, "diff", "--stat", f"{foreign}^{{tree}}", "main").count("|") == 2
    assert list(checker.differences(store)) == []


def test_a_folder_in_a_wrong_order_is_put_in_order(
    service: Service, store: Store, repository: Path, tmp_path: Path
) -> None:
    """An index that is built anew sees the same changes, though git finds that the others went and came."""
    blobs = [raw_blob(repository, b"%d" % at) for at in range(3)]
    entries = [(b"100644", b"%c.md" % name, blob) for name, blob in zip(b"cab", blobs, strict=True)]
    prompts = raw_tree(repository, *entries)
    foreign = raw_commit(repository, raw_tree(repository, (b"40000", b"prompts", prompts)))
    service.save(names.id_of("b"), "new")
    assert_new_objects_sound(repository, foreign, tmp_path)
    assert git_text(repository, "ls-tree", "--name-only", "main:prompts").split() == ["a.md", "b.md", "c.md"]
    assert {prompt.name: prompt.newest.number for prompt in service.list(limit=9)} == {"a": 1, "b": 2, "c": 1}
    assert list(checker.differences(store)) == []


def test_a_folder_with_two_entries_of_one_name_is_left_alone(service: Service, repository: Path) -> None:
    """Whichever of them was dropped, it would be lost; everything beside the folder goes on."""
    one, two = raw_blob(repository, b"1"), raw_blob(repository, b"2")
    inner = raw_tree(repository, (b"100644", b"x.md", one), (b"100644", b"x.md", two))
    before = raw_commit(
        repository, raw_tree(repository, (b"40000", b"prompts", raw_tree(repository, (b"40000", b"a", inner))))
    )
    with pytest.raises(PathBlocked, match=r"two entries named 'x\.md'"):
        service.create("1", name="a/y")
    assert git_text(repository, "rev-parse", "main") == before
    service.create("1", name="b")
    assert git_text(repository, "rev-parse", "main:prompts/a") == inner


def test_a_history_with_an_empty_file_name_is_brought_back(store: Store, service: Service, tmp_path: Path) -> None:
    """As docs/recovery.md has it."""
    repository = store.repository.path
    service.create("one", name="team/a")
    sound = git_text(repository, "rev-parse", "main")
    blob, prompts = raw_blob(repository, b"1\n"), git_text(repository, "rev-parse", "main:prompts")
    for name in (b"", b"a"):  # and taken off again
        tree = raw_tree(repository, (b"100644", name, blob))
        for folder in (b"team", b"production", b"labels"):
            tree = raw_tree(repository, (b"40000", folder, tree))
        labels = objects.entry_id(store.repository.read(tree))
        raw_commit(repository, raw_tree(repository, (b"40000", b"labels", labels), (b"40000", b"prompts", prompts)))
        told = command("check", "--data", str(store.folder))
        assert told.returncode == 1
        if not name:
            assert "'labels/production/team/' has an empty segment" in told.stdout
    (recipe,) = [block for block in Path("docs/recovery.md").read_text().split("```sh\n")[1:] if "bad-trees" in block]
    subprocess.run(["sh", "-ec", recipe.split("```")[0]], cwd=tmp_path, env=environment(), check=True)
    git(tmp_path, "clone", "-q", f"file://{repository}", "clone")
    assert (tmp_path / "clone/labels/production/team/a").read_bytes() == b"1\n"
    git(repository, "merge-base", "--is-ancestor", sound, "main")
    assert_sound(repository)
