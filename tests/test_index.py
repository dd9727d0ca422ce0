"""The index follows git, whoever moved `main`, and is built anew when it is of no use."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from promptgit.exchange import checker
from promptgit.service.service import Service
from promptgit.store.index import search
from promptgit.store.index.intake import build
from promptgit.store.index.schema import SCHEMA
from promptgit.store.store import Store
from tests.support import commits_of, foreign_commit, git, git_text


def contents(service: Service, name: str) -> list[bytes]:
    (prompt,) = service.list(name=name, limit=1)
    return [service.content(version) for version in service.versions(prompt)]


def assert_agrees(store: Store) -> None:
    assert list(checker.differences(store)) == []


def test_a_foreign_commit_shows_at_the_next_read(service: Service, store: Store, repository: Path) -> None:
    prompt = service.create("1", name="a")
    commit = foreign_commit(repository, {"prompts/a.md": b"2", "prompts/b.md": b"x"}, message="Two\n\nlines\n")
    newest = service.get(prompt.id).newest
    assert (newest.number, newest.commit, newest.description, newest.author.name) == (
        2,
        commit,
        "Two\n\nlines",
        "admin",
    )
    assert contents(service, "b") == [b"x"]
    assert service.save(prompt.id, "3").newest.number == 3
    assert_agrees(store)


def test_a_foreign_commit_between_two_writes_is_seen_by_the_second(service: Service, repository: Path) -> None:
    """The writer looks at the history under the lock, not at what the index knew."""
    prompt = service.create("1", name="a")
    foreign_commit(repository, {"prompts/a.md": b"2"})
    assert service.save(prompt.id, "2").newest.number == 2


def test_a_merge_is_one_version_where_it_changes_the_first_parents_content(
    service: Service, store: Store, repository: Path
) -> None:
    """What happened on the branch counts once, by the merge."""
    service.create("1", name="a")
    base = git_text(repository, "rev-parse", "main")
    mine = foreign_commit(repository, {"prompts/b.md": b"mine"})
    foreign_commit(repository, {"prompts/a.md": b"branch 1"}, parent=base)
    theirs = foreign_commit(repository, {"prompts/a.md": b"branch 2"})
    tree = git_text(repository, "merge-tree", "--write-tree", mine, theirs)
    merge = git_text(repository, "commit-tree", tree, "-p", mine, "-p", theirs, "-m", "Merge")
    git(repository, "update-ref", "refs/heads/main", merge)
    assert contents(service, "a") == [b"1", b"branch 2"]
    assert contents(service, "b") == [b"mine"]
    assert commits_of(repository, "prompts/a.md")[-1] == merge
    assert_agrees(store)


def test_a_fast_forward_that_puts_main_second_builds_the_index_anew(
    service: Service, store: Store, repository: Path
) -> None:
    """A merge the wrong way round changes the first-parent history: numbers follow it."""
    service.create("1", name="a")
    base = git_text(repository, "rev-parse", "main")
    ours = foreign_commit(repository, {"prompts/a.md": b"2"})
    assert contents(service, "a") == [b"1", b"2"]
    theirs = foreign_commit(repository, {"prompts/a.md": b"3"}, parent=base)
    tree = git_text(repository, "rev-parse", f"{theirs}^{{tree}}")
    merge = git_text(repository, "commit-tree", tree, "-p", theirs, "-p", ours, "-m", "Merge")
    git(repository, "update-ref", "refs/heads/main", merge)
    assert contents(service, "a") == [b"1", b"3"]
    assert_agrees(store)


def test_a_rewritten_main_builds_the_index_anew(service: Service, store: Store, repository: Path) -> None:
    prompt = service.create("1", name="a")
    first = git_text(repository, "rev-parse", "main")
    service.save(prompt.id, "2")
    service.save(prompt.id, "3")
    git(repository, "update-ref", "refs/heads/main", first)
    git(repository, "gc", "-q", "--prune=now")
    assert contents(service, "a") == [b"1"]
    assert service.save(prompt.id, "other").newest.number == 2
    assert_agrees(store)


def test_ids_numbers_and_paths_survive_a_move(service: Service, store: Store, repository: Path) -> None:
    prompt = service.create("1", name="a")
    foreign_commit(repository, {"prompts/a.md": None, "prompts/deep/b.md": b"1"})
    assert service.get(prompt.id).name == "deep/b"
    assert service.save(prompt.id, "2").newest.number == 2
    again = service.create("x", name="a")
    assert again.id != prompt.id
    assert_agrees(store)


def test_a_symbolic_link_is_no_prompt(service: Service, store: Store, repository: Path) -> None:
    prompt = service.create("1", name="a")
    blob = git(repository, "hash-object", "-w", "--stdin", data=b"b.md").decode().strip()
    for mode in ("120000", "100755", "100644"):
        inner = git(repository, "mktree", data=f"{mode} blob {blob}\ta.md\n".encode()).decode().strip()
        tree = git(repository, "mktree", data=f"040000 tree {inner}\tprompts\n".encode()).decode().strip()
        commit = git_text(repository, "commit-tree", tree, "-p", "main", "-m", mode)
        git(repository, "update-ref", "refs/heads/main", commit)
        removed = service.find(prompt.id)[1]
        assert (removed is not None) == (mode == "120000")
    assert contents(service, "a") == [b"1", b"b.md"]
    assert_agrees(store)


def test_histories_that_hold_anything_are_served(service: Service, store: Store, repository: Path) -> None:
    """Names against the rules, contents and messages that are not UTF-8, strange authors, no dates."""
    blob = git(repository, "hash-object", "-w", "--stdin", data=b"\xff\0").decode().strip()
    entries = b"".join(
        b"100644 blob %s\t%s\0" % (blob.encode(), name) for name in (b"CON:<a>\n.md", b"\xff.md", b".md", b"ok.md")
    )
    inner = git(repository, "mktree", "-z", data=entries).decode().strip()
    tree = git(repository, "mktree", data=f"040000 tree {inner}\tprompts\n".encode()).decode().strip()
    parent = git_text(repository, "rev-parse", "main")
    raw = f"tree {tree}\nparent {parent}\nauthor A. <> 99999999999999 +0000\ncommitter x <y> 1 +1400\n\n".encode()
    odd = git(repository, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", data=raw + b"caf\xe9\n\n")
    git(repository, "update-ref", "refs/heads/main", odd.decode().strip())
    assert [prompt.name for prompt in service.list(limit=9)] == ["CON:<a>\n", "ok"]
    (prompt,) = service.list(name="ok", limit=1)
    assert prompt.newest.description == "caf\ufffd\n"
    assert prompt.newest.author.name == "A."
    assert prompt.newest.timestamp.year == 9999
    assert service.content(prompt.newest) == b"\xff\0"
    assert service.list(q="ok", limit=9) == [prompt]
    assert service.save(prompt.id, "text").newest.number == 2
    assert_agrees(store)


def spoil(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "not a database":
        path.write_bytes(b"no database " * 1_000)
    elif how == "damaged":
        data = bytearray(path.read_bytes())
        data[4096 * 2 :] = b"\xee" * (len(data) - 4096 * 2)
        path.write_bytes(data)
    elif how == "with a damaged schema":
        path.write_bytes(path.read_bytes().replace(b"CREATE TABLE prompts", b"CREATE T\xf4\xd7LE prompts"))
    else:
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
        connection.close()


@pytest.mark.parametrize(
    "how", ["missing", "empty", "not a database", "damaged", "with a damaged schema", "of another schema"]
)
def test_an_index_that_is_of_no_use_is_built_anew(store: Store, service: Service, how: str) -> None:
    """And is then equal to the one that was lost."""
    prompt = service.create("1", name="a")
    service.save(prompt.id, "2")
    service.rename(prompt.id, "b")
    before = service.get(prompt.id)
    store.close()
    spoil(store.index.path, how)
    again = Store(store.folder, lock_timeout=5)
    again.open()
    there = Service(again, 100)
    assert there.get(prompt.id) == before
    assert there.save(prompt.id, "3").newest.number == 3
    assert_agrees(again)


def test_a_lost_index_is_built_anew_while_the_service_runs(store: Store, service: Service) -> None:
    prompt = service.create("1", name="a")
    store.index.path.unlink()
    assert service.get(prompt.id) == prompt
    store.index.path.unlink()
    assert service.save(prompt.id, "2").newest.number == 2
    assert_agrees(store)


def test_readers_and_writers_go_on_while_the_index_is_swapped(tmp_path: Path) -> None:
    """Every thread has a connection of its own, and notices the new file; a writer may wait long for its turn."""
    store = Store(tmp_path / "data", lock_timeout=60)
    store.open()
    service = Service(store, 100)
    prompt = service.create("0", name="a")
    rounds = 20
    errors: list[Exception] = []

    def write(mark: str) -> None:
        try:
            for at in range(rounds):
                number = service.save(prompt.id, f"{mark} {at}").newest.number
                assert service.version(prompt.id, number).number == number
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(mark,)) for mark in "xyz"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        store.index.rebuild()
    for thread in threads:
        thread.join()
    assert errors == []
    assert service.get(prompt.id).newest.number == 3 * rounds + 1
    assert_agrees(store)


def test_search_follows_every_change(service: Service, repository: Path) -> None:
    def found(q: str) -> list[str]:
        return [prompt.name for prompt in service.list(q=q, limit=9)]

    prompt = service.create("The quick brown fox", name="animals/fox")
    assert found("QUICK") == found("als/f") == found("fo") == ["animals/fox"]
    assert found('brown "f') == found("b%n") == found("_") == []
    service.save(prompt.id, "The lazy dog")
    assert (found("quick"), found("lazy")) == ([], ["animals/fox"])
    service.rename(prompt.id, "animals/dog")
    foreign_commit(repository, {"prompts/straße.md": "Ein träger Hund".encode()})
    assert (found("fox"), found("träge"), found("animals/d")) == ([], ["straße"], ["animals/dog"])
    service.delete(prompt.id)
    assert found("lazy") == []


def test_search_goes_on_where_there_is_no_room_for_it(
    store: Store, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = service.create("old text", name="a")
    assert service.list(q="old", limit=9)
    service.save(prompt.id, "new text")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(search, "refresh", full)
    assert service.list(q="old", limit=9)


def test_a_damaged_search_table_is_mended(store: Store, service: Service) -> None:
    service.create("some text", name="a")
    connection = sqlite3.connect(store.index.path)
    connection.execute("UPDATE search_data SET block = x'00'")
    connection.commit()
    connection.close()
    assert [prompt.name for prompt in service.list(q="text", limit=9)] == ["a"]


def test_a_search_in_many_new_prompts_finds_them_all(service: Service, repository: Path) -> None:
    """More than are taken in at once."""
    foreign_commit(repository, {f"prompts/p{at}.md": b"needle" for at in range(250)})
    assert len(service.list(q="needle", limit=1_000)) == 250


def test_check_looks_at_one_moment(store: Store, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is saved while it compares is no difference."""
    prompt = service.create("1", name="a")

    def save_and_build(*arguments: Any, **options: Any) -> None:
        _save_elsewhere(service, prompt.id)
        build(*arguments, **options)

    monkeypatch.setattr(checker, "build", save_and_build)
    assert_agrees(store)
    assert service.get(prompt.id).newest.number == 2


def _save_elsewhere(service: Service, prompt_id: str) -> None:
    thread = threading.Thread(target=service.save, args=(prompt_id, "2"))
    thread.start()
    thread.join()


@pytest.mark.parametrize("role", ["author", "committer"])
@pytest.mark.parametrize("seconds", ["18446744073709551610", "99999999999999999999999", "253402300800"])
def test_a_date_that_is_none_does_no_harm(
    service: Service, store: Store, repository: Path, role: str, seconds: str
) -> None:
    tree = git_text(repository, "rev-parse", "main^{tree}")
    lines = [f"tree {tree}", f"parent {git_text(repository, 'rev-parse', 'main')}"]
    lines += [f"{who} a <b> {seconds if who == role else 5} +0000" for who in ("author", "committer")]
    raw = ("\n".join(lines) + "\n\nx\n").encode()
    odd = git(repository, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", data=raw).decode().strip()
    (repository / "refs/heads/main").write_text(odd + "\n")
    prompt = service.create("1", name="a")
    assert prompt.created_at.timestamp() == 1_700_000_000
    assert service.save(prompt.id, "2").newest.number == 2
    assert_agrees(store)


def test_damage_that_is_met_while_nothing_moves_is_mended(store: Store, service: Service, repository: Path) -> None:
    """The connection to the damaged file is given up, though `main` is where it was."""
    for at in range(300):
        service.create("x" * 50, name=f"p{at:03}")
    os.utime(repository / "refs" / "heads" / "main", (1, 1))
    assert len(service.list(limit=1_000)) == 300
    store.close()  # the log is taken into the file
    data = bytearray(store.index.path.read_bytes())
    service.list(limit=1)
    data[4096 * 3 :] = b"\xee" * (len(data) - 4096 * 3)
    with store.index.path.open("r+b") as file:
        file.write(data)
    assert len(service.list(limit=1_000)) == 300
    assert len(service.list(limit=1_000)) == 300
    assert_agrees(store)
