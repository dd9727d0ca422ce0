"""Git works in the repository without asking anybody, beside writers, readers, clones and upkeep.

Everything that docs/repository.md allows, again and again, one command of an administrator after the other: no request
fails, no command of git fails, and nothing is lost that either has acknowledged. Other gits than the one in the path
are tried where PROMPTGIT_TEST_GITS has their folders, with `:` between.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults import attempts
from tests.faults.administrators import Administrator
from tests.faults.checker import check
from tests.faults.load import Load
from tests.support import Http, Server, command, git

OTHER_GITS = [folder for folder in os.environ.get("PROMPTGIT_TEST_GITS", "").split(os.pathsep) if folder]
SECONDS = attempts(0, 20, 600)
"""How long it goes on; each kind of work is done at least once."""
REPEATS = 9
"""How often a clone, or an upkeep, that met packs which somebody replaced is tried again before it has failed."""
SECONDS_OF_ANOTHER_GIT = attempts(0, 10, 120)


class Work:
    """Threads that do something again and again until the `with` block ends, and once at least; none may fail."""

    def __init__(self, *works: Callable[[], object]) -> None:
        self.failures: list[Exception] = []
        self.done: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]

    def _repeat(self, work: Callable[[], object]) -> None:
        try:
            while not self.done[work.__name__] or not self._stop.is_set():
                work()
                self.done[work.__name__] += 1
        except Exception as error:
            self.failures.append(error)

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("gits", ["", *OTHER_GITS])
def test_git_beside_the_service_harms_nothing(
    gits: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder, path = tmp_path / "data", os.pathsep.join(filter(None, [gits, os.environ["PATH"]]))
    version = git(tmp_path, "version", PATH=path).decode().split()[2]
    settings = {"PROMPTGIT_LOCK_TIMEOUT": "60", "PROMPTGIT_UPKEEP_INTERVAL": "1", **({"PATH": path} if gits else {})}
    with Server(folder, "--workers", "1", **settings) as one, Server(folder, "--workers", "1", **settings) as other:
        keeper, pusher = (Administrator(folder, tmp_path / name, gits) for name in ("keeper", "pusher"))
        with Load([one.url, other.url], clients=3) as load:
            load.until(3)
            http, chance, repeated = Http(other.url), random.Random(1), Counter[str]()

            def again(what: str, attempt: Callable[[], object]) -> None:
                for _ in range(REPEATS):
                    try:
                        attempt()
                    except AssertionError:
                        repeated[what] += 1
                    else:
                        return
                attempt()

            def read() -> None:
                version = chance.choice(load.known().versions)
                answer = http("GET", f"/api/prompts/{version.prompt}/versions/{version.number}/content")
                assert (answer.status, answer.body) == (200, version.content), answer

            def clone() -> None:
                """One that meets packs which are replaced at that moment is made again, as its user would."""
                url = chance.choice([f"{one.url}/prompts.git", f"file://{folder}/prompts.git"])
                target = tmp_path / f"clone {work.done['clone']}"
                again("clone", lambda: git(tmp_path, "clone", "-q", "--bare", url, str(target)))
                git(target, "rev-list", "--objects", "--count", "main")
                shutil.rmtree(target)

            def upkeep() -> None:
                """The servers do it, too: then it says so."""

                def tend() -> None:
                    done = command("upkeep", "--data", str(folder), **settings)
                    assert done.returncode == 0 or "Another process is at it" in done.stderr, done.stderr

                again("upkeep", tend)

            def administer() -> None:
                """One after the other: `git repack -a -d` drops what no ref reaches, though others count on it."""
                keeper.keep_up()
                pusher.push()
                pusher.merge()
                pusher.import_quickly()

            work = Work(administer, read, clone, upkeep)
            end = time.monotonic() + (SECONDS_OF_ANOTHER_GIT if gits else SECONDS)
            with work:
                while time.monotonic() < end and not work.failures:
                    threading.Event().wait(0.1)
        assert not work.failures, work.failures
        assert [answer.body for answer in load.known().refused] == []
        for name, content in pusher.acknowledged.items():
            prompt = Http(one.url)("GET", f"/api/names/{name.removeprefix('prompts/').removesuffix('.md')}")
            assert (prompt.status, prompt.json["content"]) == (200, content.decode())
        assert one.stop() == other.stop() == 0
    check(folder / "prompts.git", load.known())
    assert command("check", "--data", str(folder)).returncode == 0
    assert [line for line in one.log + other.log if line["level"] in ("error", "critical")] == []
    record_property(f"of git {version}: commands of git", sum((keeper.done + pusher.done).values()))
    record_property("of these given again, for a pack had gone", sum((keeper.repeated + pusher.repeated).values()))
    record_property("pushes, merges and imports", len(pusher.acknowledged))
    record_property("versions written meanwhile", len(load.known().versions))
    record_property("reads", work.done["read"])
    record_property("clones", work.done["clone"])
    record_property("clones and upkeeps made again, for packs had been replaced meanwhile", repeated.total())
    record_property("upkeeps", work.done["upkeep"])
