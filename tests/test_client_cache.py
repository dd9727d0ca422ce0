"""The client's `get`: what it keeps in memory, and when it asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from promptgit import errors
from promptgit.client import Client
from promptgit.client.cache import Cache, Key
from promptgit.client.values import Prompt
from tests.clients import Counted, Naps, refreshed
from tests.support import Server


@pytest.fixture
def url(shared: Server) -> str:
    return shared.url


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def wire() -> Counted:
    return Counted()


@pytest.fixture
def client(url: str, naps: Naps, wire: Counted) -> Iterator[Client]:
    with Client(url, transport=wire, clock=naps, sleep=naps.sleep) as client:
        yield client


@pytest.fixture
def other(url: str) -> Iterator[Client]:
    """Somebody else, who writes."""
    with Client(url) as other:
        yield other


def test_what_was_got_is_not_asked_for_again(client: Client, other: Client, wire: Counted) -> None:
    other.create("cache/a", "1")
    for _ in range(3):
        assert client.get("cache/a").content == "1"
    assert len(wire.seen) == 1


def test_what_is_stale_is_given_at_once_and_refreshed_behind(
    client: Client, other: Client, wire: Counted, naps: Naps
) -> None:
    other.create("cache/stale", "1")
    client.get("cache/stale")
    other.save("cache/stale", "2")
    naps.now += 59
    assert client.get("cache/stale").content == "1"
    assert len(wire.seen) == 1
    naps.now += 2
    assert client.get("cache/stale").content == "1"
    refreshed()
    assert client.get("cache/stale").content == "2"
    assert wire.seen == ["GET /api/names/cache/stale"] * 2


def test_what_has_not_changed_is_not_sent_again(url: str, other: Client, naps: Naps) -> None:
    other.create("cache/same", "1")
    wire = Counted()
    with Client(url, transport=wire, clock=naps) as client:
        client.get("cache/same")
        for _ in range(2):
            naps.now += 61
            client.get("cache/same")
            refreshed()
    assert wire.statuses == [200, 304, 304]


def test_a_client_may_be_closed_while_it_refreshes(url: str, other: Client, naps: Naps) -> None:
    other.create("cache/closed", "1")
    with Client(url, clock=naps) as client:
        client.get("cache/closed")
    naps.now += 61
    assert client.get("cache/closed").content == "1"
    refreshed()


def test_a_moved_label_is_followed(client: Client, other: Client, naps: Naps) -> None:
    other.create("cache/label", "1")
    other.save("cache/label", "2")
    other.set_label("cache/label", "production", 1)
    assert client.get("cache/label", label="production").content == "1"
    other.set_label("cache/label", "production", 2)
    naps.now += 61
    client.get("cache/label", label="production")
    refreshed()
    assert client.get("cache/label", label="production").content == "2"


def test_a_version_by_number_follows_its_prompts_labels_and_name(
    client: Client, other: Client, naps: Naps, wire: Counted
) -> None:
    """Its text stays; while nothing changes one request finds that out."""
    other.create("cache/number", "1")
    other.save("cache/number", "2")
    client.get("cache/number", version=1)
    del wire.seen[:]
    for _ in range(2):
        naps.now += 61
        assert client.get("cache/number", version=1).labels == {}
        refreshed()
    assert wire.seen == ["GET /api/names/cache/number"] * 2
    other.set_label("cache/number", "production", 1)
    naps.now += 61
    assert client.get("cache/number", version=1).labels == {}
    refreshed()
    found = client.get("cache/number", version=1)
    assert (found.content, found.labels) == ("1", {"production": 1})


@pytest.mark.parametrize("change", ["delete", "rename", "label"])
def test_what_is_gone_is_forgotten(client: Client, other: Client, naps: Naps, change: str) -> None:
    name, label = f"cache/gone-{change}", "production" if change == "label" else None
    other.create(name, "1")
    other.set_label(name, "production", 1)
    client.get(name, label=label)
    if change == "delete":
        other.delete(name)
    elif change == "rename":
        other.rename(name, name + "-new")
    else:
        other.remove_label(name, "production")
    naps.now += 61
    assert client.get(name, label=label).content == "1"
    refreshed()
    with pytest.raises((errors.PromptNotFound, errors.PromptDeleted, errors.LabelNotFound)):
        client.get(name, label=label)


def test_ones_own_writes_are_seen_at_once(client: Client) -> None:
    client.create("cache/own", "1")
    assert client.get("cache/own").content == "1"
    client.save("cache/own", "2")
    assert client.get("cache/own").content == "2"
    client.set_label("cache/own", "production", 1)
    assert client.get("cache/own", label="production").content == "1"
    for key in ({"version": 1}, {"version": 2}, {"label": "production"}):
        assert client.get("cache/own", **key).labels == {"production": 1}
    client.set_label("cache/own", "production", 2)
    for key in ({"version": 1}, {"version": 2}, {"label": "production"}):
        assert client.get("cache/own", **key).labels == {"production": 2}
    prompt_id = client.rename("cache/own", "cache/own-new").id
    for key in ({"version": 1}, {"version": 2}, {"label": "production"}, {}):
        assert client.get(prompt_id, **key).name == "cache/own-new"
        with pytest.raises(errors.PromptNotFound):
            client.get("cache/own", **key)
    client.rename(prompt_id, "cache/own")
    for key in ({"version": 1}, {"version": 2}, {"label": "production"}, {}):
        assert client.get(prompt_id, **key).name == client.get("cache/own", **key).name == "cache/own"
    client.revert("cache/own", 1)
    assert client.get("cache/own").version_number == 3
    client.delete("cache/own")
    with pytest.raises(errors.PromptDeleted):
        client.get("cache/own")


def test_an_answer_from_before_a_write_is_not_kept() -> None:
    cache = Cache(60, 10, 5, lambda: 0.0)
    before = cache.generation
    cache.forget("some id")
    cache.put(Key("a"), Prompt.fallback("a", "old"), "", before)
    assert cache.look(Key("a")) is None


def test_the_cache_keeps_what_was_asked_for_last(url: str, other: Client) -> None:
    wire = Counted()
    for name in "abc":
        other.create(f"cache/size-{name}", name)
    with Client(url, transport=wire, cache_size=2) as client:
        for name in "abacabc":
            assert client.get(f"cache/size-{name}").content == name
    assert len(wire.seen) == 5


def test_many_threads_ask_once(client: Client, other: Client, wire: Counted, naps: Naps) -> None:
    """For what is not there, and for what is stale."""
    other.create("cache/threads", "1")

    def all_at_once() -> set[str]:
        start, found = threading.Barrier(16), list[str]()

        def get() -> None:
            start.wait(60)
            found.append(client.get("cache/threads").content)

        threads = [threading.Thread(target=get) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        refreshed()
        assert len(found) == 16
        return set(found)

    assert (all_at_once(), len(wire.seen)) == ({"1"}, 1)
    naps.now += 61
    assert (all_at_once(), len(wire.seen)) == ({"1"}, 2)


def test_threads_that_write_and_read_agree(client: Client) -> None:
    client.create("cache/race", "0")
    failures: list[BaseException] = []

    def work(mine: int) -> None:
        try:
            for turn in range(5):
                client.save("cache/race", f"{mine} {turn}")
                client.get("cache/race")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert client.get("cache/race").content == client.get("cache/race", version=31).content
