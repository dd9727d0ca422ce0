"""docs/auditing.md: each question's stock git command gives what the service says."""

from __future__ import annotations

import subprocess
from pathlib import Path

from promptgit.models import Prompt
from promptgit.service import Service
from promptgit.store.layout import README
from tests.support import commits_of, environment


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
        assert commits_of(repository, service.get(prompt.id).path) == commits(service, prompt)


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
