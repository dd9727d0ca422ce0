"""The index is only a shadow of the history: whatever becomes of its file, a server answers as with a new one."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from promptgit.store.store import Store
from tests.faults import FULL, LONG, attempts, damage
from tests.support import PROMPTGIT, Http, Server, command, environment, git, wait_for

PROMPTS = 50
VERSIONS = 400
BEHIND = attempts(300, 3_000, 10_000)
"""By how many commits an index is behind."""
TIMES = attempts(1, 2, 25)
"""How often each damage is tried."""
KILLS = attempts(1, 4, 100)
BUILT = attempts(1_000, 5_000, 20_000)
"""How many commits the history has in whose building a server is killed."""
PATIENCE_SECONDS = 600


def commit(repository: Path, count: int, mark: str) -> None:
    """Commit so many saves, every tenth of them with a label's move, with git alone."""
    chance = random.Random(mark)
    stream = [b"reset refs/heads/main\nfrom refs/heads/main^0\n\n"]
    for at in range(count):
        name, text = f"many/p{chance.randrange(PROMPTS)}", f"{mark} {at}\n" * chance.randrange(1, 20)
        stream.append(
            b"commit refs/heads/main\ncommitter a <a@example.org> %d +0000\ndata 1\nx\n" % (1_700_000_000 + at)
        )
        stream.append(b"M 100644 inline prompts/%s.md\ndata %d\n%s\n" % (name.encode(), len(text), text.encode()))
        if at % 10 == 0:
            stream.append(b"M 100644 inline labels/production/%s\ndata 2\n1\n\n" % name.encode())
    git(repository, "fast-import", "--quiet", data=b"".join(stream))


def folder_with(folder: Path, commits: int, mark: str = "first") -> Path:
    """A folder with a history, and no index yet."""
    store = Store(folder, lock_timeout=5)
    store.open(catch_up=False)
    store.close()
    commit(folder / "prompts.git", commits, mark)
    return folder


def told(server: Server) -> list[bytes]:
    """All that a server answers of its history."""
    http = Http(server.url, PATIENCE_SECONDS)
    prompts = http("GET", "/api/prompts?limit=1000&include=content")
    assert prompts.status == 200, prompts
    found, after = [prompts.body, http("GET", "/api/prompts?label=production&limit=1000").body], ""
    for prompt in prompts.json:
        where = f"/api/prompts/{prompt['id']}"
        found += [http("GET", f"{where}{rest}").body for rest in ("/versions", "/labels", "/labels/production/history")]
    while (page := http("GET", f"/api/changes?limit=1000{after}")).json:
        found.append(page.body)
        after = f"&after={page.headers['X-Last-Commit']}"
    return found


def fresh(folder: Path) -> list[bytes]:
    """What a server answers with a new index."""
    remove_index(folder)
    with Server(folder) as server:
        answers = told(server)
        assert server.stop() == 0
    return answers


def remove_index(folder: Path) -> None:
    for file in folder.glob("index.sqlite3*"):
        file.unlink()


def expect_shadow(folder: Path, answers: list[bytes], *, has_damage: bool = False) -> bool:
    """Raise unless a server of the folder answers so, and the rows of its index are those of a new one.

    With *has_damage* a part of the file that no answer has read may be damaged: True, if `promptgit check` has told so.
    """
    with Server(folder) as server:
        assert told(server) == answers
        assert server.stop() == 0
    checked = command("check", "--quick", "--data", str(folder))
    is_told = has_damage and checked.returncode == 1 and "promptgit reindex" in checked.stdout
    if is_told:
        assert command("reindex", "--data", str(folder)).returncode == 0
        checked = command("check", "--quick", "--data", str(folder))
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
    return is_told


def older_schema(index: Path, _: random.Random) -> None:
    with closing(sqlite3.connect(index)) as connection:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {schema - 1}")


def flip_page(index: Path, chance: random.Random) -> None:
    start = 4_096 * chance.randrange(index.stat().st_size // 4_096) * 8
    for _ in range(20):
        damage.flip(index, start + chance.randrange(4_096 * 8))


DAMAGES: dict[str, Callable[[Path, random.Random], None]] = {
    "deleted": lambda index, _: index.unlink(),
    "truncated": lambda index, chance: damage.truncate(index, chance.randrange(index.stat().st_size)),
    "a page flipped": flip_page,
    "a page emptied": lambda index, chance: damage.zero(
        index, 4_096 * chance.randrange(index.stat().st_size // 4_096), 4_096
    ),
    "an older schema": older_schema,
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """A folder whose server was stopped, and what it has answered."""
    folder = folder_with(tmp_path_factory.mktemp("sound") / "data", VERSIONS)
    return folder, fresh(folder)


@pytest.mark.parametrize("how", DAMAGES if LONG else ["an older schema"])
def test_a_damaged_index_answers_as_a_new_one(
    how: str, sound: tuple[Path, list[bytes]], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    unread = 0
    for at in range(TIMES):
        folder = tmp_path / f"{at}"
        shutil.copytree(sound[0], folder)
        DAMAGES[how](folder / "index.sqlite3", random.Random(f"{how} {at}"))
        unread += expect_shadow(folder, sound[1], has_damage=True)
        shutil.rmtree(folder)
    record_property(f"indexes: {how}", TIMES)
    record_property("of them damaged where no answer looked, and told by promptgit check", unread)


@pytest.mark.skipif(not LONG, reason="of the long form: make faults")
def test_the_index_of_another_repository_is_not_believed(
    sound: tuple[Path, list[bytes]], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    for at in range(TIMES):
        other = folder_with(tmp_path / f"other {at}", VERSIONS, f"other {at}")
        fresh(other)
        folder = tmp_path / f"{at}"
        shutil.copytree(sound[0], folder)
        shutil.copy(other / "index.sqlite3", folder / "index.sqlite3")
        expect_shadow(folder, sound[1])
    record_property("indexes of another repository", TIMES)


def test_an_index_that_is_behind_takes_in_the_rest(
    sound: tuple[Path, list[bytes]], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sound[0], folder)
    commit(folder / "prompts.git", BEHIND, "more")
    shutil.copytree(folder, tmp_path / "copy")
    expect_shadow(folder, fresh(tmp_path / "copy"))
    record_property("commits that an index was behind", BEHIND)


@pytest.mark.skipif(not LONG, reason="of the long form: make faults")
def test_an_index_whose_building_was_killed_is_built_the_next_time(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Each time at another size of the file that it writes."""
    folder = folder_with(tmp_path / "data", BUILT)
    answers = fresh(folder)
    whole, chance, killed = (folder / "index.sqlite3").stat().st_size, random.Random("kills"), 0
    remove_index(folder)
    for at in range(KILLS):
        enough, left = chance.randrange(whole), inode_of(folder / "index.sqlite3.new")
        building = [PROMPTGIT, "reindex", "--data", str(folder)]
        with subprocess.Popen(
            building, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as child:
            wait_for(partial(_has_built, folder, enough, left), PATIENCE_SECONDS)
            child.kill()
        if not (folder / "index.sqlite3").exists():
            killed += 1
        if at % 10 == 9 or at == KILLS - 1:
            expect_shadow(folder, answers)
        if (folder / "index.sqlite3").exists():
            remove_index(folder)
    assert killed > KILLS // 2
    record_property("kills while an index was built", killed)


def _has_built(folder: Path, size: int, left: int | None) -> bool:
    """True if the index that is being built has this size in bytes, or is complete; *left* is a killed one's inode."""
    new = folder / "index.sqlite3.new"
    return (inode_of(new) != left and size_of(new) >= size) or (folder / "index.sqlite3").exists()


def inode_of(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


def size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return -1


@pytest.mark.skipif(not FULL, reason="of the full form: make campaigns")
def test_how_long_an_index_of_many_versions_takes(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """By `promptgit reindex`: seconds, and those of them in which a processor was at work for it."""
    versions = 100_000
    folder = folder_with(tmp_path / "data", versions)
    for _ in range(3):
        start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        arguments = [PROMPTGIT, "reindex", "--data", str(folder)]
        subprocess.run(arguments, env=environment(), check=True, stderr=subprocess.DEVNULL)
        seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        record_property(f"s for {versions:,} versions, {worked:.1f} s of a processor", f"{seconds:.1f}")
