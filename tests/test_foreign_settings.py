"""What an administrator has set in the bare repository, and git's own caches in it, change no answer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from promptgit.errors import UnusableRepository
from promptgit.service.service import Service
from promptgit.store.store import Store
from tests.faults import LONG
from tests.faults.damage import flip
from tests.support import environment, foreign_commit, git, git_text, long_history

# Sections of git's settings that could change what is parsed.
SECTIONS = (
    "core.",
    "diff.",
    "log.",
    "format.",
    "i18n.",
    "color.",
    "notes.",
    "mailmap.",
    "feature.",
    "blame.",
    "pager.",
)
# libgit2 and git itself read these to open the repository at all.
NEEDED = {"core.bare", "core.repositoryformatversion", "core.worktree", "core.sharedrepository", "core.gitproxy"}


def answers(service: Service) -> list[object]:
    """Everything that is derived from what git prints."""
    found: list[object] = []
    for prompt in service.list(limit=100):
        found.append(prompt)
        found += service.versions(prompt)
        found += [service.diff(prompt.id, 1, prompt.newest.number)]
    return found


@pytest.fixture
def varied(service: Service, repository: Path) -> Service:
    """A history with a merge, a move, several encodings, and texts whose differences settings could change."""
    prompt = service.create("one\ntwo\nthree\nfour\n\nfive\n", name="ä/b c")
    base = git_text(repository, "rev-parse", "main")
    service.save(prompt.id, "one\n2\nthree\nfour \n\nfive\nsix\n")
    ours = git_text(repository, "rev-parse", "main")
    theirs = foreign_commit(repository, {"prompts/merged.md": b"x\n"}, parent=base)
    tree = git_text(repository, "merge-tree", "--write-tree", ours, theirs)
    merge = git_text(repository, "commit-tree", tree, "-p", ours, "-p", theirs, "-m", "Merge äöü")
    git(repository, "update-ref", "refs/heads/main", merge)
    moved = service.create("def f():\n    return 1\n", name="moved")
    service.rename(moved.id, "elsewhere")
    service.save(moved.id, "def f():\n    return 2\n")
    foreign_commit(repository, {".gitattributes": b"*.md binary\n", "prompts/merged.md": b"y\n"})
    return service


def test_no_setting_of_the_repository_reaches_what_is_parsed(varied: Service, store: Store, repository: Path) -> None:
    """Every setting that git knows in these sections is set to a word that it makes no sense of."""
    before = answers(varied)
    names = git(repository, "help", "--config").decode().split()
    odd = [name for name in names if name.startswith(SECTIONS) and "<" not in name and "*" not in name]
    odd = [name for name in odd if name.lower() not in NEEDED]
    assert len(odd) > 150
    with open(repository / "config", "a") as config:
        for name in odd:
            section, _, key = name.rpartition(".")
            top, _, below = section.partition(".")
            config.write(f'[{top} "{below}"]\n\t{key} = odd\n' if below else f"[{top}]\n\t{key} = odd\n")
    # git itself refuses to work in it.
    log = subprocess.run(["git", "-C", str(repository), "log"], capture_output=True, check=False, env=environment())
    assert log.returncode
    store.close()
    store.index.rebuild()
    assert answers(varied) == before


@pytest.mark.parametrize("value", ["off", "combined", "remerge", "separate"])
def test_merges_make_their_versions_whatever_the_log_shows(
    varied: Service, store: Store, repository: Path, value: str
) -> None:
    before = answers(varied)
    git(repository, "config", "log.diffMerges", value)
    store.index.rebuild()
    assert answers(varied) == before
    assert [one.name for one in varied.list(limit=9, prefix="merged")] == ["merged"]


def test_attributes_do_not_change_differences(varied: Service, repository: Path) -> None:
    """Neither those on `main` nor those of the repository: a clone without attributes has the same."""
    before = answers(varied)
    (repository / "info").mkdir(exist_ok=True)
    (repository / "info" / "attributes").write_text("*.md diff=odd -text\n")
    git(repository, "config", "diff.odd.xfuncname", "return")
    git(repository, "config", "diff.odd.textconv", "false")
    assert answers(varied) == before
    (prompt,) = varied.list(name="merged", limit=1)
    assert b"-x\n+y\n" in varied.diff(prompt.id, 1, 2)


def test_a_damaged_commit_graph_changes_no_number(service: Service, store: Store, repository: Path) -> None:
    """It is only a cache of git's, which believes it without looking at a checksum."""
    prompt = service.create("0", name="a")
    long_history(repository, "prompts/a.md", map(str, range(1, 40)))
    before = answers(service)
    git(repository, "commit-graph", "write", "--reachable")
    graph = repository / "objects" / "info" / "commit-graph"
    sound = graph.read_bytes()
    for bit in range(len(sound) * 8 - 1, 0, -37 if LONG else -1_501):
        graph.chmod(0o600)
        graph.write_bytes(sound)
        flip(graph, bit)
        store.index.rebuild()
        assert answers(service) == before, bit
    graph.write_bytes(b"")
    store.index.rebuild()
    assert service.get(prompt.id).newest.number == 40


def test_a_history_that_does_not_fit_together_is_no_history(
    service: Service, store: Store, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever made git leave commits out: better no numbers than wrong ones."""
    long_history(repository, "prompts/a.md", map(str, range(1, 10)))
    log = store.repository.git.log

    def gappy(*arguments: object) -> object:
        return (commit for at, commit in enumerate(log(*arguments)) if at != 5)

    monkeypatch.setattr(store.repository.git, "log", gappy)
    with pytest.raises(UnusableRepository, match="git fsck"):
        store.index.rebuild()


def test_a_shallow_repository_is_not_served(service: Service, store: Store, repository: Path) -> None:
    """Its versions would have wrong numbers, and keep them when the rest of the history comes."""
    prompt = service.create("0", name="a")
    service.save(prompt.id, "1")
    (repository / "shallow").write_text(git_text(repository, "rev-parse", "main") + "\n")
    other = Store(store.folder, lock_timeout=1)
    with pytest.raises(UnusableRepository, match="git fetch --unshallow"):
        other.open()
    (repository / "shallow").unlink()
    other.open()
    assert Service(other, 1000).get(prompt.id).newest.number == 2
