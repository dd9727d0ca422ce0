"""Objects and packs, as git itself reads them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pygit2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptgit.domain.models import Author
from promptgit.errors import Invalid
from promptgit.store.git import objects, packs
from promptgit.store.git.hashing import object_id
from promptgit.store.git.objects import BLOB, COMMIT, FILE_MODE, FOLDER_MODE, TREE
from tests.support import assert_sound, git, git_text

names = st.binary(min_size=1, max_size=12).filter(lambda name: b"\0" not in name and b"/" not in name)
entries = st.tuples(
    names, st.sampled_from([FILE_MODE, FOLDER_MODE, b"120000"]), st.binary(min_size=20, max_size=20).map(bytes.hex)
)


def tree_of(*entries: tuple[bytes, bytes, str]) -> objects.Tree:
    return {
        name + (b"/" if mode == FOLDER_MODE else b""): objects.tree_entry(mode, name, oid)
        for name, mode, oid in entries
    }


@given(st.lists(entries, max_size=8, unique_by=lambda entry: entry[0]))
def test_a_tree_is_read_back_as_it_was_built(entries: list[tuple[bytes, bytes, str]]) -> None:
    tree = objects.parse_tree(objects.build_tree(tree_of(*entries)))
    assert tree == tree_of(*entries)
    parts = {(objects.entry_mode(entry), objects.entry_id(entry)) for entry in tree.values()}
    assert parts == {(mode, oid) for _, mode, oid in entries}


def test_git_reads_a_pack_of_ours(tmp_path: Path) -> None:
    """Blobs of all sizes, trees in git's own order, and a commit, in one pack."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "r")
    repository = tmp_path / "r"
    author = Author("Ada L.", "ada@example.org")
    found: dict[str, tuple[str, bytes]] = {}

    def add(kind: str, data: bytes) -> str:
        oid = object_id(kind, data)
        found[oid] = (kind, data)
        return oid

    blobs = [add(BLOB, b"x" * size) for size in (0, 1, 15, 16, 127, 2047, 2048, 70_000)]
    inner = add(TREE, objects.build_tree(tree_of(*((b"%d" % at, FILE_MODE, blob) for at, blob in enumerate(blobs)))))
    # "a" as a folder sorts after "a.md", as a file before it.
    root = add(TREE, objects.build_tree(tree_of((b"a", FOLDER_MODE, inner), (b"a.md", FILE_MODE, blobs[1]))))
    commit = objects.build_commit(root, None, author, 5, author, 7, "One\n\nTwo")
    tip = add(COMMIT, commit)
    packs.write(repository / "objects/pack", found)
    git(repository, "update-ref", "refs/heads/main", tip)

    assert_sound(repository)
    (index,) = (repository / "objects/pack").glob("*.idx")
    git(repository, "verify-pack", str(index))
    assert git(repository, "cat-file", "blob", "main:a/7") == b"x" * 70_000
    assert git_text(repository, "log", "--format=%an %ae %at %ct %B") == "Ada L. ada@example.org 5 7 One\n\nTwo"
    assert objects.tree_of(commit) == root
    assert objects.committed(commit)[1] == 7


def test_a_commit_without_a_date_was_stored_at_the_beginning_of_time() -> None:
    assert objects.committed(b"tree x\ncommitter a <b>\n\ncommitter c <d> 9 +0000\n")[1] == 0


def test_a_pack_that_holds_all_the_others_survives_their_joining(tmp_path: Path) -> None:
    """A process killed between writing the joined pack and removing the small ones leaves just that."""
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "r")
    folder = tmp_path / "r" / "objects" / "pack"
    blobs = {object_id(BLOB, text): (BLOB, text) for text in (b"%d" % at for at in range(20))}
    for order in (list(blobs.items()), list(blobs.items())[::-1]):
        packs.write(folder, dict(order))
        for oid, blob in order:
            packs.write(folder, {oid: blob})
        packs.roll(folder, frozenset())
        assert len(list(folder.glob("*.pack"))) < 20
        for oid, (_, text) in blobs.items():
            assert git(tmp_path / "r", "cat-file", "blob", oid) == text


def test_ids_are_those_of_git(tmp_path: Path) -> None:
    """In every thread, for every kind of object."""
    tree = objects.build_tree(tree_of((b"a", FILE_MODE, "1" * 40)))
    commit = objects.build_commit("2" * 40, None, Author("a", "b"), 1, Author("a", "b"), 1, "x")
    for kind, data in ((BLOB, b""), (BLOB, b"a\0b" * 999), (TREE, tree), (COMMIT, commit)):
        by_git = git(tmp_path, "hash-object", "-t", kind, "--stdin", data=data).decode().strip()
        with ThreadPoolExecutor(4) as threads:
            assert set(threads.map(lambda _, k=kind, d=data: object_id(k, d), range(4_000))) == {by_git}


def test_nothing_but_libgit2_names_objects() -> None:
    """Hashlib's SHA-1 does not detect a collision: it makes ids out of names, and the checksums at a pack's end."""
    package = Path(objects.__file__).parents[2]
    using = {path.name for path in package.rglob("*.py") if "hashlib.sha1(" in path.read_text()}
    assert using == {"names.py", "pack_format.py"}


def test_an_attempt_at_a_collision_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No blob is known that makes one, so libgit2's answer to one stands in for it."""

    def detect(*_: object) -> None:
        raise pygit2.GitError("SHA1 collision attack detected")

    monkeypatch.setattr(pygit2, "hash", detect)
    with pytest.raises(Invalid, match="collision") as refused:
        object_id(BLOB, b"x")
    assert refused.value.field == "content"
