"""Each file of a data folder is damaged, one at a time, under a running server and before a start.

Nothing wrong is served, nobody is let in who was kept out, and it is told what is damaged.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import LONG, attempts, damage
from tests.faults.data_folder import LISTS, DataFolder, answers, build
from tests.faults.probes import BACK_SECONDS, Probe, Wrong
from tests.faults.tracing import without_privilege
from tests.support import PROMPTGIT, Http, Server, command, environment, git, wait_for

FILES = attempts(2, 3, 1_000)
"""How many files are damaged in each way, at most: in the full form all."""


def flip(path: Path, chance: random.Random) -> None:
    if size := path.stat().st_size:
        damage.flip(path, chance.randrange(size * 8))


def cut(path: Path, chance: random.Random) -> None:
    damage.truncate(path, path.stat().st_size * chance.randrange(1, 10) // 10)


def empty(path: Path, _: random.Random) -> None:
    damage.truncate(path)


def delete(path: Path, _: random.Random) -> None:
    path.unlink()


def forbid(path: Path, _: random.Random) -> None:
    path.chmod(0)


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "flipped": flip,
    "cut short": cut,
    "emptied": empty,
    "deleted": delete,
    "unreadable": forbid,
}


@dataclass(frozen=True)
class Kept:
    """A file as it was before it was damaged; *names* are all that it has in the data folder."""

    path: Path
    data: bytes
    mode: int
    names: list[Path]

    @classmethod
    def of(cls, path: Path, folder: Path) -> Kept:
        stat = path.stat()
        others = folder.rglob("*") if stat.st_nlink > 1 else []
        names = [other for other in others if other.is_file() and other.samefile(path)]
        return cls(path, path.read_bytes(), stat.st_mode & 0o777, names or [path])

    def restore(self, damaged: bytes | None) -> None:
        """Put it back, unless another one has taken the place of what damage has left (None: nothing)."""
        if self.path.exists() and self.path.stat().st_mode & 0o777 == 0:
            self.path.chmod(self.mode)
            return
        for name in self.names if damaged is not None else [self.path]:
            if read(name) == damaged and not name.name.startswith(DERIVED):
                new = name.with_name("put back")
                new.write_bytes(self.data)
                new.chmod(self.mode)
                new.rename(name)


MAIN = Path("prompts.git/refs/heads/main")
NEEDED = (Path("prompts.git/HEAD"), Path("prompts.git/config"))
"""Without these git opens no repository."""
DERIVED = ("index.sqlite3", "people.sqlite3", "usage.sqlite3")
"""SQLite's files: promptgit does without them, and an older one put back would be another damage."""


def read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


class Pass:
    """Attempts on one copy of a folder, with a server that goes on from one to the next."""

    def __init__(self, everything: DataFolder, folder: Path, under: list[str], *, running: bool) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._made = everything.copy_to(folder)
        self._contents = dict(everything.contents)
        self._under, self._running = under, running
        self._server: Server | None = None
        self._count = 0

    def close(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server = None

    def has(self, file: Path) -> bool:
        return (self._made.folder / file).exists()

    def attempt(self, file: Path, how: str, chance: random.Random) -> None:
        kept = Kept.of(self._made.folder / file, self._made.folder)
        self._count += 1
        if self._running:
            self._started()
        else:
            self.close()
        DAMAGES[how](kept.path, chance)
        damaged = None if how in ("deleted", "unreadable") else read(kept.path)
        try:
            probe = self._started()
        except AssertionError as error:
            expect_said(str(error))
        else:
            if file == MAIN and how == "deleted":
                self._expect_lost_tip(probe, kept)
                return
            self._observe(probe)
            self._contents |= probe.saved
            if file in NEEDED and how in ("emptied", "deleted", "unreadable") and not probe.is_told():
                raise Wrong(f"readyz does not tell of {file}")
        if is_object(file) and (how == "unreadable" or read(kept.path) == damaged):
            self._expect_named(kept.path)
        kept.restore(damaged)
        if "objects" in file.parts:
            self.close()  # a process that has the damaged pack open would read it on
        self._expect_well(self._started())

    def _started(self) -> Probe:
        if self._server is None:
            self._server = Server(self._made.folder, under=self._under, **self._made.settings)
            if self._running:
                self._made.answers.update(answers(Http(self._server.url), self._made, LISTS))
                Probe(self._server, self._made).read_all()  # what can be open and in memory is
        return Probe(self._server, self._made, self._count)

    def _observe(self, probe: Probe) -> None:
        probe.expect_kept_out()
        probe.read_all()
        if probe.refused and not probe.is_told():
            probe.read_all()  # it may have been in the middle of a repair
            if probe.refused and not probe.is_told():
                raise Wrong(f"readyz does not tell of {[*probe.refused.items()][:1]}")
        probe.write_all()
        probe.expect_kept_out()

    def _expect_lost_tip(self, probe: Probe, kept: Kept) -> None:
        """Without its file, `main` is where packed-refs has it: at an older commit. That is told, and git undoes it."""
        tip = kept.data.decode().strip()
        assert probe.is_told()
        assert tip in probe.ask("GET", "/readyz", headers={}).json["warnings"][0]
        git(self._made.repository, "update-ref", "refs/heads/main", tip)
        git(self._made.repository, "update-ref", "-d", f"refs/promptgit/lost/{tip}")
        self._expect_well(self._started())

    def _expect_well(self, probe: Probe) -> None:
        wait_for(lambda: probe.ask("GET", "/readyz", headers={}).status == 200, BACK_SECONDS)
        probe.expect_well(self._contents)
        self._made.answers.update(answers(Http(probe.url), self._made, LISTS))

    def _expect_named(self, path: Path) -> None:
        checked = run_check(self._made, self._under)
        said = checked.stdout + checked.stderr
        assert checked.returncode == 1, said
        is_gone = not path.exists()  # then the objects in it are named that others refer to
        assert path.name in said or path.parent.name + path.name in said or (is_gone and _OBJECT.search(said)), said


def expect_said(why: str) -> None:
    """Raise unless a server that did not start has said so in a line."""
    assert "promptgit: " in why and "Traceback" not in why, why


_OBJECT = re.compile(r"[0-9a-f]{40}")


def is_object(file: Path) -> bool:
    """True of a pack and of a loose object."""
    return file.suffix == ".pack" or len(file.name) == 38


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    return build(tmp_path_factory.mktemp("everything") / "data")


@pytest.mark.parametrize("running", [True, False] if LONG else [True], ids=lambda one: "running" if one else "stopped")
@pytest.mark.parametrize("how", DAMAGES if LONG else ["flipped"])
def test_a_damaged_file_is_seen_and_never_served(
    everything: DataFolder,
    how: str,
    running: bool,
    tmp_path: Path,
    subtests: pytest.Subtests,
    record_property: Callable[[str, object], None],
) -> None:
    under = without_privilege() if how == "unreadable" else []
    files = everything.files()
    tried, well, current = random.Random(f"{how} {running}").sample(files, min(FILES, len(files))), 0, None
    for file in sorted(tried):
        with subtests.test(f"{file} {how}"):
            if current is None or not current.has(file):
                if current is not None:
                    current.close()
                current = Pass(everything, tmp_path / "data", under, running=running)
            try:
                current.attempt(file, how, random.Random(f"{file}"))
            except BaseException:
                current.close()
                current = None
                raise
            well += 1
    if current is not None:
        current.close()
    record_property(f"of {len(tried)} files {how}, all as promised", well)


def run_check(made: DataFolder, under: list[str]) -> subprocess.CompletedProcess[str]:
    if not under:
        return command("check", "--data", str(made.folder))
    arguments = [*under, PROMPTGIT, "check", "--data", str(made.folder)]
    return subprocess.run(arguments, env=environment(), capture_output=True, text=True, check=False)
