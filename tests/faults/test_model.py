"""Any sequence of requests, pushes, upkeeps, restarts and kills leaves what a model of the contract says."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from tests.faults import attempts
from tests.faults.model import GATED, Prompt, Release
from tests.faults.modelled import COUNTS, SOME_UUID, Compared
from tests.support import command, foreign_commit

pytestmark = [pytest.mark.server, pytest.mark.slow]

STEPS = attempts(50, 100, 100)
PARTS, EXAMPLES = attempts(1, 4, 50), attempts(2, 3, 3)
"""How many tests, and how many sequences each of them tries; the first one of each is a single step."""
NAMES = st.sampled_from(["a", "A", "b", "d/a", "D/A", "a.md/x", "a/b", "straße", "STRASSE", SOME_UUID])
FOREIGN_NAMES = st.sampled_from(["b", "B", "d/b", "d/é"])
CONTENTS = st.sampled_from(["", "x", "y", "line\r\n", "\ufeff東京\n"])
LABELS = st.sampled_from(["production", "x"])
PICKS = st.integers(0, 1_000)
KINDS = st.sampled_from(["save", "label", "check", "delete"])


class Requests(Compared):
    """What is done: requests of every kind, and what else happens to the folder."""

    def pick(self, pick: int, *, living: bool = False) -> Prompt:
        prompts = self.model.living() if living else self.model.prompts
        return prompts[pick % len(prompts)]

    def has_prompts(self) -> bool:
        return bool(self.model.prompts)

    def has_living(self) -> bool:
        return bool(self.model.living())

    def is_slow_turn(self) -> bool:
        """True at one step in four: what starts processes takes a hundred times as long as a request."""
        return self.taken % 4 == 0

    # Writes

    @rule(name=NAMES, content=CONTENTS)
    def create(self, name: str, content: str) -> None:
        made = self.step(self.model.refuses_new(name), "POST", "/api/prompts", {"name": name, "content": content})
        if made is not None:
            assert made["version_number"] == self.model.write(name, content, made["id"]).number

    @rule(name=NAMES, content=CONTENTS)
    def put(self, name: str, content: str) -> None:
        refused = [] if self.model.named(name) else self.model.refuses_new(name)
        made = self.step(refused, "PUT", f"/api/names/{quote(name)}", {"content": content})
        if made is not None:
            assert made["version_number"] == self.model.write(name, content, made["id"]).number

    @precondition(has_prompts)
    @rule(pick=PICKS, content=CONTENTS)
    def save(self, pick: int, content: str) -> None:
        prompt = self.pick(pick)
        refused = [] if prompt.living else [410]
        saved = self.step(refused, "PUT", f"/api/prompts/{prompt.id}", {"content": content})
        if saved is not None:
            assert saved["version_number"] == self.model.write(prompt.name, content, prompt.id).number

    @precondition(has_prompts)
    @rule(pick=PICKS, name=NAMES)
    def rename(self, pick: int, name: str) -> None:
        prompt = self.pick(pick)
        refused = self.model.refuses_rename(prompt, name, SOME_UUID)
        if self.step(refused, "PATCH", f"/api/prompts/{prompt.id}", {"name": name}) is not None:
            self.model.rename(prompt, name)

    @precondition(has_prompts)
    @rule(pick=PICKS)
    def delete(self, pick: int) -> None:
        prompt = self.pick(pick)
        if self.step(self.model.refuses_delete(prompt), "DELETE", f"/api/prompts/{prompt.id}") is not None:
            self.model.delete(prompt)

    @precondition(has_prompts)
    @rule(pick=PICKS, which=PICKS)
    def revert(self, pick: int, which: int) -> None:
        prompt = self.pick(pick)
        number = which % prompt.number + 1
        path = f"/api/prompts/{prompt.id}/versions/{number}/revert"
        made = self.step(self.model.refuses_revert(prompt), "POST", path)
        if made is not None:
            self.model.revert(prompt, number)
            assert made["version_number"] == prompt.number

    @precondition(has_living)
    @rule(pick=PICKS, label=LABELS, number=st.integers(1, 4))
    def label(self, pick: int, label: str, number: int) -> None:
        prompt = self.pick(pick, living=True)
        refused = [404] if number > prompt.number else []
        path = f"/api/prompts/{prompt.id}/labels/{label}"
        if self.step(refused, "PUT", path, {"version_number": number}) is not None:
            self.model.point(prompt.name, label, number)

    @precondition(has_living)
    @rule(pick=PICKS, which=PICKS, state=st.sampled_from(["success", "failure", "pending"]))
    def check(self, pick: int, which: int, state: str) -> None:
        prompt = self.pick(pick, living=True)
        number = which % prompt.number + 1
        self.step([], "PUT", f"/api/prompts/{prompt.id}/versions/{number}/checks/eval", {"state": state})
        prompt.checks[number, "eval"] = state

    @precondition(has_living)
    @rule(picks=st.lists(st.tuples(PICKS, KINDS, CONTENTS), min_size=1, max_size=3, unique_by=lambda one: one[0]))
    def commit(self, picks: list[tuple[int, str, str]]) -> None:
        """Several changes, each of another prompt."""
        wanted = {self.pick(pick, living=True): (kind, content) for pick, kind, content in picks}
        refused = any(kind == "delete" and self.model.refuses_delete(prompt) for prompt, (kind, _) in wanted.items())
        bodies: dict[str, dict[str, Any]] = {
            "label": {"label": "x", "version_number": "new"},
            "check": {"check": "eval", "version_number": 1, "state": "success"},
            "delete": {"delete": True},
        }
        changes = [
            {"prompt_id": prompt.id, **bodies.get(kind, {"content": content})}
            for prompt, (kind, content) in wanted.items()
        ]
        made = self.step([403] if refused else [], "POST", "/api/commits", {"changes": changes})
        if made is None:
            return
        for result, (prompt, (kind, content)) in zip(made["results"], wanted.items(), strict=True):
            if kind == "save":
                self.model.write(prompt.name, content, prompt.id)
            elif kind == "label":
                self.model.point(prompt.name, "x", prompt.number)
            elif kind == "check":
                prompt.checks[1, "eval"] = "success"
            else:
                self.model.delete(prompt)
            assert (result["prompt_id"], result["version_number"]) == (prompt.id, prompt.number)

    @rule(label=LABELS)
    def promote(self, label: str) -> None:
        source = "x" if label == "production" else "production"
        if any(source in self.model.labels(prompt) for prompt in self.model.living()):
            self.step([], "POST", f"/api/labels/{label}/promote", {"from": source})
            self.model.promote(label, source)

    @precondition(has_living)
    @rule(pick=PICKS, which=PICKS)
    def propose(self, pick: int, which: int) -> None:
        prompt = self.pick(pick, living=True)
        number = which % prompt.number + 1
        refused = [422] if self.model.labels(prompt).get(GATED) == number else []
        items = [{"prompt_id": prompt.id, "version_number": number}]
        body = {"label": GATED, "items": items, "description": "why"}
        opened = self.step(refused, "POST", "/api/releases", body)
        if opened is not None:
            assert opened["number"] == len(self.model.releases) + 1
            self.model.releases[opened["number"]] = Release(prompt, number, self.model.moves[prompt.id])

    @rule(age=st.integers(0, 3))
    def release(self, age: int) -> None:
        """Make one of the newest releases."""
        if self.model.releases:
            number = max(self.model.releases) - age % len(self.model.releases)
            release = self.model.releases[number]
            refused = self.model.refuses_release(release)
            if self.step(refused, "POST", f"/api/releases/{number}/release", {}) is not None:
                self.model.release(release)

    # What else happens to the folder

    @rule(name=FOREIGN_NAMES, content=CONTENTS)
    def write_with_git(self, name: str, content: str) -> None:
        foreign_commit(self.repository, {f"prompts/{name}.md": content.encode()})
        found = self.http("GET", f"/api/names/{quote(name)}").json
        self.model.write(name, content, found["id"], is_ours=False)

    @precondition(has_living)
    @rule(pick=PICKS, name=FOREIGN_NAMES)
    def move_with_git(self, pick: int, name: str) -> None:
        prompt = self.pick(pick, living=True)
        if self.model.clashes(name) or GATED in self.model.labels(prompt):
            return
        path = self.http("GET", f"/api/prompts/{prompt.id}").json["path"]
        content = prompt.contents[-1].encode()
        foreign_commit(self.repository, {path: None, f"prompts/{name}.md": content})
        self.model.rename(prompt, name, is_ours=False)

    @rule(name=FOREIGN_NAMES, label=LABELS, number=st.none() | st.integers(1, 4))
    def label_with_git(self, name: str, label: str, number: int | None) -> None:
        """Also where no prompt is, and at versions that are not there."""
        if self.model.point(name, label, number):
            data = None if number is None else b"%d\n" % number
            foreign_commit(self.repository, {f"labels/{label}/{name}": data})

    @precondition(is_slow_turn)
    @rule()
    def keep_up(self) -> None:
        done = command("upkeep", "--data", str(self.folder))
        assert done.returncode == 0, done.stderr

    @precondition(is_slow_turn)
    @rule(without_index=st.booleans())
    def restart(self, without_index: bool) -> None:
        assert self.server.stop() == 0
        if without_index:
            (self.folder / "index.sqlite3").unlink()
        self.serve()
        COUNTS["restarts"] += 1

    @precondition(is_slow_turn)
    @rule()
    def kill_during_the_next_write(self) -> None:
        self.is_to_be_killed = True


@pytest.mark.parametrize("part", range(PARTS))
def test_any_sequence_of_requests_agrees_with_a_model(part: int, record_property: Any) -> None:
    """All that clients see is compared after each step, and the whole history at the end of each sequence."""
    COUNTS.update(dict.fromkeys(COUNTS, 0))
    machine = seed(part)(type("Requests", (Requests,), {}))
    form = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, phases=[Phase.generate])
    run_state_machine_as_test(machine, settings=form)
    for name, count in COUNTS.items():
        record_property(name, count)
