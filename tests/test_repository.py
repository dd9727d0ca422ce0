"""The bare repository: what auditors and administrators find."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptgit.domain.models import Author
from promptgit.errors import UnusableRepository
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.conftest import Clock
from tests.support import assert_sound, foreign_commit, git, git_text

TEXTS = [
    "",
    "x",
    "no newline at the end",
    "a\r\nb\r\n",
    "\ufeffBOM",
    "trailing  \n\n\n",
    "東京 🎉\u2028\x1e",
    "\x1b[31m\x07",
]


def test_a_new_repository_explains_itself(store: Store, repository: Path) -> None:
    assert git_text(repository, "rev-parse", "--is-bare-repository") == "true"
    assert git_text(repository, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert git_text(repository, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert git_text(repository, "ls-tree", "-r", "--name-only", "main") == "README.md"
    assert "git log --first-parent" in git_text(repository, "show", "main:README.md")
    assert_sound(repository)


def test_contents_are_kept_byte_for_byte(store: Store, service: Service, repository: Path) -> None:
    for at, text in enumerate(TEXTS):
        prompt = service.create(text, name=f"texts/{at}")
        assert git(repository, "cat-file", "blob", f"main:prompts/texts/{at}.md") == text.encode()
        assert service.content(prompt.newest) == text.encode()
        assert store.repository.size(prompt.newest.blob) == len(text.encode())
    assert store.repository.size("1" * 40) is None
    assert_sound(repository)


def test_the_message_is_the_description_and_nothing_else(service: Service, repository: Path) -> None:
    description = "# Why\n\nSigned-off-by: nobody\nPrompt-Version: 7"
    author = Author("Ada L.", "ada@example.org")
    service.create("x", name="a", attribution=Attribution(description, author))
    raw = git(repository, "cat-file", "commit", "main").decode()
    head, _, message = raw.partition("\n\n")
    assert message == description + "\n"
    assert head.split("\n")[2:] == [
        "author Ada L. <ada@example.org> 1700000000 +0000",
        "committer promptgit <promptgit@localhost> 1700000000 +0000",
    ]


def test_time_never_goes_back(service: Service, clock: Clock, repository: Path) -> None:
    """A clock that was set back does not show in the history."""
    prompt = service.create("1", name="a")
    clock.now -= 1_000
    service.save(prompt.id, "2")
    clock.now += 5_000
    service.save(prompt.id, "3")
    times = [version.timestamp.timestamp() for version in service.versions(service.get(prompt.id))]
    assert times == [1_700_000_000, 1_700_000_000, 1_700_004_000]
    assert git_text(repository, "log", "-3", "--format=%at %ct").split() == [
        f"{int(at)}" for at in reversed(times) for _ in "ac"
    ]


def test_a_uuid_named_prompt_lies_in_its_folder(service: Service, repository: Path) -> None:
    prompt_id = "0190a6b2-3c4d-7e8f-9a0b-1c2d3e4f5a6b"
    prompt = service.create("x", prompt_id=prompt_id)
    assert (prompt.id, prompt.name, prompt.path) == (prompt_id, prompt_id, f"prompts/01/{prompt_id}.md")
    assert git(repository, "cat-file", "blob", f"main:prompts/01/{prompt_id}.md") == b"x"


def test_files_elsewhere_are_left_alone(service: Service, repository: Path) -> None:
    foreign_commit(repository, {"docs/guide.txt": b"1", "prompts/notes.txt": b"2"})
    prompt = service.create("x", name="a")
    service.delete(prompt.id)
    files = git_text(repository, "ls-tree", "-r", "--name-only", "main").split()
    assert files == ["README.md", "docs/guide.txt", "prompts/notes.txt"]
    assert_sound(repository)


def test_git_gc_leaves_a_repository_that_can_be_written_to(service: Service, repository: Path) -> None:
    """It packs the ref, too, and removes the empty folders of objects."""
    prompt = service.create("1", name="a")
    git(repository, "gc", "-q")
    assert service.save(prompt.id, "2").newest.number == 2
    assert [service.content(version) for version in service.versions(service.get(prompt.id))] == [b"1", b"2"]
    assert_sound(repository)


def test_a_mirror_serves_at_once(service: Service, store: Store, repository: Path, tmp_path: Path) -> None:
    prompt = service.create("1", name="a")
    service.save(prompt.id, "2")
    git(tmp_path, "clone", "-q", "--mirror", str(repository), "copy/prompts.git")
    copy = Store(tmp_path / "copy", lock_timeout=1)
    copy.open()
    there = Service(copy, 100)
    assert there.get(prompt.id) == service.get(prompt.id)
    assert there.save(prompt.id, "3").newest.number == 3


def test_an_empty_bare_repository_gets_its_first_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "data/prompts.git")
    Store(tmp_path / "data", lock_timeout=1).open()
    assert git_text(tmp_path / "data/prompts.git", "ls-tree", "--name-only", "main") == "README.md"


@pytest.mark.parametrize("what", ["a file", "an empty folder", "a work tree"])
def test_what_is_no_bare_repository_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "data" / "prompts.git"
    if what == "a file":
        path.parent.mkdir()
        path.write_text("x")
    elif what == "an empty folder":
        path.mkdir(parents=True)
    else:
        git(tmp_path, "init", "-q", str(path))
    with pytest.raises(UnusableRepository, match=r"prompts\.git"):
        Store(tmp_path / "data", lock_timeout=1).open()


def test_half_made_repositories_are_made_anew(tmp_path: Path) -> None:
    """A crash in the middle of the first start leaves a folder under another name."""
    half = tmp_path / "data" / "prompts.git.new"
    half.mkdir(parents=True)
    (half / "HEAD").write_text("ref: refs/heads/")
    Store(tmp_path / "data", lock_timeout=1).open()
    assert not half.exists()
    assert_sound(tmp_path / "data" / "prompts.git")
