"""`promptgit import` into a folder with rules: no line moves a gated label, unless an administrator overrides that."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from promptgit.errors import BadLine
from promptgit.exchange import checker
from promptgit.exchange.importer import Import
from promptgit.service.service import Service
from promptgit.store.access_log import AccessLog
from promptgit.store.store import Store
from tests.support import command, foreign_commit, git, git_text
from tests.test_import import line, take

RULES = b'[labels.production]\nprefixes = ["support/"]\n'
GATED, FREE = "support/greeting", "free/greeting"


def label(name: str = GATED, number: int | None = 2, **changed: Any) -> dict[str, Any]:
    return line(name, op="label", label="production", version_number=number, description=f"To {number}") | changed


MOVES = {
    "label": label(),
    "label removed": label(number=None),
    "deletion": line(GATED, None),
    "rename away": line("free/other", "2", op="rename", renamed_from=GATED),
    "rename below the gate": line("support/brought", "2", op="rename", renamed_from=FREE),
}


@pytest.fixture
def gated(store: Store, repository: Path) -> Store:
    """A store in which `production` shows version 1 of a prompt below the gate and of one that is not."""
    for name in (GATED, FREE):
        take(store, line(name, "1"), label(name, 1), line(name, "2"))
    foreign_commit(repository, {"rules.toml": RULES}, "Gate")
    return store


def imported(store: Store, path: Path, *entries: dict[str, Any], **options: Any) -> Import:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    run = Import(store, 1_000, **{"skip_invalid": False} | options)
    for _ in run.take(lambda: path.open("rb")):
        pass
    return run


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES.keys())
def test_a_line_that_moves_a_gated_label_is_refused(
    gated: Store, service: Service, repository: Path, tmp_path: Path, move: dict[str, Any]
) -> None:
    """By its number, with everything before it kept and nothing behind it taken."""
    before = git_text(repository, "ls-tree", "-r", "main", "labels/")
    with pytest.raises(BadLine, match=r"^Line 2: .*'production' of .* is gated"):
        imported(gated, tmp_path / "lines", line("kept"), move, line("behind"))
    assert [prompt.name for prompt in service.list(limit=9)] == [FREE, "kept", GATED]
    assert git_text(repository, "ls-tree", "-r", "main", "labels/") == before


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES.keys())
def test_an_override_is_recorded_in_the_commit_of_the_line(
    gated: Store, repository: Path, tmp_path: Path, move: dict[str, Any]
) -> None:
    """With its own reason; the commit has the line's. The access log has it, too, and a second import adds nothing."""
    run = imported(gated, tmp_path / "lines", line("kept"), move, override="The old service is the truth")
    assert (run.added, run.present) == (2, 0)
    changed = git_text(repository, "show", "--name-only", "--no-renames", "--format=%an: %s", "main").splitlines()
    assert changed[0] == f"Ada L.: {move['description']}" and "releases/0/1.toml" in changed
    release = tomllib.loads(git(repository, "show", "main:releases/0/1.toml").decode())
    assert (release["state"], release["label"], release["description"]) == (
        "overridden",
        "production",
        "The old service is the truth",
    )
    assert release["overridden"]["by"] == "promptgit"
    (entry,) = AccessLog(gated.folder).entries()
    assert (entry.action, entry.what["releases"]) == ("gate_overridden", ["releases/0/1.toml"])
    assert entry.what["description"] == "The old service is the truth" and "local" in entry.by
    assert list(checker.differences(gated)) == []
    again = imported(gated, tmp_path / "lines", line("kept"), move, override="Again")
    assert (again.added, again.present) == (0, 2)


def test_what_moves_no_gated_label_is_taken(gated: Store, tmp_path: Path) -> None:
    """Contents below the gate, labels elsewhere, and a label where it points already."""
    run = imported(
        gated, tmp_path / "lines", line(GATED, "3"), label(FREE), label(number=1, description="Again"), line(FREE, None)
    )
    assert (run.added, run.present) == (3, 1)


def test_lines_at_a_gate_can_be_skipped(gated: Store, tmp_path: Path) -> None:
    run = imported(gated, tmp_path / "lines", label(), line("behind"), skip_invalid=True)
    assert run.added == 1 and [error.number for error in run.refused] == [1]


def test_the_command_overrides_with_a_message(gated: Store, repository: Path, tmp_path: Path) -> None:
    """Of another service's history, too; one option without the other is wrong usage."""
    answer = {"name": GATED, "version": 1, "createdAt": "2024-01-01T00:00:00Z", "prompt": "3", "labels": ["production"]}
    (tmp_path / "langfuse.json").write_text(json.dumps(answer))
    told = ("import", "--langfuse", str(tmp_path / "langfuse.json"), "--data", str(gated.folder))
    refused = command(*told)
    assert refused.returncode == 1 and "Line 2" in refused.stderr and "is gated" in refused.stderr
    assert git_text(repository, "show", f"main:labels/production/{GATED}") == "1"
    for half in (["--override"], ["-m", "Why"]):
        assert command(*told, *half).returncode == 2
    done = command(*told, "--override", "-m", "We come from there")
    assert done.returncode == 0, done.stderr
    assert git_text(repository, "show", f"main:labels/production/{GATED}") == "3"
    assert 'description = "We come from there"' in git_text(repository, "show", "main:releases/0/1.toml")
