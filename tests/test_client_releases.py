"""Checks, rules and releases through the Python client, against a real server with tokens."""

from __future__ import annotations

import asyncio

import pytest

from promptgit import errors
from promptgit.client import AsyncClient, Check, Client, Gate, Release, ReleaseItem
from tests.people import RULES, People
from tests.support import Server, foreign_commit, git_text


def test_the_whole_way_of_a_release(people: People) -> None:
    """Opened, checked, approved, made, rolled back; what it lacks is told, and its labels are seen at once."""
    opened = people.ada.open_release("production", {"support/greeting": 2}, description="Shorter")
    prompt = people.ada.find("support/greeting")
    assert opened.items == (ReleaseItem(prompt, "support/greeting", None, 2),)
    assert (opened.state, opened.opened.owner, len(opened.missing)) == ("open", "ada@example.org", 2)
    with pytest.raises(errors.ReleaseNotReady) as lacking:
        people.bob.make_release(opened.number)
    assert tuple(lacking.value.missing) == opened.missing
    asked = people.ci.release(opened.number).checks
    assert [(one.check, one.version_number, one.state) for one in asked] == [("eval", 2, None)]
    said = people.ci.set_check(prompt, 2, "eval", "success", summary="9 of 9", url="https://ci.example.org/1")
    assert people.ada.checks("support/greeting", 2) == [said]
    assert isinstance(said, Check) and (said.state, said.author.name) == ("success", "ci")
    with pytest.raises(errors.SelfApproval):
        people.join("ada-2", owner="ada@example.org", may_move=["production"]).approve_release(opened.number)
    approved = people.bob.approve_release(opened.number, description="Read it")
    assert approved.state == "ready"
    assert [(one.by, one.description, one.counts) for one in approved.approvals] == [("bob", "Read it", True)]
    assert people.bob.get("support/greeting").labels == {}
    made = people.bob.make_release(opened.number)
    assert made.closed is not None and (made.state, made.closed.by) == ("released", "bob")
    assert people.bob.get("support/greeting").labels == {"production": 2}
    with pytest.raises(errors.ReleaseClosed):
        people.bob.make_release(opened.number)
    with pytest.raises(errors.ReleaseNotFound):
        people.bob.release(99)
    people.ada.save("support/greeting", "3")
    second = people.release("support/greeting", 3)
    back = people.bob.roll_back_release(second.number, description="Worse")
    assert (back.rollback_of, back.items[0].before, back.items[0].after) == (second.number, 3, 2)
    assert [one.number for one in people.ada.releases(state="released", label="production", page=1)] == [3, 2, 1]
    assert Release.of(back.json()) == back


def test_a_release_is_rejected_withdrawn_or_makes_itself(people: People) -> None:
    people.ada.set_label("support/greeting", "staging", 1)
    people.ada.set_label("support/bye", "staging", 2)
    first = people.ada.open_release("production", from_label="staging", prefix="support/", description="All")
    assert [(item.name, item.after) for item in first.items] == [("support/bye", 2), ("support/greeting", 1)]
    assert people.bob.reject_release(first.number, description="Not on a Friday").state == "rejected"
    second = people.ada.open_release("production", {"support/bye": 1}, description="One")
    with pytest.raises(errors.Forbidden):
        people.bob.withdraw_release(second.number)
    assert people.ada.withdraw_release(second.number).state == "withdrawn"
    third = people.ada.open_release("production", {"support/bye": 2}, description="Soon", when_ready=True)
    people.ci.set_check("support/bye", 2, "eval", "success")
    assert people.bob.approve_release(third.number).state == "released"
    assert people.bob.get("support/bye", label="production").version_number == 2
    with pytest.raises(errors.LabelNotGated):
        people.ada.open_release("staging", {"support/bye": 2}, description="No need")


def test_rules_are_read_and_written(people: People) -> None:
    rules = people.ada.rules()
    assert (rules.content, rules.problems) == (RULES, ())
    assert rules.labels == {"production": Gate(1, ("eval",), ("support/",))}
    with pytest.raises(errors.StaleRules):
        people.admin.set_rules("", create_only=True)
    changed = people.admin.set_rules(RULES + "\n", description="A line", if_match=rules.commit)
    with pytest.raises(errors.StaleRules):
        people.admin.set_rules("", if_match=rules.commit)
    assert git_text(people.folder / "prompts.git", "show", "-s", "--format=%s", changed.commit) == "A line"
    with pytest.raises(errors.Invalid, match="is not taken"):
        people.admin.set_rules("nonsense")
    with pytest.raises(errors.Forbidden):
        people.ada.set_rules("")


def test_without_rules_there_are_none(server: Server) -> None:
    with Client(server.url) as client, pytest.raises(errors.RulesNotFound):
        client.rules()


def test_what_a_check_may_not_be(people: People) -> None:
    for check in ("..", "a/b", "Eval"):
        with pytest.raises(errors.Invalid):
            people.ci.set_check("support/bye", 1, check, "success")
    with pytest.raises(errors.Invalid):
        people.ci.set_check("support/bye", 1, "eval", "great")
    with pytest.raises(errors.CheckProtected):
        people.ada.set_check("support/bye", 1, "eval", "success")
    people.ada.set_check("support/bye", 1, "style", "failure")
    assert [check.check for check in people.ada.checks("support/bye", 1)] == ["style"]


def test_an_override_passes_the_gate_and_says_why(people: People) -> None:
    name = "support/greeting"
    with pytest.raises(errors.LabelGated):
        people.admin.set_label(name, "production", 1)
    people.admin.set_label(name, "production", 1, override=True, description="On fire")
    people.admin.rename(name, "support/hi", override=True, description="Typo")
    people.admin.remove_label("support/hi", "production", override=True, description="Over")
    people.admin.set_label("support/hi", "production", 1, override=True, description="Again")
    people.admin.delete("support/hi", override=True, description="Done")
    with pytest.raises(errors.Invalid, match="override"):
        people.admin.set_label("support/bye", "production", 1, override=True)
    told = [one.description for one in people.ada.releases(state="overridden")]
    assert told == ["Done", "Again", "Over", "Typo", "On fire"]


def test_a_pushed_move_is_marked(people: People) -> None:
    people.release("support/bye", 1)
    foreign_commit(people.folder / "prompts.git", {"labels/production/support/bye": b"2\n"}, "By night")
    moves = people.ada.label_history("support/bye", "production")
    assert [move.outside for move in moves] == [False, True]
    assert ["outside" in move.json() for move in moves] == [False, True]


def test_the_client_for_asyncio_has_all_of_it(people: People) -> None:
    async def the_whole_way() -> None:
        clients = {name: AsyncClient(people.url, token=secret) for name, secret in people.tokens.items()}
        ada, bob, ci = clients["ada"], clients["bob"], clients["ci"]
        assert (await ada.rules()).labels["production"].checks == ("eval",)
        assert (await clients["admin"].set_rules(RULES)).content == RULES
        opened = await ada.open_release("production", {"support/bye": 2}, description="Shorter")
        for state in ("pending", "success"):
            await ci.set_check("support/bye", 2, "eval", state)
        assert [check.state for check in await ci.checks("support/bye", 2)] == ["success"]
        assert (await bob.approve_release(opened.number)).state == "ready"
        assert (await bob.make_release(opened.number)).state == "released"
        assert (await ada.release(opened.number)).state == "released"
        other = await ada.open_release("production", {"support/bye": 1}, description="Back")
        assert (await ada.withdraw_release(other.number)).state == "withdrawn"
        other = await ada.open_release("production", {"support/bye": 1}, description="Back")
        assert (await bob.reject_release(other.number)).state == "rejected"
        assert [one.number async for one in ada.releases(page=1)] == [3, 2, 1]
        with pytest.raises(errors.RollbackRefused):
            await bob.roll_back_release(opened.number, description="Worse")
        for client in clients.values():
            await client.close()

    asyncio.run(the_whole_way())
