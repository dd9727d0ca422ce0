"""The commands of releases, rules and checks, on a server with tokens and on a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.clients import run
from tests.people import RULES, People
from tests.support import foreign_commit

GREETING = "support/greeting"


def as_json(place: dict[str, str], *arguments: str) -> Any:
    return json.loads(run(place, *arguments, "--json"))


def test_the_whole_way_of_a_release(people: People) -> None:
    """Each command prints what the release is then: its items, its checks, who approved, and what is missing."""
    ada, bob, ci = (people.place(name) for name in ("ada", "bob", "ci"))
    opened = run(ada, "release", "open", "production", f"{GREETING}@1", "support/bye", "-m", "Shorter\nby half")
    assert opened.startswith("release 1 to production: open\n")
    assert f"  {GREETING}  nowhere -> v1\n      eval: not reported\n  support/bye  nowhere -> v2\n" in opened
    assert "\n    Shorter\n    by half\n" in opened
    assert "Missing:    1 approval\n" in opened
    assert run(bob, "release", "make", "1", code=1).startswith("promptgit: Release 1 is not ready. It lacks: 1 approv")
    said = run(
        ci, "report", GREETING, "1", "eval", "success", "--summary", "9 of 9", "--link", "https://ci.example.org"
    )
    assert said == f"eval of {GREETING} version 1: success\n"
    assert as_json(ci, "report", "support/bye", "latest", "eval", "success")["version_number"] == 2
    assert "      eval: success  9 of 9  https://ci.example.org\n" in run(ada, "release", "show", "1")
    assert "+0000\nCheck:  eval: success  9 of 9  https://ci.example.org\n\n" in run(ada, "log", GREETING)
    assert run(ada, "log", GREETING, "--oneline").splitlines()[1].endswith("Initial version  eval: success")
    assert [len(one["checks"]) for one in as_json(ada, "log", GREETING)] == [0, 1]
    approved = run(bob, "release", "approve", "1", "-m", "Read it")
    assert approved.startswith("release 1 to production: ready\n")
    assert "  bob (bob@example.org)  Read it\n" in approved
    made = run(bob, "release", "make", "1")
    assert made.startswith("release 1 to production: released\n") and "Released:   " in made
    assert as_json(ada, "release", "show", "1")["closed"]["by"] == "bob"
    assert run(ada, "show", f"{GREETING}@production") == "1"

    people.release(GREETING, 2)
    assert run(bob, "release", "rollback", "2", code=2).endswith("Error: Say why it is rolled back: -m.\n")
    back = run(bob, "release", "rollback", "2", "-m", "Worse")
    assert "Takes back release 2." in back and f"  {GREETING}  v2 -> v1\n" in back
    run(ada, "release", "open", "production", "--from", "latest", "--prefix", "support", "--when-ready", "-m", "New")
    assert "who alone can withdraw it" in run(bob, "release", "withdraw", "4", code=1)
    assert "rejected" in run(bob, "release", "reject", "4", "-m", "No")
    assert "is rejected already" in run(ada, "release", "withdraw", "4", code=1)
    listed = run(ada, "release", "list").splitlines()
    assert [line.split()[:2] for line in listed] == [
        ["4", "rejected"],
        ["3", "released"],
        ["2", "released"],
        ["1", "released"],
    ]
    assert listed[0].endswith(f"ada  production: {GREETING}  v1 -> v2  New")
    assert [one["number"] for one in as_json(ada, "release", "list", "--state", "released", "-n", "1")] == [3]


def test_what_is_to_be_released_is_said_once(people: People) -> None:
    ada = people.place("ada")
    for arguments, said in (
        ([GREETING], "-m"),
        (["-m", "x"], "Give names"),
        ([GREETING, "--from", "staging", "-m", "x"], "Give names"),
        ([GREETING, "--prefix", "a", "-m", "x"], "--prefix goes with --from"),
        ([GREETING, f"{GREETING}@1", "-m", "x"], "is given twice"),
    ):
        assert said in run(ada, "release", "open", "production", *arguments, code=2)
    assert "is not gated" in run(ada, "release", "open", "staging", GREETING, "-m", "x", code=1)
    assert "no release 7" in run(ada, "release", "show", "7", code=1)


def test_rules_are_shown_and_set(people: People, tmp_path: Path) -> None:
    admin, ada = people.place("admin"), people.place("ada")
    assert run(ada, "rules", "show") == RULES
    seen = as_json(ada, "rules", "show")["commit"]
    (tmp_path / "rules.toml").write_text(RULES + '[labels."live"]\napprovals = 2\n')
    told = run(admin, "rules", "set", str(tmp_path / "rules.toml"), "-m", "Gate live", "--if-match", seen)
    assert told == "production: 1 approval, eval, below support/\nlive: 2 approvals\n"
    assert "not as you have seen it" in run(admin, "rules", "set", "--if-match", seen, data=b"", code=1)
    assert "not as you have seen it" in run(admin, "rules", "set", "--create-only", data=b"", code=1)
    assert "The content is not taken" in run(admin, "rules", "set", data=b"nonsense", code=1)
    assert "not UTF-8" in run(admin, "rules", "set", data=b"\xff", code=1)
    assert "scope 'admin'" in run(ada, "rules", "set", data=b"", code=1)
    foreign_commit(people.folder / "prompts.git", {"rules.toml": b"nonsense"})
    assert run(ada, "rules", "show") == "nonsense"
    assert run(admin, "rules", "set", data=b"") == "No label is gated.\n"


def test_a_gate_is_overridden_by_an_administrator_who_says_why(people: People) -> None:
    admin = people.place("admin")
    assert "promptgit release open" in run(admin, "label", GREETING, "production", "1", code=1)
    assert "-m" in run(admin, "label", GREETING, "production", "1", "--override", code=2)
    refused = run(people.place("bob"), "label", GREETING, "production", "1", "--override", "-m", "x", code=1)
    assert "scope 'admin'" in refused
    run(admin, "label", GREETING, "production", "1", "--override", "-m", "On fire")
    run(admin, "rename", GREETING, "support/hi", "--override", "-m", "Typo")
    run(admin, "label", "support/hi", "production", "--delete", "--override", "-m", "Over")
    run(admin, "label", "support/hi", "production", "2", "--override", "-m", "Again")
    run(admin, "rm", "support/hi", "--override", "-m", "Gone")
    told = as_json(admin, "release", "list", "--state", "overridden")
    assert [one["description"] for one in told] == ["Gone", "Again", "Over", "Typo", "On fire"]


def test_the_history_of_a_label_marks_what_came_from_outside(people: People) -> None:
    people.release("support/bye", 1)
    foreign_commit(people.folder / "prompts.git", {"labels/production/support/bye": b"2\n"}, "By night")
    made, pushed = run(people.place("ada"), "label", "support/bye", "production").splitlines()
    assert made.split()[:3] == ["-", "->", "1"] and "(outside" not in made
    assert pushed.endswith("By night  (outside: a push, without a release)")


def test_on_a_folder_the_commands_are_an_administrators_but_nobody_approves(people: People) -> None:
    here = {"PROMPTGIT_DATA": str(people.folder)}
    opened = run(here, "release", "open", "production", "support/bye@1", "-m", "From the folder")
    assert "  promptgit\n" in opened
    run(here, "report", "support/bye", "1", "eval", "success")
    assert "nobody can approve" in run(here, "release", "approve", "1", code=1)
    people.bob.approve_release(1)
    assert run(here, "release", "make", "1").startswith("release 1 to production: released\n")
    run(here, "label", "support/bye", "production", "2", "--override", "-m", "An emergency")
    assert run(here, "rules", "set", data=RULES.encode()) == "production: 1 approval, eval, below support/\n"
