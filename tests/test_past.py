"""The state as of a commit or a time is the one that a clone at that commit has."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptgit.domain.models import Prompt
from promptgit.errors import CommitNotFound, LabelNotFound, NameNotFound, PromptDeleted, PromptNotFound
from promptgit.exchange.checker import differences
from promptgit.service.feed import Feed
from promptgit.service.past import Past
from promptgit.service.service import Service
from promptgit.store.store import Store
from tests.faults import LONG
from tests.support import git, git_text

BORN = 1_700_000_000
NAMES = ["a", "b", "d/a"]
LABELS = ["production", "staging"]

Files = dict[str, bytes | None]
Made = tuple[Files, int, bool]
"""A commit: what it writes and removes, the committer's date, and whether it is a merge that brings the files."""

_write = st.builds(
    lambda name, text: {f"prompts/{name}.md": text}, st.sampled_from(NAMES), st.sampled_from([b"x", b"y", b"z"])
)
_remove = st.sampled_from(NAMES).map(lambda name: {f"prompts/{name}.md": None})
_point = st.builds(
    lambda label, name, number: {f"labels/{label}/{name}": number},
    st.sampled_from(LABELS),
    st.sampled_from(NAMES),
    st.sampled_from([b"1\n", b"2\n", b"3\n", b"no number", None]),
)
_commit = st.tuples(
    st.lists(st.one_of(_write, _write, _remove, _point), min_size=1, max_size=4).map(
        lambda several: {path: content for files in several for path, content in files.items()}
    ),
    st.integers(-20, 20).map(lambda seconds: BORN + seconds),
    st.sampled_from([False, False, False, True]),
)
_move = st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(-20, 20).map(lambda s: BORN + s))


def tree_of(repository: Path) -> dict[str, bytes]:
    paths = git_text(repository, "ls-tree", "-r", "--name-only", "main").splitlines()
    return {path: git(repository, "show", f"main:{path}") for path in paths}


def commit(repository: Path, files: Files, date: int, *, merge: bool = False) -> None:
    """Commit with git alone; with *merge*, on a branch that is then merged."""
    who = "committer admin <admin@example.org>"
    stream = ""
    if merge:
        stream = f"commit refs/heads/side\nmark :1\n{who} {date + 7} +0000\ndata 4\nSide\nfrom refs/heads/main^0\n"
        stream += "M 100644 inline elsewhere\ndata 1\nx\n\n"
    stream += f"commit refs/heads/main\n{who} {date} +0000\ndata 4\nDone\nfrom refs/heads/main^0\n"
    stream += "merge :1\n" if merge else ""
    for path, content in files.items():
        if content is None:
            stream += f"D {path}\n"
        else:
            stream += f"M 100644 inline {path}\ndata {len(content)}\n{content.decode()}\n"
    git(repository, "fast-import", "--quiet", "--force", data=f"{stream}\n".encode())


def moved(repository: Path, source: str, name: str) -> Files:
    """A move of a prompt's file, with its labels' files or without, where the name is free."""
    tree = tree_of(repository)
    if f"prompts/{source}.md" not in tree or f"prompts/{name}.md" in tree:
        return {}
    files: Files = {f"prompts/{source}.md": None, f"prompts/{name}.md": tree[f"prompts/{source}.md"]}
    for label in LABELS[:1]:
        if (path := f"labels/{label}/{source}") in tree:
            files |= {path: None, f"labels/{label}/{name}": tree[path]}
    return files


def outcome(call: Callable[..., Any], *arguments: Any) -> Any:
    """What a call returns, or how it refuses."""
    try:
        return call(*arguments)
    except PromptDeleted as deleted:
        return deleted.code, *deleted.args
    except (PromptNotFound, NameNotFound, LabelNotFound) as refused:
        return refused.code


def told(source: Service | Past, ids: list[str]) -> dict[Any, Any]:
    """All that can be asked of the present state, or of a past one."""
    found: dict[Any, Any] = {"list": source.list(limit=100), "page": source.list(after="a", limit=1)}
    found["prefix"] = source.list(prefix="d", limit=100)
    for label in [*LABELS, "latest"]:
        found[label] = source.list(label=label, limit=100)
        found |= {(label, one): outcome(source.labels.get, one, label) for one in ids}
    for name in NAMES:
        found[name] = outcome(source.named, name), source.list(name=name, limit=2)
    for one in ids:
        found[one] = [outcome(read, one) for read in (source.find, source.get)]
        if isinstance(found[one][1], Prompt):  # the labels of a deleted prompt are none now, and refused as of then
            found[one].append(source.labels.all(one))
    return found


def assert_past(store: Store, service: Service, folder: Path) -> None:
    """Compare every state that `main` had with a clone, which follows; and all times with git."""
    repository = store.repository.path
    line = git_text(repository, "rev-list", "--first-parent", "--reverse", "main").split()
    clone = Store(folder / "clone", lock_timeout=5)
    shutil.copytree(repository, clone.repository.path)
    git(clone.repository.path, "update-ref", "refs/heads/main", line[0])
    clone.open()
    then = Service(clone, 1_000)
    ids = sorted({change.prompt_id for change in Feed(store).page(None, 1_000).changes if change.prompt_id})
    for one in line:
        git(clone.repository.path, "update-ref", "refs/heads/main", one)
        assert told(service.as_of(one), ids) == told(then, ids), one
    clone.close()
    dates = {int(date) for date in git_text(repository, "log", "--first-parent", "--format=%ct", "main").split()}
    for date in sorted({date + off for date in dates for off in (-1, 0, 1)}):
        time = datetime.fromtimestamp(date, UTC).isoformat()
        expected = git_text(repository, "rev-list", "-1", "--first-parent", f"--before={time}", "main")
        if expected:
            assert service.as_of(date).commit == expected
        else:
            with pytest.raises(CommitNotFound):
                service.as_of(date)


@pytest.mark.slow
@settings(max_examples=100 if LONG else 12)
@given(st.lists(st.one_of(_commit, _commit, _move), min_size=1, max_size=12))
def test_every_past_state_is_that_of_a_clone(history: list[Any]) -> None:
    """Whatever git has made: renames, deletions, restores, names used again, labels, merges, dates back and forth."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        store = Store(folder / "data", lock_timeout=5, clock=lambda: BORN)
        store.open()
        service = Service(store, 1_000)
        for made in history:
            if isinstance(made[0], dict):
                files, date, merge = made
            else:
                files, date, merge = moved(store.repository.path, *made[:2]), made[2], False
            tree = tree_of(store.repository.path)
            commit(
                store.repository.path, {p: c for p, c in files.items() if c is not None or p in tree}, date, merge=merge
            )
            service.list(limit=1)  # the index takes it in by itself
        assert_past(store, service, folder)
        assert [line for line in differences(store) if line.startswith("Only")] == []
        store.close()
