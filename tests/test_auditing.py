"""docs/auditing.md: each question's stock git command gives what the service says."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from promptgit.domain.models import Author, Prompt
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.git.layout import README
from tests.conftest import Clock
from tests.support import commits_followed, environment, foreign_commit


def commits(service: Service, prompt: Prompt) -> list[str]:
    return [version.commit for version in service.versions(service.get(prompt.id))]


def shell(folder: Path, command: str) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, env=environment(), check=True)
    return done.stdout.decode().strip()


def test_versions_are_found_through_renames_and_swaps(service: Service, repository: Path) -> None:
    a = service.create("1", name="a/x")
    service.save(a.id, "2")
    for name in ("b/x", "b/y", "a/x", "c"):
        service.rename(a.id, name)
        service.save(a.id, name)
    p, q = service.create("P", name="p"), service.create("Q", name="q")
    for prompt, name in ((p, "t"), (q, "p"), (p, "q")):
        service.rename(prompt.id, name)
    service.save(p.id, "P2")
    service.delete(q.id)
    service.revert(q.id, 1)
    for prompt in (a, p, q):
        assert commits_followed(repository, service.get(prompt.id).path) == commits(service, prompt)


def test_the_command_in_the_repository_is_the_right_one(service: Service, repository: Path) -> None:
    a = service.create("1", name="old")
    service.save(a.id, "2")
    service.save(a.id, "3")
    service.rename(a.id, "support/greeting")
    command = next(line for line in README.splitlines() if "sed -n 3p" in line)
    assert shell(repository, command.strip()) == commits(service, a)[2]
    for line in (Path(__file__).parents[1] / "docs" / "auditing.md").read_text().splitlines():
        if line.endswith("| tac | sed -n 3p"):
            assert shell(repository, line.strip()) == commits(service, a)[2]
            break
    else:
        raise AssertionError("docs/auditing.md has the command no more")


# Where `git log --follow` and the service differ: the table in docs/auditing.md


def test_a_prompt_with_another_ones_content_goes_on_with_its_commits_in_git(service: Service, repository: Path) -> None:
    a = service.create("same", name="a")
    b = service.create("same", name="b")
    service.save(b.id, "2")
    created, saved = commits(service, b)
    assert commits_followed(repository, b.path) == [*commits(service, a), saved]
    without = "git log --first-parent --diff-filter=AM --format=%H -- prompts/b.md"
    assert shell(repository, without).splitlines() == [saved, created]
    service.rename(a.id, "c")
    moves = "git log --first-parent -M100% --diff-filter=R --name-status --format=%H -- prompts/"
    assert [row.split("\t") for row in shell(repository, moves).splitlines() if row.startswith("R")] == [
        ["R100", "prompts/a.md", "prompts/c.md"]
    ]


def test_a_file_from_outside_goes_on_with_its_commits_there(service: Service, repository: Path) -> None:
    outside = foreign_commit(repository, {"notes.md": b"x"})
    inside = foreign_commit(repository, {"notes.md": None, "prompts/notes.md": b"x"})
    (prompt,) = service.list(limit=2)
    assert commits(service, prompt) == [inside]
    assert commits_followed(repository, prompt.path) == [outside]


def test_a_changed_mode_is_listed_by_git_alone(service: Service, repository: Path) -> None:
    prompt = service.create("1", name="a")
    tree = shell(
        repository,
        "export GIT_INDEX_FILE=modes; git read-tree main; "
        "git update-index --cacheinfo 100755,$(git rev-parse main:prompts/a.md),prompts/a.md; git write-tree",
    )
    tip = shell(
        repository, f"git update-ref refs/heads/main $(git commit-tree -p main -m x {tree}); git rev-parse main"
    )
    assert commits_followed(repository, prompt.path) == [*commits(service, prompt), tip]
    assert "mode change" in shell(repository, f"git show --summary {tip}")


def test_a_move_with_a_replacement_is_shown_as_an_addition(service: Service, repository: Path) -> None:
    prompt = service.create("1\n2\n3\n", name="a")
    tip = foreign_commit(repository, {"prompts/a.md": b"another\n", "prompts/b.md": b"1\n2\n3\n"})
    shown = shell(repository, f"git show -M100% --name-status --format= {tip}")
    assert sorted(shown.splitlines()) == ["A\tprompts/b.md", "M\tprompts/a.md"]
    assert service.list(limit=9)[0].id == prompt.id


def test_of_equal_files_the_service_prefers_the_same_last_segment_then_the_order(
    service: Service, repository: Path
) -> None:
    prompt = service.create("1", name="a/x")
    foreign_commit(repository, {"prompts/a/x.md": None, "prompts/a/p.md": b"1", "prompts/b/x.md": b"1"})
    assert service.get(prompt.id).name == "b/x"
    foreign_commit(repository, {"prompts/b/x.md": None, "prompts/z.md": b"1", "prompts/c.md": b"1"})
    assert service.get(prompt.id).name == "c"


def test_what_was_production_on_a_day_and_what_was_deleted(service: Service, repository: Path, clock: Clock) -> None:
    """By committer date; a label that git left behind stays a file, and the deletion names the path."""
    prompt = service.create("1", name="a")
    service.labels.point(prompt.id, "production", 1, attribution=Attribution())
    clock.now += 86_400
    service.save(prompt.id, "2")
    service.labels.point(prompt.id, "production", 2, attribution=Attribution())
    then = shell(repository, "git rev-list -1 --first-parent --before=2023-11-15T00:00:00Z main")
    assert shell(repository, f"git show {then}:labels/production/a") == "1"
    assert shell(repository, f"git show {then}:prompts/a.md") == "1"
    assert shell(repository, "git show main:labels/production/a") == "2"
    moves = shell(repository, "git log --first-parent --format=%H -- labels/production/a").splitlines()
    assert len(moves) == 2
    foreign_commit(repository, {"prompts/a.md": None, "prompts/b.md": b"2"})
    (moved,) = service.list(limit=2)
    assert (moved.id, moved.name, moved.labels) == (prompt.id, "b", {})
    assert shell(repository, "git show main:labels/production/a") == "2"
    service.delete(moved.id)
    deleted = "git log --first-parent -M100% --diff-filter=D --name-only --format= -- prompts/"
    assert shell(repository, deleted) == "prompts/b.md"


def test_every_command_runs(service: Service, repository: Path) -> None:
    """All of them in one shell, for the second part of one needs the variable of the first."""
    prompt = service.create("How can I help", name="support/greeting")
    service.labels.point(prompt.id, "production", 1, attribution=Attribution())
    text = (Path(__file__).parents[1] / "docs" / "auditing.md").read_text()
    for command in (line.strip() for line in text.splitlines() if line.startswith("    ")):
        assert "COMMIT" not in command
        setting = 'commit="$(git rev-parse main)"; '
        shell(repository, setting + command)


PAGE = (Path(__file__).parents[1] / "docs" / "auditing.md").read_text()


def command(start: str) -> str:
    """The page's command that begins so."""
    return next(line.strip() for line in PAGE.splitlines() if line.startswith(f"    {start}"))


def test_ten_questions_are_answered_by_stock_git(service: Service, repository: Path, clock: Clock) -> None:
    """Each command of the page runs as it stands; what it prints is what the service knows."""
    assert len(re.findall(r"^## .*\?$", PAGE, re.M)) == 10
    clock.now = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    prompt = service.create("How can I help?", name="support/greeting")
    ada = Attribution("Shorter", Author("Ada", "ada@example.org"))
    clock.now = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    service.save(prompt.id, "Hi!", attribution=ada)
    service.labels.point(prompt.id, "production", 2, attribution=ada)
    service.delete(service.create("x", name="gone").id)
    made = [version.commit for version in service.versions(service.get(prompt.id))]

    on_a_day = "\n".join([command("commit="), command('git show "$commit:prompts')])
    assert shell(repository, on_a_day) == "How can I help?"
    assert shell(repository, command("git show main:labels/")) == "2"
    assert "+2" in shell(repository, command("git log --first-parent -p -- labels/"))
    written = shell(repository, command("git log --first-parent --format='%h  written"))
    assert "written by Ada <ada@example.org>  stored by promptgit" in written
    assert len(shell(repository, command("git log --first-parent -S")).splitlines()) == 2
    assert shell(repository, command("git log --first-parent --format='%aI %H'")).split()[1::2] == made[::-1]
    between = f"commit={made[0]}; {command('git diff')}"
    assert "-How can I help?" in shell(repository, between) and "+Hi!" in shell(repository, between)
    month = shell(repository, command("git log --first-parent --reverse"))
    assert [line.split("\t")[-1] for line in month.splitlines() if "\t" in line] == [
        "prompts/support/greeting.md",
        "labels/production/support/greeting",
        "prompts/gone.md",
        "prompts/gone.md",
    ]
    assert "Shorter" in month and "Initial version" in month
    assert "prompts/gone.md" in shell(repository, command("git log --first-parent -M100% --diff-filter=D"))
    shell(repository, command("git fsck"))
    assert len(shell(repository, command("git log --format='%h %G?")).splitlines()) == 6
