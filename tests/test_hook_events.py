"""Webhooks of whole commits, checks, releases and rules, for those that ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from promptgit.errors import UnusableHooks
from promptgit.jobs.deliveries import Deliveries
from promptgit.jobs.hooks import Hook
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from tests.conftest import Clock
from tests.support import Server, command, foreign_commit, git_text, wait_for
from tests.test_hooks import SECRET, add, receiving
from tests.test_releases import RULES, Team


@pytest.fixture
def deliveries(store: Store, clock: Clock) -> Deliveries:
    return Deliveries(store, clock)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path / "team")


def of_team(team: Team) -> Deliveries:
    return Deliveries(Store(team.folder, lock_timeout=5))


def the_whole_way(team: Team) -> None:
    """Rules, a check, a release from its opening to the label that it moves."""
    team.rule()
    number = team.open()
    team.check()
    team.ok("post", f"/api/releases/{number}/approve", "bob")
    team.ok("post", f"/api/releases/{number}/release", "bob")


def test_a_commit_is_told_once_with_all_that_it_did(store: Store, service: Service, deliveries: Deliveries) -> None:
    """As the feed tells it; a commit that does nothing to prompts is not told."""
    with receiving() as receiver:
        hook = add(deliveries, receiver.url, "commit")
        two = foreign_commit(store.repository.path, {"prompts/a.md": b"1", "prompts/b.md": b"2"}, message="Two")
        foreign_commit(store.repository.path, {"elsewhere": b"x"})
        one = service.create("1", name="c").newest.commit
        assert deliveries.waiting() == 2
        deliveries.deliver(hook)
        deliveries.deliver(hook)
        assert deliveries.waiting() == 0
    assert [(told["type"], told["commit"], told["description"]) for told in receiver.got] == [
        ("commit", two, "Two"),
        ("commit", one, "Initial version"),
    ]
    assert [(change["type"], change["name"]) for change in receiver.got[0]["changes"]] == [
        ("version", "a"),
        ("version", "b"),
    ]
    assert receiver.got[0]["change_count"] == 2
    assert receiver.verified == [True, True]
    assert len(set(receiver.ids)) == 2


def test_a_commit_is_told_with_what_is_below_the_prefix(store: Store, deliveries: Deliveries) -> None:
    """And not at all where nothing is; changes that are asked for too come before it."""
    with receiving() as receiver:
        hook = add(deliveries, receiver.url, "commit", "version", prefix="support/")
        files = {"prompts/support/a.md": b"1", "prompts/b.md": b"2", "labels/x/support/a": b"1\n"}
        foreign_commit(store.repository.path, files)
        foreign_commit(store.repository.path, {"prompts/b.md": b"3"})
        deliveries.deliver(hook)
    assert [told["type"] for told in receiver.got] == ["version", "commit"]
    assert [(change["type"], change["name"]) for change in receiver.got[1]["changes"]] == [
        ("version", "support/a"),
        ("label", "support/a"),
    ]


def test_a_commit_that_fails_is_tried_again_before_the_next(
    service: Service, deliveries: Deliveries, clock: Clock
) -> None:
    status = [500]
    with receiving(lambda path, told: status[0]) as receiver:
        hook = add(deliveries, receiver.url, "commit")
        commits = [service.create("1", name=name).newest.commit for name in "ab"]
        deliveries.deliver(hook)
        assert (receiver.tries, receiver.got) == (1, [])
        status[0] = 200
        clock.now = deliveries.due[hook.id]
        deliveries.deliver(hook)
    assert [told["commit"] for told in receiver.got] == commits


def test_a_server_that_is_killed_tells_every_commit_in_order(tmp_path: Path) -> None:
    """At least once; repeats have the ids that they had."""
    data, secret = tmp_path / "data", tmp_path / "secret"
    secret.write_text(SECRET)
    repository = data / "prompts.git"
    commits: list[str] = []

    def push(number: int) -> None:
        files = {f"prompts/{name}.md": str(number).encode() for name in "ab"}
        commits.append(foreign_commit(repository, files))

    with receiving() as receiver:
        with Server(data) as server:
            options = ["--data", str(data), "--secret-file", str(secret), "--allow-private"]
            added = command("hook", "add", receiver.url, "--events", "commit", *options)
            assert added.returncode == 0, added.stderr
            for number in range(10):
                push(number)
            wait_for(lambda: len(receiver.got) >= 3)
            server.kill()
        for number in range(10, 15):
            push(number)
        with Server(data):
            wait_for(lambda: receiver.got[-1]["commit"] == commits[-1])
    unique = dict(zip(receiver.ids, (told["commit"] for told in receiver.got), strict=True))
    assert list(unique.values()) == commits
    assert all([change["name"] for change in told["changes"]] == ["a", "b"] for told in receiver.got)


def test_hooks_that_ask_for_them_are_told_of_checks_releases_and_rules(team: Team) -> None:
    """The same as the feed says; those that ask for the five kinds of old get these alone."""
    deliveries = of_team(team)
    with receiving() as receiver, receiving() as other:
        hook = add(deliveries, receiver.url, "release", "check", "rules")
        old = add(deliveries, other.url, "version", "label", "rename", "delete", "restore")
        the_whole_way(team)
        assert deliveries.waiting() == 6
        deliveries.deliver(hook)
        deliveries.deliver(old)
        deliveries.deliver(hook)
    feed = team.ok("get", "/api/changes?limit=1000", "ci")
    assert receiver.got == [one for one in feed if one["type"] in ("release", "check", "rules")]
    kinds = [(told["type"], told.get("action", told.get("state"))) for told in receiver.got]
    assert kinds == [
        ("rules", None),
        ("release", "opened"),
        ("check", "success"),
        ("release", "approved"),
        ("release", "released"),
    ]
    assert receiver.got[-1]["items"][0]["name"] == "support/greeting"
    assert (receiver.got[-1]["by"], receiver.got[-1]["owner"]) == ("bob", "bob@example.org")
    assert len(set(receiver.ids)) == 5
    assert [told["type"] for told in other.got] == ["label"]


@pytest.mark.parametrize(("prefix", "told"), [("support/", 4), ("sales/", 0), ("", 5)])
def test_a_prefix_is_that_of_a_checks_prompt_and_of_a_releases_items(team: Team, prefix: str, told: int) -> None:
    """Rules concern no prompt: they are told without a prefix alone."""
    deliveries = of_team(team)
    with receiving() as receiver:
        hook = add(deliveries, receiver.url, "release", "check", "rules", prefix=prefix)
        the_whole_way(team)
        assert deliveries.waiting() == told
        deliveries.deliver(hook)
    assert len(receiver.got) == told


def test_two_steps_of_a_release_in_one_commit_are_two_messages(team: Team) -> None:
    """The last approval releases it, where it was opened so."""
    deliveries = of_team(team)
    with receiving() as receiver:
        hook = add(deliveries, receiver.url, "release", "commit")
        team.rule()
        number = team.open(when_ready=True)
        team.check()
        team.ok("post", f"/api/releases/{number}/approve", "bob")
        deliveries.deliver(hook)
    assert [(told["action"], told["by"]) for told in receiver.got if told["type"] == "release"] == [
        ("opened", "writer"),
        ("approved", "bob"),
        ("released", "promptgit"),
    ]
    commits = [told for told in receiver.got if told["type"] == "commit"]
    assert [change["type"] for change in commits[-1]["changes"]] == ["label", "release", "release"]
    assert len(set(receiver.ids)) == len(receiver.ids)


def test_a_hook_of_a_later_version_is_left_alone(store: Store, service: Service, deliveries: Deliveries) -> None:
    """It is not served, is listed, can be removed, and others come and go beside it."""
    file = store.folder / "hooks.json"
    with receiving() as receiver:
        first = add(deliveries, receiver.url)
        assert not {"format", "token_file"} & record(file, first).keys()  # which earlier versions could not read
        later = [record(file, first) | {"id": "aaaaaaaa", "format": "carrier-pigeon"}]
        later += [record(file, first) | {"id": "bbbbbbbb", "only_on": "Mondays"}]
        file.write_text(json.dumps({"hooks": [record(file, first), *later]}))
        second = add(deliveries, receiver.url)
        service.create("1", name="a")
        assert deliveries.hooks.all() == [first, second]
        deliveries.turn()
        wait_for(lambda: len(receiver.got) == 2 and not deliveries.busy)
        deliveries.hooks.remove(first.id)
        assert deliveries.hooks.foreign() == ["aaaaaaaa", "bbbbbbbb"]
        assert [record(file, one) for one in ("aaaaaaaa", "bbbbbbbb")] == later
        assert "aaaaaaaa  was made by another version" in command("hook", "list", "--data", str(store.folder)).stdout
        deliveries.hooks.remove("aaaaaaaa")
        assert deliveries.hooks.foreign() == ["bbbbbbbb"]
    file.write_text('{"hooks": [{"format": "carrier-pigeon"}]}')
    with pytest.raises(UnusableHooks):
        deliveries.hooks.all()


def record(file: Path, hook: Hook | str) -> dict[str, Any]:
    wanted = hook if isinstance(hook, str) else hook.id
    (found,) = (one for one in json.loads(file.read_text())["hooks"] if one["id"] == wanted)
    return dict(found)


def test_a_release_whose_file_is_gone_is_told_without_items(team: Team) -> None:
    """Somebody has pushed its removal."""
    deliveries = of_team(team)
    team.rule(RULES)
    number = team.open()
    with receiving() as receiver:
        hook = add(deliveries, receiver.url, "release")
        gone = foreign_commit(team.folder / "prompts.git", {f"releases/0/{number}.toml": None})
        deliveries.deliver(hook)
    (told,) = receiver.got
    assert (told["action"], told["commit"], "items" in told) == ("removed", gone, False)
    assert gone == git_text(team.folder / "prompts.git", "rev-parse", "main").strip()


def test_a_deletion_and_its_labels_are_one_message(service: Service, deliveries: Deliveries) -> None:
    """Of a hook that asks for whole commits."""
    with receiving() as receiver:
        prompt = service.create("1", name="a")
        service.labels.point(prompt.id, "x", 1, attribution=Attribution())
        hook = add(deliveries, receiver.url, "commit")
        service.delete(prompt.id)
        deliveries.deliver(hook)
    (told,) = receiver.got
    assert [(change["type"], change.get("to", 0)) for change in told["changes"]] == [("delete", 0), ("label", None)]
