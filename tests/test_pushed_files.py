"""Whatever a push writes into the files of releases, checks and rules: reads answer, and the index is as a new one.

Every key has a value of every type of TOML, and of the edges of each type (in the short form, of the worst of them);
and files are no TOML at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from promptgit.app import create_app
from promptgit.exchange import checker
from promptgit.settings import Settings
from promptgit.store.store import Store
from tests.faults import LONG
from tests.support import foreign_commit, git_text

DATES = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999-14:00",
    "1969-12-31T23:59:59Z",
    "2026-01-01T00:00:00",
    "2026-01-01",
    "12:00:00",
]
NUMBERS = ["0", "-1", "2", "1.5", "-0.0", "nan", "inf", *map(str, (10**12, 10**17, 10**18, 2**63 - 1, 2**63, 10**30))]
TEXTS = ['""', '"text"', '"\\u0000"', '"\\U0010ffff\\u202e"', '"con"', '"latest"', '"open"', '"http://["', '"a/../b"']
TREES = ["[]", "[[]]", '["a", 1]', "{}", "[{}]", "{at = 1}", "[1, {at = 2026-01-01}]", '{production = {}, "" = 1}']
ALL = ["true", "false", *TEXTS, *NUMBERS, "9" * 5_000, *DATES, *TREES, "[" * 2_000 + "]" * 2_000]
VALUES = ALL if LONG else ["2", str(10**30), '"latest"', *DATES[1:4:2], "[{}]"]
FILES = [
    b"",
    b"\xff\xfe",
    b"\0",
    b"a = 1\na = 2\n",
    b"a = " + b"[" * 100_000,
    b"a." * 50_000 + b"a = 1\n",
    b"#" * (1 << 20),
    b'description = "' + b"x" * (1 << 20) + b'"\n',
]


def table(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key} = {value}" for key, value in values.items()) + "}"


def document(values: Mapping[str, str]) -> bytes:
    return "".join(f"{key} = {value}\n" for key, value in values.items()).encode()


def variants(sound: Mapping[str, str], values: Iterable[str] = VALUES) -> Iterator[dict[str, str]]:
    """The values, and the same with each other value of each key, and without the key."""
    yield dict(sound)
    for key in sound:
        yield {other: value for other, value in sound.items() if other != key}
        yield from (dict(sound) | {key: value} for value in values)


class Pushed:
    """A service with `support/greeting` of two versions, gated, on whose repository somebody pushes."""

    def __init__(self, folder: Path) -> None:
        self.client: FlaskClient = create_app(Settings(data=folder, auth="off")).test_client()
        self._folder = folder
        self._repository = folder / "prompts.git"
        made = self.client.post("/api/prompts", json={"name": "support/greeting", "content": "1"})
        self.prompt = made.json["id"]
        self.client.put(f"/api/prompts/{self.prompt}", json={"content": "2"})
        self.version = self.client.get(f"/api/prompts/{self.prompt}/versions/2").json["id"]
        self.push({"rules.toml": b"[labels.production]\napprovals = 0\nchecks = ['eval']\n"})

    def push(self, files: Mapping[str, bytes | None]) -> None:
        self._before = git_text(self._repository, "rev-parse", "main")
        foreign_commit(self._repository, files)

    def expect_answers(self, *paths: str) -> None:
        """The reads of the feature, and those of *paths*, answer."""
        where = f"/api/prompts/{self.prompt}"
        shared = [
            *(
                "/api/releases?limit=1000",
                "/api/rules",
                f"/api/changes?limit=1000&after={self._before}",
                "/releases",
                "/releases?state=open",
            ),
            *(f"/api/releases?limit=1000&state={state}" for state in ("open", "ready", "outdated", "released")),
            *(
                f"/api/changes?limit=1000&group=commit&after={self._before}",
                "/releases/new?label=production&from=latest",
            ),
            *(f"{where}/checks", f"{where}/versions/2/checks", f"{where}/labels/production/history"),
            *(f"/prompts/{self.prompt}", f"/prompts/{self.prompt}/versions/2", "/api/prompts?include=content"),
        ]
        answers = {path: self.client.get(path) for path in [*paths, *shared]}
        assert {path: answer.status_code for path, answer in answers.items() if answer.status_code >= 500} == {}
        assert self.client.get("/readyz").status_code == 200

    def expect_same_as_rebuilt(self) -> None:
        """A new index would say the same; that files are ignored, and what goes past releases, may be told."""
        lines = list(checker.differences(Store(self._folder, lock_timeout=5)))
        assert [line for line in lines if line.startswith(("Only ", "The index", "There is no index"))] == []


@pytest.fixture
def pushed(tmp_path: Path) -> Pushed:
    return Pushed(tmp_path / "data")


def releases_of(pushed: Pushed) -> Iterator[bytes]:
    """Files of releases, each with one wrong value: of the release, of a deed, of an item."""
    deed = {"by": '"ada"', "owner": '"ada"', "credential": '"1"', "at": "2026-01-01T00:00:00Z", "description": '"x"'}
    item = {"prompt": '"support/greeting"', "prompt_id": f'"{pushed.prompt}"', "from": "1", "to": "2"}
    item |= {"version_id": f'"{pushed.version}"'}

    def release(state: str, deed: Mapping[str, str], item: Mapping[str, str]) -> dict[str, str]:
        sound = {"label": '"production"', "state": f'"{state}"', "description": '"x"', "when_ready": "true"}
        sound |= {"rollback_of": "1", "opened": table(deed), "approvals": f"[{table(deed)}]"}
        return sound | ({} if state == "open" else {state: table(deed)}) | {"items": f"[{table(item)}]"}

    yield from map(document, variants(release("released", deed, item)))
    yield from (document(release("released", wrong, item)) for wrong in variants(deed))
    yield from (document(release("open", deed, wrong)) for wrong in variants(item))
    yield from FILES


def in_parts(files: Iterable[bytes], name: Callable[[int], str]) -> Iterator[dict[str, bytes]]:
    """Files by path, as many as one push has."""
    named = [(name(number), data) for number, data in enumerate(files, start=1)]
    yield from (dict(named[start : start + 60]) for start in range(0, len(named), 60))


@pytest.mark.slow
def test_files_of_releases(pushed: Pushed) -> None:
    """The releases that are understood can be closed, too: their files are then written anew."""
    for part in in_parts(releases_of(pushed), lambda number: f"releases/{number // 1000}/{number}.toml"):
        pushed.push(part)
        numbers = [path.rpartition("/")[2].removesuffix(".toml") for path in part]
        pushed.expect_answers(*(f"{face}/releases/{number}" for number in numbers for face in ("/api", "")))
        for number in numbers:
            assert pushed.client.post(f"/api/releases/{number}/reject", json={}).status_code < 500
        pushed.expect_same_as_rebuilt()
        pushed.push(dict.fromkeys(part))
    pushed.expect_answers()
    pushed.expect_same_as_rebuilt()


def test_files_of_checks(pushed: Pushed) -> None:
    sound = {"prompt": '"support/greeting"', "prompt_id": f'"{pushed.prompt}"', "version": "2", "state": '"success"'}
    sound |= {"summary": '"x"', "url": '"https://ci.example.org/1"'}
    folder = f"checks/{pushed.version[:2]}/{pushed.version[2:]}"
    files = [*map(document, variants(sound)), *FILES]
    for part in in_parts(files, lambda number: f"{folder}/c{number}"):
        pushed.push(part)
        checks = [path.rpartition("/")[2] for path in part]
        pushed.expect_answers(*(f"/api/prompts/{pushed.prompt}/versions/2/checks/{check}" for check in checks))
        pushed.expect_same_as_rebuilt()
    pushed.push({f"{folder}/c1": None, f"{folder}/c1/x": b"", f"{folder}/con": files[0], f"{folder}/\n": files[0]})
    pushed.expect_answers()
    pushed.expect_same_as_rebuilt()


@pytest.mark.slow
def test_rules(pushed: Pushed) -> None:
    """Each in a push of its own, for there is one file."""
    sound = {"approvals": "1", "checks": '["eval"]', "prefixes": '["support/"]'}
    tables = [b"labels.production = " + table(values).encode() for values in variants(sound)]
    tables += [f"{key} = {value}\n".encode() for value in VALUES for key in ("labels", "labels.production", "other")]
    for content in [*tables, *FILES]:
        pushed.push({"rules.toml": content, "labels/production/support/greeting": None})
        paths = ("/readyz", "/api/rules", "/releases", f"/prompts/{pushed.prompt}")
        assert [path for path in paths if pushed.client.get(path).status_code >= 500] == [], content[:200]
    pushed.push({"rules.toml": None, "rules.toml/x": b""})
    pushed.expect_answers()
    pushed.expect_same_as_rebuilt()
