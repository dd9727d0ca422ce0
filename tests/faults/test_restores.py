"""A backup restores: taken while clients write, put into another folder, and served, with an index that is built anew.

Every way is tried that docs/operations.md gives. Each version that was acknowledged before the backup began must be in
it, and each one of those that came meanwhile as far as its head goes, with number and text.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pytest

from tests.faults import attempts
from tests.faults.checker import check
from tests.faults.known import Known, Version
from tests.faults.load import Load
from tests.faults.writers import gate
from tests.support import PROMPTGIT, Http, Server, command, environment, git, git_text, long_history, wait_for
from tests.upstreams import bare

ROUNDS = attempts(short=0, long=1, full=5)
"""How often each way is tried."""
OLD_VERSIONS = attempts(short=0, long=500, full=5_000)
"""How many versions there are before."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ROUNDS, reason="of the long form: make faults; tests/test_backup.py has the short one"),
]


def _new_backup(server: Server, mirror: Path, place: Path) -> None:
    done = command("backup", str(place), "--data", str(server.folder))
    assert done.returncode == 0, done.stderr


def _same_backup(server: Server, mirror: Path, place: Path) -> None:
    """Into a place that has an older one; what is restored is a copy."""
    _new_backup(server, mirror, mirror.with_name("same.git"))
    shutil.copytree(mirror.with_name("same.git"), place)


def _clone(server: Server, mirror: Path, place: Path) -> None:
    git(place.parent, "clone", "-q", "--mirror", f"{server.url}/prompts.git", str(place))


def _mirror(server: Server, mirror: Path, place: Path) -> None:
    """It is on its way there within a second: what was acknowledged is waited for."""
    main = git_text(server.folder / "prompts.git", "rev-parse", "main")
    wait_for(lambda: main in git_text(mirror, "rev-list", "--all").split())
    git(place.parent, "clone", "-q", "--mirror", str(mirror), str(place))


WAYS: dict[str, Callable[[Server, Path, Path], None]] = {
    "promptgit backup, new": _new_backup,
    "promptgit backup, again": _same_backup,
    "git clone --mirror": _clone,
    "PROMPTGIT_MIRROR": _mirror,
}
"""Makes a backup of a server at a place; *mirror* is where its mirror is."""


@dataclass
class Times:
    """In seconds: how long backups took, and how long from an empty folder until a restored one had answered."""

    backup: list[float] = field(default_factory=list)
    restore: list[float] = field(default_factory=list)


def test_a_backup_under_load_restores(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """While others write, and every other time while upkeep replaces all packs."""
    mirror, times, seen = bare(tmp_path / "mirror"), Times(), 0
    settings = {"PROMPTGIT_MIRROR": str(mirror), "PROMPTGIT_PUSH_INTERVAL": "0", "PROMPTGIT_UPKEEP_INTERVAL": "0"}
    with Server(tmp_path / "data", **settings) as server:
        old = (f"{at}\n" for at in range(OLD_VERSIONS))
        long_history(server.folder / "prompts.git", "prompts/old.md", old)
        gate(server.folder / "prompts.git")
        _new_backup(server, mirror, mirror.with_name("same.git"))
        load = Load([server.url], clients=2)
        for at in range(ROUNDS * len(WAYS)):
            way, folder = list(WAYS.values())[at % len(WAYS)], tmp_path / f"restored {at}"
            folder.mkdir()
            with load:
                load.until(load.versions + 10)
                before = load.known().versions
                back_up(server, mirror, way, times, folder / "prompts.git", upkeep=at // 4 % 2 == 0)
            assert not load.known().refused
            seen += restored(folder, before, load.known().versions, times)
    record_property("backups restored", ROUNDS * len(WAYS))
    record_property("acknowledged versions found in them", seen)
    record_property("versions in each, at least", OLD_VERSIONS)
    for name, seconds in (("backup", times.backup), ("restored folder to answer", times.restore)):
        record_property(f"s for a {name} (median; maximum)", f"{median(seconds):.1f}; {max(seconds):.1f}")


def back_up(
    server: Server,
    mirror: Path,
    way: Callable[[Server, Path, Path], None],
    times: Times,
    place: Path,
    *,
    upkeep: bool,
) -> None:
    """Make a backup at *place* in one way, perhaps beside upkeep."""
    tending = subprocess.Popen(
        [PROMPTGIT, "upkeep", "--data", server.folder] if upkeep else ["true"], env=environment()
    )
    start = time.monotonic()
    way(server, mirror, place)
    times.backup.append(time.monotonic() - start)
    assert tending.wait() == 0


def restored(folder: Path, before: list[Version], after: list[Version], times: Times) -> int:
    """Serve the backup in *folder*, and compare; how many acknowledged versions were looked for.

    *before* were acknowledged when it began, *after* when it had ended.
    """
    place = folder / "prompts.git"
    line = {*git_text(place, "rev-list", "main").split()}
    missing = [version for version in before if version.commit not in line]
    assert not missing
    inside = [version for version in after if version.commit in line]
    check(place, Known(inside))
    start = time.monotonic()
    with Server(folder) as again:
        http = Http(again.url)
        assert http("GET", "/readyz").status == 200
        times.restore.append(time.monotonic() - start)
        assert_served(http, inside[:: len(inside) // 200 + 1])
        newest = http("GET", "/api/names/old").json
        saved = http("PUT", f"/api/prompts/{newest['id']}", {"content": "restored"})
        assert saved.json["version_number"] == newest["version_number"] + 1 == OLD_VERSIONS + 1
        assert again.stop() == 0
    done = command("check", "--data", str(folder))
    assert done.returncode == 0, done.stdout
    shutil.rmtree(folder)
    return len(inside)


def assert_served(http: Http, versions: list[Version]) -> None:
    """Number, commit and text are those that were acknowledged."""
    for version in versions:
        told = http("GET", f"/api/prompts/{version.prompt}/versions/{version.number}").json
        assert (told["commit"], told["content"].encode()) == (version.commit, version.content)
