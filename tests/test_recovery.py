"""The commands of docs/recovery.md bring back what was damaged, and those of a new beginning from a backup."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from promptgit.service.service import Service
from promptgit.store.store import Store
from tests.faults.damage import truncate
from tests.support import command, environment, git, git_text
from tests.test_damage import packs_of, started_anew


def recipe_with(words: str) -> list[str]:
    """The commands of docs/recovery.md among which these words are."""
    blocks = [block.split("```")[0] for block in Path("docs/recovery.md").read_text().split("```sh\n")[1:]]
    (found,) = [block for block in blocks if words in block]
    return found.splitlines()


def test_a_lost_main_is_told_and_comes_back(tmp_path: Path, store: Store, service: Service) -> None:
    """As docs/recovery.md has it: without its file, main is where packed-refs has it."""
    prompt = service.create("one", name="a")
    git(store.repository.path, "pack-refs", "--all")
    service.save(prompt.id, "two")
    tip = git_text(store.repository.path, "rev-parse", "main")
    (store.repository.path / "refs/heads/main").unlink()
    client = started_anew(store.repository.path)
    assert tip in str(client.get("/readyz").json["warnings"])
    assert client.get(f"/api/prompts/{prompt.id}").json["content"] == "one"
    for line in recipe_with("update-ref refs/heads/main <commit>")[:-1]:
        subprocess.run(line.replace("<commit>", tip).split(), cwd=tmp_path, env=environment(), check=True)
    assert client.get("/readyz").json["warnings"] == []
    assert client.get(f"/api/prompts/{prompt.id}").json["content"] == "two"
    assert command("check", "--data", str(store.folder)).returncode == 0


@pytest.mark.parametrize("kind", ["backup", "mirror"])
def test_a_folder_starts_again_from_a_backup_or_a_mirror(
    tmp_path: Path, store: Store, service: Service, kind: str
) -> None:
    """As docs/recovery.md has it, whatever has become of the folder."""
    prompt = service.create("one", name="a")
    if kind == "backup":
        assert command("backup", str(tmp_path / "backup.git"), "--data", str(store.folder)).returncode == 0
    else:
        git(tmp_path, "clone", "-q", "--mirror", "--no-hardlinks", str(store.repository.path), "backup.git")
    for file in store.folder.rglob("*"):
        if file.is_file():
            file.unlink()
    lines = recipe_with("mv data damaged")
    subprocess.run(["sh", "-ec", "\n".join(lines[:3])], cwd=tmp_path, env=environment(), check=True)
    for line in lines[3:]:
        done = command(*line.replace("--data data", f"--data {tmp_path / 'data'}").split()[1:])
        assert done.returncode == 0, (line, done)
    assert started_anew(tmp_path / "data" / "prompts.git").get(f"/api/prompts/{prompt.id}").json["content"] == "one"


def test_a_damaged_pack_is_replaced_from_a_backup(tmp_path: Path, store: Store, service: Service) -> None:
    """As docs/recovery.md has it."""
    service.create("one", name="a")
    repository = store.repository.path
    git(repository, "repack", "-adq")
    git(tmp_path, "clone", "-q", "--mirror", "--no-hardlinks", str(repository), "backup.git")
    (pack,) = packs_of(repository)
    truncate(pack)
    damaged = command("check", "--data", str(store.folder))
    assert pack.name in damaged.stdout + damaged.stderr
    commands = [line.replace("<pack>", pack.stem) for line in recipe_with("unpack-objects")[:-1]]
    script = "set -e\n" + "\n".join(commands)
    subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment(), check=True)
    whole = command("check", "--data", str(store.folder))
    assert (whole.returncode, whole.stderr) == (0, "")
    store.expect_ready()
