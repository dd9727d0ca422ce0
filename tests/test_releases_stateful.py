"""Any sequence of saves, checks, releases, overrides, pushes and restarts agrees with a model of a few lines."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from promptgit.auth.everybody import Everybody
from promptgit.auth.people import People
from promptgit.auth.tokens import Scope, Token, Tokens
from promptgit.errors import (
    CheckProtected,
    Forbidden,
    Invalid,
    LabelGated,
    PromptgitError,
    ReleaseClosed,
    ReleaseNotReady,
    ReleaseOutdated,
    RollbackRefused,
    SelfApproval,
)
from promptgit.exchange import checker
from promptgit.service.evaluations import Told
from promptgit.service.release_plans import Wanted
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.faults import LONG
from tests.support import assert_sound, foreign_commit

pytestmark = pytest.mark.slow

NAMES = ("a", "b/c")
OWNERS = ("ada", "bob", "eve")
PICKS = st.integers(0, 1_000)
AGES = st.sampled_from([0, 0, 0, 1, 1, 2, 3])  # of releases; 0 is the newest
WHO = st.sampled_from([*OWNERS, "ada-2", "root"])
STATES = st.sampled_from(["success", "failure", "pending"])


@dataclass
class Prompt:
    """What the model knows of a prompt: who wrote which version, where the label points, and its last move."""

    id: str
    writers: list[str]
    label: int | None = None
    moved: int = 0  # the number of the move


@dataclass
class Release:
    """What the model knows of a release."""

    opener: str
    items: dict[str, tuple[int | None, int]]
    moves: int  # how many moves there were when it was opened
    when_ready: bool
    state: str = "open"
    approvals: list[tuple[str, str]] = field(default_factory=list)  # owner and token
    made: dict[str, int] = field(default_factory=dict)  # the moves that it made


class Releases(RuleBasedStateMachine):
    """Everything that concerns one gated label of two prompts."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.tokens = Tokens(self.path)
        self.open_folder()
        self.who: dict[str, Token] = {}
        for name in (*OWNERS, "ada-2", "root"):
            scope = Scope.ADMIN if name == "root" else Scope.WRITE
            rights = {} if name == "root" else {"may_move": ["live"], "may_check": ["eval"] if name == "eve" else []}
            self.who[name] = self.tokens.create(name, scope, owner=name.removesuffix("-2"), **rights)[0]
        self.needed, self.asks = 1, False
        self.service.rules.put("[labels.live]\n", attribution=self.by("root"))
        self.prompts = {}
        for name in NAMES:
            made = self.service.create("ada", name=name, attribution=self.by("ada"))
            for owner in OWNERS[1:]:
                self.service.save(made.id, owner, attribution=self.by(owner))
            self.prompts[name] = Prompt(made.id, [*OWNERS])
        self.checks: dict[tuple[str, int], str] = {}
        self.releases: list[Release] = []
        self.revoked: set[str] = set()
        self.count = 0  # of moves
        self.others = 0  # releases that overrides and rollbacks have made
        self.numbers: dict[int, Release] = {}

    def open_folder(self) -> None:
        self.store = Store(self.path, lock_timeout=5)
        self.store.open()
        self.service = Service(self.store, 1_000, credentials=Everybody(self.tokens, People(self.path)))

    def by(self, name: str, **more: Any) -> Attribution:
        token = self.who[name]
        return Attribution("why", committer=token.identity, rights=token.rights, **more)

    # The model

    def move(self, name: str, number: int | None) -> None:
        if self.prompts[name].label != number:
            self.count += 1
            self.prompts[name].label, self.prompts[name].moved = number, self.count

    def is_outdated(self, release: Release) -> bool:
        return any(
            self.prompts[name].label != before or self.prompts[name].moved > release.moves
            for name, (before, _) in release.items.items()
        )

    def counting(self, release: Release) -> set[str]:
        return {owner for owner, token in release.approvals if token not in self.revoked}

    def is_missing(self, release: Release) -> bool:
        unchecked = any(self.checks.get((name, to)) != "success" for name, (_, to) in release.items.items())
        return len(self.counting(release)) < self.needed or (self.asks and unchecked)

    def make(self, release: Release) -> None:
        release.state = "released"
        for name, (_, to) in release.items.items():
            before = self.count
            self.move(name, to)
            release.made[name] = self.prompts[name].moved if self.count > before else 0

    def ripen(self, name: str, number: int) -> None:
        """What a check of a version releases by itself."""
        for release in self.releases:
            if release.state != "open" or not release.when_ready or release.items.get(name, (0, 0))[1] != number:
                continue
            if not self.is_outdated(release) and not self.is_missing(release):
                self.make(release)

    def wrote(self, release: Release, owner: str) -> bool:
        return any(
            owner in self.prompts[name].writers[min(before or 0, to - 1) : to]
            for name, (before, to) in release.items.items()
        )

    # What is done

    @rule(who=WHO, pick=PICKS)
    def save(self, who: str, pick: int) -> None:
        prompt = self.prompts[NAMES[pick % len(NAMES)]]
        prompt.writers.append(who.removesuffix("-2"))
        self.service.save(prompt.id, f"{len(prompt.writers)}", attribution=self.by(who))

    @rule(who=WHO, pick=PICKS, state=STATES)
    def check(self, who: str, pick: int, state: str) -> None:
        name = NAMES[pick % len(NAMES)]
        prompt = self.prompts[name]
        number = pick % len(prompt.writers) + 1
        told = Told("eval", state)
        if self.asks and who not in ("eve", "root"):
            with pytest.raises(CheckProtected):
                self.service.checks.set(prompt.id, number, told, attribution=self.by(who))
            return
        self.service.checks.set(prompt.id, number, told, attribution=self.by(who))
        if self.checks.get((name, number)) != state:
            self.checks[name, number] = state
            self.ripen(name, number)

    @rule(who=WHO, picks=st.lists(PICKS, min_size=1, max_size=2), when_ready=st.booleans())
    def propose(self, who: str, picks: list[int], when_ready: bool) -> None:
        wanted = {name: pick % len(self.prompts[name].writers) + 1 for name, pick in zip(NAMES, picks, strict=False)}
        items = {name: (self.prompts[name].label, number) for name, number in wanted.items()}
        asked = [Wanted(self.prompts[name].id, number) for name, number in wanted.items()]

        def call() -> Any:
            return self.service.releases.open("live", asked, when_ready=when_ready, attribution=self.by(who))

        if all(before == to for before, to in items.values()):
            with pytest.raises(Invalid):
                call()
            return
        number = len(self.releases) + 1 + self.others
        assert call().release.number == number
        release = self.numbers[number] = Release(who.removesuffix("-2"), items, self.count, when_ready)
        self.releases.append(release)
        if when_ready and not self.is_missing(release):
            self.make(release)

    def step(self, refusal: type[PromptgitError] | None, call: Any) -> bool:
        """Take a step of a release, which is refused with *refusal*; false if it was."""
        if refusal is None:
            call()
            return True
        with pytest.raises(refusal):
            call()
        return False

    @rule(who=WHO, pick=AGES)
    def approve(self, who: str, pick: int) -> None:
        self.take(who, pick, "approve")

    @rule(who=WHO, pick=AGES, is_approved=st.booleans())
    def release(self, who: str, pick: int, is_approved: bool) -> None:
        if is_approved:
            for name in OWNERS:
                self.take(name, pick, "approve")
        self.take(who, pick, "release")

    @rule(who=WHO, pick=AGES, kind=st.sampled_from(["reject", "withdraw", "roll_back", "roll_back", "roll_back"]))
    def end(self, who: str, pick: int, kind: str) -> None:
        self.take(who, pick, kind)

    def take(self, who: str, age: int, kind: str) -> None:
        """Somebody takes a step of a release, the newest one or an older one, which may be refused."""
        if not self.numbers:
            return
        number = sorted(self.numbers)[-1 - age % len(self.numbers)]
        release, owner = self.numbers[number], who.removesuffix("-2")
        refusal = getattr(self, f"refuses_{kind}")(release, owner)
        counted = kind == "approve" and refusal is None and owner in self.counting(release)
        if self.step(refusal, lambda: getattr(self.service.releases, kind)(number, attribution=self.by(who))):
            if kind == "approve" and not counted:
                release.approvals.append((owner, self.who[who].id))
                if release.when_ready and not self.is_missing(release):
                    self.make(release)
            elif kind == "release":
                self.make(release)
            elif kind == "roll_back":
                self.others += 1
                for name, (before, to) in release.items.items():
                    if before != to:
                        self.move(name, before)
            elif kind != "approve":
                release.state = {"reject": "rejected", "withdraw": "withdrawn"}[kind]

    @property
    def released(self) -> set[tuple[str, int | None]]:
        """Which version of which prompt a release has shown."""
        return {(name, to) for one in self.releases if one.state == "released" for name, (_, to) in one.items.items()}

    def refuses_approve(self, release: Release, owner: str) -> type[PromptgitError] | None:
        if release.state != "open":
            return ReleaseClosed
        if owner in self.counting(release):
            return None
        if self.is_outdated(release):
            return ReleaseOutdated
        return SelfApproval if owner == release.opener or self.wrote(release, owner) else None

    def refuses_reject(self, release: Release, _: str) -> type[PromptgitError] | None:
        return None if release.state == "open" else ReleaseClosed

    def refuses_withdraw(self, release: Release, owner: str) -> type[PromptgitError] | None:
        if release.state != "open":
            return ReleaseClosed
        return None if owner in (release.opener, "root") else Forbidden

    def refuses_release(self, release: Release, _: str) -> type[PromptgitError] | None:
        if release.state != "open":
            return ReleaseClosed
        if self.is_outdated(release):
            return ReleaseOutdated
        return ReleaseNotReady if self.is_missing(release) else None

    def refuses_roll_back(self, release: Release, _: str) -> type[PromptgitError] | None:
        if release.state != "released":
            return RollbackRefused
        for name, (before, to) in release.items.items():
            if self.prompts[name].label != to:
                return RollbackRefused
            if before == to:
                continue
            if self.prompts[name].moved != release.made[name]:
                return RollbackRefused
            if before is None or (name, before) not in self.released:
                return RollbackRefused
        return None

    @rule(who=WHO, pick=PICKS, override=st.booleans())
    def move_directly(self, who: str, pick: int, override: bool) -> None:
        name = NAMES[pick % len(NAMES)]
        prompt = self.prompts[name]
        number = pick % len(prompt.writers) + 1

        def call() -> None:
            self.service.labels.point(prompt.id, "live", number, attribution=self.by(who, override=override))

        if prompt.label == number:
            call()
        elif not override:
            assert not self.step(LabelGated, call)
        elif self.step(None if who == "root" else Forbidden, call):
            self.others += 1
            self.move(name, number)

    @rule(pick=PICKS)
    def push(self, pick: int) -> None:
        """An administrator moves the label with git."""
        name = NAMES[pick % len(NAMES)]
        number = pick % len(self.prompts[name].writers) + 1
        foreign_commit(self.store.repository.path, {f"labels/live/{name}": b"%d\n" % number}, "By hand")
        self.move(name, number)

    @rule(approvals=st.integers(0, 2), asks=st.booleans())
    def rule_otherwise(self, approvals: int, asks: bool) -> None:
        checks = '["eval"]' if asks else "[]"
        content = f"[labels.live]\napprovals = {approvals}\nchecks = {checks}\n"
        self.service.rules.put(content, attribution=self.by("root"))
        self.needed, self.asks = approvals, asks

    @rule(who=st.sampled_from(["bob", "eve"]))
    def revoke(self, who: str) -> None:
        self.tokens.revoke(self.who[who].id)
        self.revoked.add(self.who[who].id)
        name = f"{who} {len(self.revoked)}.{len(self.who)}"
        self.who[who] = self.tokens.create(
            name, Scope.WRITE, owner=who, may_move=["live"], may_check=["eval"] if who == "eve" else []
        )[0]
        self.who[name] = self.who[who]

    @rule()
    def restart_without_index(self) -> None:
        self.store.close()
        self.store.index.path.unlink()
        self.open_folder()

    @invariant()
    def everything_agrees(self) -> None:
        for name, prompt in self.prompts.items():
            found = self.service.get(prompt.id)
            assert (found.newest.number, found.labels.get("live")) == (len(prompt.writers), prompt.label), name
        for number, release in self.numbers.items():
            judged = self.service.releases.get(number)
            expected = release.state
            if expected == "open":
                expected = "outdated" if self.is_outdated(release) else "open" if self.is_missing(release) else "ready"
            assert (number, judged.state) == (number, expected)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            outside = [line for line in checker.differences(self.store) if not line.startswith("outside: ")]
            assert outside == []
            assert_sound(self.store.repository.path)
            self.store.close()
            self.folder.cleanup()


def test_any_sequence_of_steps_agrees_with_a_model() -> None:
    run_state_machine_as_test(Releases, settings=settings(max_examples=60 if LONG else 8, stateful_step_count=30))
