"""docs/auditing.md, of releases: stock git in a clone says who approved what, on which evidence."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promptgit.auth.everybody import Everybody
from promptgit.auth.people import People
from promptgit.auth.tokens import Scope, Tokens
from promptgit.domain.models import Author
from promptgit.service.evaluations import Told
from promptgit.service.release_plans import Wanted
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.conftest import Clock
from tests.documents import marked, shell
from tests.people import RULES
from tests.support import git, git_text

NAME = "support/greeting"
STEPS, EVIDENCE, MOVES, DAY, OUTSIDE, OVERRIDES, OPENED = marked("auditing.md", "sh")


class History:
    """Releases of one prompt by ada, bob and a CI; an override, and a push by night; each on a day of its own."""

    def __init__(self, store: Store, clock: Clock, folder: Path) -> None:
        self.folder = folder
        self._clock = clock
        self._tokens = Tokens(store.folder)
        self._who = {
            "admin": self._tokens.create("admin", Scope.ADMIN)[0],
            "ada": self._tokens.create("ada", Scope.WRITE, owner="ada@example.org")[0],
            "bob": self._tokens.create("bob", Scope.WRITE, owner="bob@example.org", may_move=["production"])[0],
            "ci": self._tokens.create("ci", Scope.WRITE, may_check=["eval"])[0],
        }
        self._service = Service(store, 1_000, credentials=Everybody(self._tokens, People(store.folder, clock)))
        self.on(1)
        self._service.rules.put(RULES, attribution=self.by("admin", "Gate production"))
        self._prompt = self._service.create("Hello!", name="support/hello", attribution=self.by("ada")).id
        self._service.rename(self._prompt, NAME, attribution=self.by("ada"))
        self._service.save(self._prompt, "Hi!", attribution=self.by("ada"))
        for number in range(1, 12):
            self.open(1, f"Try {number}")
            self._service.releases.withdraw(number, attribution=self.by("ada", "No"))

    def on(self, day: int) -> None:
        self._clock.now = datetime(2026, 2, day, tzinfo=UTC).timestamp()

    def by(self, name: str, description: str = "", *, override: bool = False) -> Attribution:
        token = self._who[name]
        author = Author(name.capitalize(), f"{name}@example.org")
        return Attribution(description, author, None, token.identity, token.rights, override)

    def open(self, number: int, description: str, who: str = "ada") -> int:
        wanted = [Wanted(self._prompt, number)]
        attribution = self.by(who, description)
        return self._service.releases.open("production", wanted, attribution=attribution).release.number

    def release(self, number: int, made: int) -> None:
        """Open, check, approve and make a release, a day for each step."""
        assert self.open(number, f"Ship version {number}") == made
        self.on(int(datetime.fromtimestamp(self._clock.now, UTC).day) + 1)
        told = Told("eval", "success", f"9 of 9 for {number}", None)
        self._service.checks.set(self._prompt, number, told, attribution=self.by("ci"))
        self.on(int(datetime.fromtimestamp(self._clock.now, UTC).day) + 1)
        self._service.releases.approve(made, attribution=self.by("bob", "Read it"))
        self._service.releases.release(made, attribution=self.by("bob"))

    def override(self, number: int) -> None:
        attribution = self.by("admin", "Incident 7", override=True)
        self._service.labels.point(self._prompt, "production", number, attribution=attribution)

    def push(self, number: int) -> None:
        """Move the label with git alone, as an administrator of the repository can; beside a release of another one."""
        clone = self.clone("pushed")
        other = clone / "releases" / "0" / "1.toml"
        text = other.read_text().replace('label = "production"', 'label = "staging"')
        other.write_text(text.replace('state = "withdrawn"', 'state = "released"'))
        (clone / "labels" / "production" / NAME).write_text(f"{number}\n")
        git(clone, "commit", "-qam", "By night", GIT_COMMITTER_DATE="2026-03-05T03:00:00Z")
        git(clone, "push", "-q", "origin", "main")

    def clone(self, name: str) -> Path:
        git(self.folder, "clone", "-q", str(self.folder / "data" / "prompts.git"), name)
        return self.folder / name


@pytest.fixture
def clone(store: Store, clock: Clock, tmp_path: Path) -> Path:
    """A clone of a history: release 12 and 13, an override on 2026-03-04, and a push."""
    history = History(store, clock, tmp_path)
    history.on(10)
    history.release(1, 12)
    history.on(20)
    history.release(2, 13)
    history.on(28)
    history.open(1, "Back again", who="bob")
    clock.now = datetime(2026, 3, 4, tzinfo=UTC).timestamp()
    history.override(1)
    history.push(2)
    return history.clone("audit")


def test_who_approved_it_and_when(clone: Path) -> None:
    told = shell(STEPS, clone)
    steps = [line.split("  ")[1:] for line in told.splitlines()[:3]]
    assert steps == [
        ["2026-02-10 00:00:00 +0000", "ada", "Ship version 1"],
        ["2026-02-12 00:00:00 +0000", "bob", "Read it"],
        ["2026-02-12 00:00:00 +0000", "bob", f"Release 12 to production: version 1 of {NAME}"],
    ]
    for said in ('state = "released"', 'owner = "bob@example.org"', 'description = "Read it"', "to = 1"):
        assert said in told


def test_on_which_evidence(clone: Path) -> None:
    """Of this release's versions alone, although another version was evaluated later."""
    told = shell(EVIDENCE, clone)
    assert 'state = "success"' in told and 'summary = "9 of 9 for 1"' in told
    assert f'prompt = "{NAME}"' in told and "for 2" not in told
    *_, last = told.splitlines()
    assert last.split("  ")[1:] == [
        "2026-02-11 00:00:00 +0000",
        "ci",
        f"Check eval of version 1 of {NAME}: success",
    ]


def test_what_it_moved(clone: Path) -> None:
    told = shell(MOVES, clone)
    assert told.split("  ")[1:2] == ["2026-02-12 00:00:00 +0000"]
    assert f"+++ b/labels/production/{NAME}\n" in told and told.endswith("\n+1\n")


@pytest.mark.parametrize(
    ("day", "number", "text"),
    [("2026-02-13T00:00:00Z", 1, "Hello!"), ("2026-03-01T00:00:00Z", 2, "Hi!"), ("2026-03-04T12:00:00Z", 1, "Hello!")],
)
def test_what_was_in_production_on_a_day(clone: Path, day: str, number: int, text: str) -> None:
    """With its text, although the first version had another name."""
    told = shell(DAY.replace("2026-03-01T00:00:00Z", day), clone)
    pointer, said = told.splitlines()
    assert pointer.partition(":")[2] == f"labels/production/{NAME}:{number}"
    assert said == text


def test_what_came_without_a_release(clone: Path) -> None:
    (first, *_) = told = shell(OUTSIDE, clone).splitlines()
    assert first.split("  ")[1:] == ["2026-03-05 03:00:00 +0000", "admin <admin@example.org>", "By night"]
    assert sum("+0000" in line for line in told) == 1


def test_what_was_an_override(clone: Path) -> None:
    head, _, file = shell(OVERRIDES, clone).splitlines()
    assert head.split("  ")[1:] == ["2026-03-04 00:00:00 +0000", "admin", "Incident 7"]
    assert file == "releases/0/15.toml"


def test_what_ada_opened(clone: Path) -> None:
    """All but the one that bob opened and the override, by her credential and by her as its owner."""
    told = shell(OPENED, clone).splitlines()
    files = [line for line in told if re.fullmatch(r"releases/0/\d+\.toml", line)]
    owned = [found[0] for line in told if (found := re.search(r"releases/0/\d+\.toml(?=.owner)", line))]
    assert sorted(files) == sorted(owned) == sorted(f"releases/0/{number}.toml" for number in range(1, 14))


def test_the_clone_is_all_that_it_takes(clone: Path) -> None:
    """Nothing of these blocks asks a server, or a file beside the repository."""
    for block in (STEPS, EVIDENCE, MOVES, DAY, OUTSIDE, OVERRIDES, OPENED):
        assert "promptgit" not in block
    assert git_text(clone, "status", "--porcelain") == ""
