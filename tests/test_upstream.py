"""Nodes in front of one Git host, whose `main` is the truth."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from promptgit.domain.models import Prompt, Request
from promptgit.errors import (
    NameTaken,
    OutcomeUnknown,
    PromptDeleted,
    StaleVersion,
    UnusableRepository,
    UpstreamRefused,
    UpstreamUnavailable,
)
from promptgit.service.service import Service
from promptgit.service.writes import Attribution
from promptgit.store.store import Store
from promptgit.store.upstream.upstream import REF, UpstreamSettings
from tests.support import assert_sound, foreign_commit, git, git_text, wait_for
from tests.upstreams import MAKES, Host, Wire, bare, host, wire


class Node(Service):
    """A data folder in front of an upstream."""

    def __init__(self, store: Store) -> None:
        store.open()
        super().__init__(store, 1 << 20)
        assert store.upstream is not None
        self.store, self.upstream = store, store.upstream

    def follow(self) -> None:
        self.upstream.refresh()

    def numbers(self, name: str) -> list[int]:
        return [version.number for version in self.versions(self.named(name))]


Nodes = Callable[..., Node]


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Host]:
    with host(tmp_path / "host") as made:
        yield made


@pytest.fixture
def nodes(tmp_path: Path, upstream: Host) -> Nodes:
    """Make a node by its name, of *upstream* unless another address is given."""

    def make(name: str, url: str = "", **settings: float) -> Node:
        chosen = UpstreamSettings(url or upstream.url, **settings)
        return Node(Store(tmp_path / name, lock_timeout=20, upstream=chosen))

    return make


def at(number: int) -> Callable[[Prompt], bool]:
    """The precondition that a prompt's newest version has this number."""
    return lambda prompt: prompt.newest.number == number


def shared_numbers(services: Sequence[Node], *, writers: int, saves: int) -> list[int]:
    """Create the prompt `shared`, and save it through all nodes at once; the numbers of the new versions, sorted."""
    made = services[0].create("0", name="shared")
    for service in services:
        service.follow()

    def write(writer: int) -> list[int]:
        service = services[writer % len(services)]
        return [service.save(made.id, f"{writer} {at}").newest.number for at in range(saves)]

    with ThreadPoolExecutor(writers) as pool:
        return sorted(number for run in pool.map(write, range(writers)) for number in run)


def main_of(repository: Path) -> str:
    return git_text(repository, "rev-parse", "main")


@pytest.mark.parametrize("make", MAKES)
def test_a_write_is_at_the_upstream_when_it_is_acknowledged(tmp_path: Path, make: str) -> None:
    """And at the other nodes with their next fetch; whatever serves the upstream."""
    with host(tmp_path / "host", make) as upstream:
        settings = UpstreamSettings(upstream.url)
        one, other = (Node(Store(tmp_path / name, lock_timeout=20, upstream=settings)) for name in ("one", "other"))
        made = one.create("1", name="a")
        assert main_of(upstream.path) == made.newest.commit == one.store.repository.main()
        other.follow()
        assert other.get(made.id) == made
        saved = other.save(made.id, "2")
        assert (saved.newest.number, main_of(upstream.path)) == (2, saved.newest.commit)
        one.follow()
        assert one.get(made.id) == saved
        assert_sound(upstream.path)


def test_a_node_that_was_overtaken_plans_its_batch_again(nodes: Nodes) -> None:
    """On the new tip, with every precondition: what is stale by now is refused."""
    one, other = nodes("one"), nodes("other")
    made = one.create("1", name="a")
    other.follow()
    one.save(made.id, "2")
    with pytest.raises(StaleVersion) as refusal:
        other.save(made.id, "x", attribution=Attribution(if_match=at(1)))
    assert refusal.value.current == 2
    assert other.save(made.id, "3").newest.number == 3
    with pytest.raises(NameTaken):
        one.create("x", name="a")
    one.delete(made.id)
    with pytest.raises(PromptDeleted):
        other.save(made.id, "4")


def test_an_answer_without_a_commit_speaks_of_the_upstream(nodes: Nodes) -> None:
    """The content that the prompt had here before another node changed it is a new version."""
    one, other = nodes("one"), nodes("other")
    made = one.create("1", name="a")
    other.follow()
    one.save(made.id, "2")
    assert other.save(made.id, "1").newest.number == 3


def test_writers_of_three_nodes_make_one_history(nodes: Nodes, upstream: Host) -> None:
    services = [nodes(name) for name in ("one", "other", "third")]
    assert shared_numbers(services, writers=12, saves=6) == list(range(2, 74))
    for service in services:
        service.follow()
        assert service.numbers("shared") == list(range(1, 74))
    assert_sound(upstream.path)


def test_one_of_two_nodes_that_create_the_same_prompt_does(tmp_path: Path, nodes: Nodes, upstream: Host) -> None:
    """In the same second, with the same text, by the same author: without more their commits would be one."""
    services = [nodes("one"), nodes("other")]
    gate, arrived = tmp_path / "gate", tmp_path / "arrived"
    os.mkfifo(gate)
    arrived.touch()
    upstream.hook("pre-receive", f"echo >> {arrived}; read line < {gate}; exit 0")
    with ThreadPoolExecutor(2) as pool:
        created = [pool.submit(service.create, "same", name="a") for service in services]
        wait_for(lambda: arrived.read_text().count("\n") == 2)  # both pushes are at the host, neither is decided
        upstream.hook("pre-receive", None)
        with open(gate, "w") as file:
            file.write("go\n" * 2)
            file.flush()
            outcomes = [run.exception() for run in created]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NameTaken", "NoneType"]


def test_an_upstream_that_is_away_refuses_writes_and_not_reads(nodes: Nodes, upstream: Host) -> None:
    one = nodes("one")
    made = one.create("1", name="a")
    upstream.stop()
    with pytest.raises(UpstreamUnavailable):
        one.save(made.id, "2")
    assert one.get(made.id) == made
    assert any("has not answered since" in warning for warning in one.upstream.warnings())
    upstream.start()
    assert one.save(made.id, "2").newest.number == 2
    one.follow()
    assert one.upstream.warnings() == []


def test_a_refusal_for_good_is_told_in_the_hosts_words(nodes: Nodes, upstream: Host) -> None:
    """At once, and readiness tells it until a push is accepted again."""
    one = nodes("one")
    upstream.hook("pre-receive", "echo 'Only on Tuesdays.' >&2; exit 1")
    with pytest.raises(UpstreamRefused, match=r"Only on Tuesdays\."):
        one.create("1", name="a")
    assert main_of(upstream.path) == one.store.repository.main()
    assert any("Only on Tuesdays" in warning for warning in one.upstream.warnings())
    upstream.hook("pre-receive", None)
    one.create("1", name="a")
    assert one.upstream.warnings() == []


@pytest.fixture
def cut(upstream: Host) -> Iterator[Wire]:
    with wire(upstream.port) as made:
        yield made


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_push_whose_answer_is_lost_is_looked_for(nodes: Nodes, upstream: Host, cut: Wire, fault: str) -> None:
    """It landed, or it is sent again: one version, and an answer that knows."""
    one = nodes("one", upstream.url.replace(str(upstream.port), str(cut.port)))
    made = one.create("1", name="a")
    cut.fault = fault
    threading.Timer(1, lambda: setattr(cut, "fault", None)).start()
    assert one.save(made.id, "2").newest.number == 2
    assert git_text(upstream.path, "rev-list", "--count", "main") == "3"
    assert one.numbers("a") == [1, 2]


def test_an_outcome_that_nobody_can_tell_is_told_as_such(nodes: Nodes, upstream: Host, cut: Wire) -> None:
    """The push landed, its answer was lost, the upstream went away. Sent again, the request makes no second version."""
    one = nodes("one", upstream.url.replace(str(upstream.port), str(cut.port)), timeout=2.0)
    made = one.create("1", name="a")
    request = Request("a" * 64, "b" * 64)
    cut.fault = "lost"
    with pytest.raises(OutcomeUnknown):
        one.save(made.id, "2", attribution=Attribution(request=request))
    wait_for(lambda: git_text(upstream.path, "rev-list", "--count", "main") == "3")
    other = nodes("other")
    assert other.save(made.id, "2", attribution=Attribution(request=request)).newest.number == 2
    cut.fault = None
    one.follow()
    assert one.save(made.id, "2", attribution=Attribution(request=request)).newest.number == 2
    assert one.numbers("a") == [1, 2]


def test_a_push_that_never_ends_leaves_time_to_ask_what_became_of_it(
    tmp_path: Path, nodes: Nodes, upstream: Host
) -> None:
    """The host has moved `main`, and then its hook keeps the answer back."""
    one = nodes("one", timeout=6.0)
    made = one.create("1", name="a")
    os.mkfifo(tmp_path / "gate")
    upstream.hook("post-receive", f"read line < {tmp_path}/gate")
    try:
        assert one.save(made.id, "2").newest.number == 2
    finally:
        with open(tmp_path / "gate", "w") as gate:
            gate.write("go\n")
    assert one.numbers("a") == [1, 2]


def test_a_push_that_takes_all_the_time_does_not_make_the_upstream_away(
    tmp_path: Path, nodes: Nodes, upstream: Host
) -> None:
    """Nobody has asked it, so readiness does not say that it has not answered."""
    one = nodes("one", timeout=1.0)
    made = one.create("1", name="a")
    os.mkfifo(tmp_path / "gate")
    upstream.hook("pre-receive", f"read line < {tmp_path}/gate; exit 0")
    with pytest.raises(OutcomeUnknown):
        one.save(made.id, "2")
    assert one.store.warnings() == []
    with open(tmp_path / "gate", "w") as gate:
        gate.write("go\n")
    wait_for(lambda: git_text(upstream.path, "rev-list", "--count", "main") == "3")
    one.follow()
    assert one.numbers("a") == [1, 2]


def test_readers_and_the_index_do_not_wait_for_a_push(tmp_path: Path, nodes: Nodes, upstream: Host) -> None:
    """No transaction is open meanwhile: even what writes to the index goes on."""
    one = nodes("one")
    made = one.create("needle", name="a")
    os.mkfifo(tmp_path / "gate")
    upstream.hook("pre-receive", f"read line < {tmp_path}/gate; exit 0")
    with ThreadPoolExecutor(1) as pool:
        saved = pool.submit(one.save, made.id, "2")
        with open(tmp_path / "gate", "w") as gate:  # opens once the host has the push
            assert one.get(made.id) == made
            assert [prompt.name for prompt in one.list(q="needle", limit=9)] == ["a"]
            gate.write("go\n")
        assert saved.result().newest.number == 2


def test_a_folder_that_comes_keeps_its_numbers(tmp_path: Path, nodes: Nodes, upstream: Host) -> None:
    """The history of a single machine goes to an empty upstream as it is."""
    alone = Store(tmp_path / "one", lock_timeout=5)
    alone.open()
    made = Service(alone, 1 << 20).create("1", name="a")
    tip = Service(alone, 1 << 20).save(made.id, "2").newest.commit
    git(tmp_path, "-C", str(upstream.path), "update-ref", "-d", "refs/heads/main")
    one = nodes("one")
    assert main_of(upstream.path) == tip
    assert one.get(made.id).newest.number == 2
    assert nodes("other").get(made.id).newest.commit == tip


def test_a_folder_with_another_history_is_refused(tmp_path: Path, nodes: Nodes, upstream: Host) -> None:
    """Neither history is touched."""
    nodes("first").create("x", name="b")
    alone = Store(tmp_path / "one", lock_timeout=5, clock=lambda: 1_700_000_000.0)
    alone.open()
    tip = Service(alone, 1 << 20).create("1", name="a").newest.commit
    theirs = main_of(upstream.path)
    with pytest.raises(UnusableRepository, match="history of its own"):
        nodes("one")
    assert (main_of(alone.repository.path), main_of(upstream.path)) == (tip, theirs)


def test_a_node_is_written_to_through_its_upstream_alone(tmp_path: Path, nodes: Nodes) -> None:
    """What a command without the setting wrote would be lost with the next fetch: it is refused. Reads are not."""
    made = nodes("one").create("1", name="a")
    alone = Store(tmp_path / "one", lock_timeout=5)
    alone.open()
    service = Service(alone, 1 << 20)
    assert service.get(made.id) == made
    with pytest.raises(UnusableRepository, match="set PROMPTGIT_UPSTREAM"):
        service.save(made.id, "2")
    (tmp_path / "one" / "prompts.git" / "promptgit-joined").unlink()
    assert service.save(made.id, "2").newest.number == 2


def test_a_change_of_the_address_is_checked(tmp_path: Path, nodes: Nodes, upstream: Host) -> None:
    """An empty repository gets the history; one with another history is refused."""
    made = nodes("one").create("1", name="a")
    empty = bare(tmp_path / "empty")
    assert nodes("one", str(empty)).get(made.id) == made
    assert main_of(empty) == made.newest.commit
    other = bare(tmp_path / "elsewhere")
    foreign = Node(Store(tmp_path / "third", lock_timeout=5, upstream=UpstreamSettings(str(other)), clock=lambda: 1e9))
    theirs = foreign.create("x", name="a").newest.commit
    with pytest.raises(UnusableRepository, match="history of its own"):
        nodes("one", str(other))
    assert (main_of(other), main_of(tmp_path / "one" / "prompts.git")) == (theirs, made.newest.commit)


def test_nodes_that_push_seldom_do_not_starve_each_other(nodes: Nodes) -> None:
    """A batch is planned when its push may begin, on what the others have pushed by then."""
    services = [nodes(name, interval=0.3) for name in ("one", "other", "third")]
    assert shared_numbers(services, writers=9, saves=3) == list(range(2, 29))


def test_a_node_starts_while_the_upstream_is_away(nodes: Nodes, upstream: Host) -> None:
    """With what it has; without a copy it cannot."""
    made = nodes("one").create("1", name="a")
    upstream.stop()
    assert nodes("one").get(made.id) == made
    with pytest.raises(UpstreamUnavailable):
        nodes("other")


def test_a_folder_that_never_joined_is_not_served_without_its_upstream(
    tmp_path: Path, nodes: Nodes, upstream: Host
) -> None:
    """Nobody knows whether the upstream has another history, for which its own would be given up later."""
    alone = Store(tmp_path / "one", lock_timeout=5)
    alone.open()
    tip = Service(alone, 1 << 20).create("1", name="a").newest.commit
    upstream.stop()
    with pytest.raises(UpstreamUnavailable):
        nodes("one")
    upstream.start()
    nodes("first").create("x", name="b")
    with pytest.raises(UnusableRepository, match="history of its own"):
        nodes("one")
    assert git_text(tmp_path / "one" / "prompts.git", "for-each-ref", "--format=%(objectname) %(refname)") == (
        f"{tip} refs/heads/main"
    )


def test_what_people_push_appears_by_the_ordinary_rule(nodes: Nodes, upstream: Host) -> None:
    one = nodes("one")
    made = one.create("1", name="a")
    commit = foreign_commit(upstream.path, {"prompts/a.md": b"2", "prompts/b.md": b"x"})
    one.follow()
    assert one.get(made.id).newest.commit == commit
    assert one.named("b").newest.number == 1
    assert one.save(made.id, "3").newest.number == 3


def test_a_rewritten_branch_is_followed_and_what_it_lost_is_kept(
    nodes: Nodes, upstream: Host, caplog: pytest.LogCaptureFixture
) -> None:
    """Commits that this node's pushes had put there have vanished: that is an alarm of its own."""
    one, other = nodes("one"), nodes("other")
    made = one.create("1", name="a")
    other.follow()
    lost = one.save(made.id, "2").newest.commit
    git(upstream.path, "update-ref", "refs/heads/main", made.newest.commit)
    other_commit = other.save(made.id, "other").newest.commit
    one.follow()
    assert one.store.repository.main() == other_commit
    assert one.get(made.id).newest.number == 2
    assert git_text(one.store.repository.path, "rev-parse", f"refs/promptgit/lost/{lost}") == lost
    assert any("no longer has commits that it had accepted" in warning for warning in one.upstream.warnings())
    assert "which it had accepted from this node" in caplog.text
    assert other.upstream.warnings() == []


def test_a_fetch_that_had_no_time_is_no_fault_of_the_upstream(nodes: Nodes) -> None:
    one = nodes("one")
    with pytest.raises(UpstreamUnavailable):
        one.upstream.refresh(time.monotonic())
    assert one.upstream.warnings() == []


def test_an_upstream_that_was_put_back_is_followed_after_a_while(nodes: Nodes, upstream: Host) -> None:
    """An older state may be a copy that lags: until the time is up nothing is undone, and nothing is written."""
    one = nodes("one", timeout=1.0)
    made = one.create("1", name="a")
    lost = one.save(made.id, "2").newest.commit
    git(upstream.path, "update-ref", "refs/heads/main", made.newest.commit)
    start = time.monotonic()
    one.follow()
    assert one.store.repository.main() == lost
    with pytest.raises(UpstreamUnavailable):
        one.save(made.id, "3")
    while one.store.repository.main() == lost:
        one.follow()
    assert time.monotonic() - start >= 1
    assert git_text(one.store.repository.path, "rev-parse", f"refs/promptgit/lost/{lost}") == lost
    assert len(one.upstream.vanished()) == 1
    assert one.save(made.id, "3").newest.number == 2


def test_a_host_that_asks_for_fewer_pushes_gets_fewer(nodes: Nodes, upstream: Host) -> None:
    """The interval grows with each such answer, and heals with each push that is accepted."""
    one = nodes("one")
    made = one.create("1", name="a")
    upstream.hook("pre-receive", "echo 'You have exceeded a secondary rate limit (429).' >&2; exit 1")
    with ThreadPoolExecutor(1) as pool:
        saved = pool.submit(one.save, made.id, "2")
        while one.upstream.pushes.read().interval < 1:
            threading.Event().wait(0.01)
        upstream.hook("pre-receive", None)
        assert saved.result().newest.number == 2
    assert one.upstream.pushes.read().interval < 1


def test_a_state_that_cannot_be_written_undoes_no_push(nodes: Nodes, upstream: Host) -> None:
    """What the processes of a node tell each other is lost then; a write that the host has accepted is acknowledged."""
    one, other = nodes("one"), nodes("other")
    made = one.create("1", name="a")
    for file in ("promptgit-push", "promptgit-fetch"):
        path = one.store.repository.path / file
        path.unlink(missing_ok=True)
        path.mkdir()  # in the place of a full disk: neither written nor read
    assert one.save(made.id, "2").newest.number == 2
    other.follow()
    other.save(made.id, "3")
    assert one.save(made.id, "4").newest.number == 4
    assert main_of(upstream.path) == one.store.repository.main()
    upstream.hook("pre-receive", "exit 1")
    with pytest.raises(UpstreamRefused):
        one.save(made.id, "5")


def test_a_lock_that_a_killed_fetch_has_left_is_removed(nodes: Nodes) -> None:
    """At once where it can be seen that no git works, and after a minute where that cannot be seen."""
    one, other = nodes("one"), nodes("other")
    lock = other.store.repository.path / f"{REF}.lock"
    made = one.create("1", name="a")
    lock.touch()
    os.utime(lock, (time.time() - 61,) * 2)
    other.follow()
    assert other.get(made.id) == made
    assert not lock.exists()


def test_pushes_are_spaced_and_batches_grow(nodes: Nodes, upstream: Host) -> None:
    one = nodes("one", interval=0.5)
    made = one.create("1", name="a")
    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        numbers = [run.newest.number for run in pool.map(lambda at: one.save(made.id, f"x{at}"), range(8))]
    assert sorted(numbers) == list(range(2, 10))
    assert time.monotonic() - start >= 0.5


def test_a_refused_operation_fails_alone(nodes: Nodes) -> None:
    one = nodes("one")
    made = one.create("1", name="a")
    with ThreadPoolExecutor(8) as pool:
        runs = [
            pool.submit(one.save, made.id, f"x{number}", attribution=Attribution(if_match=at(number + 1)))
            for number in range(8)
        ]
    outcomes = [run.exception() for run in runs]
    assert all(outcome is None or isinstance(outcome, StaleVersion) for outcome in outcomes)
    done = outcomes.count(None)
    one.follow()
    assert one.numbers("a") == list(range(1, done + 2))


def test_a_ref_whose_name_ends_like_mains_is_not_main(tmp_path: Path, nodes: Nodes) -> None:
    """An upstream that has it, and no main, is an empty one."""
    empty = bare(tmp_path / "empty")
    other = nodes("other").store.repository.path
    git(empty, "fetch", "-q", str(other), "main:refs/backup/refs/heads/main")
    made = nodes("one", str(empty)).create("1", name="a")
    assert main_of(empty) == made.newest.commit


def test_an_empty_upstream_gets_one_beginning(nodes: Nodes, tmp_path: Path) -> None:
    """Whichever of the nodes that start together is first."""
    empty = bare(tmp_path / "empty")
    with ThreadPoolExecutor(4) as pool:
        services = list(pool.map(lambda name: nodes(name, str(empty)), ("one", "two", "three", "four")))
    assert {service.store.repository.main() for service in services} == {main_of(empty)}
