"""The Python client makes several changes in one commit, and promotes labels."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from promptgit import errors
from promptgit.client import AsyncClient, Author, ChangeResult, Changes, Client, Promotion
from tests.clients import Counted, Forgetful
from tests.support import Server


@pytest.fixture
def client(shared: Server) -> Iterator[Client]:
    with Client(shared.url) as client:
        yield client


def test_a_block_is_one_commit(client: Client, shared: Server) -> None:
    """Sent at its end, with one request; what this client has in memory is read again."""
    client.create("block/a", "1")
    old = client.create("block/old", "old")
    assert client.get("block/a").version_number == 1
    transport = Counted()
    with Client(shared.url, transport=transport) as counted:
        with counted.commit(description="All", author=Author("Ada", "ada@x")) as changes:
            changes.save("block/a", "2", if_match=1)
            changes.create("block/b", "b")
            changes.rename(old.id, "block/new")
            changes.label("block/a", "production")
            changes.label("block/b", "production")
            assert transport.seen == []
        assert transport.seen == ["POST /api/commits"]
    assert [(one.name, one.version_number, one.changed) for one in changes.result.results] == [
        ("block/a", 2, True),
        ("block/b", 1, True),
        ("block/new", 1, True),
        ("block/a", 2, True),
        ("block/b", 1, True),
    ]
    (version,) = client.versions("block/a", newest_first=True, after=1)
    assert (version.commit, version.description, version.author.name) == (changes.result.commit, "All", "Ada")
    with client.commit() as more:
        more.delete("block/b")
        more.restore("block/a", 1)
        more.label("block/a", "production", None)
    assert all(one.changed for one in more.result.results)
    assert (client.get("block/a").content, client.get("block/a").labels) == ("1", {})


def test_a_block_that_raises_sends_nothing(client: Client) -> None:
    def block() -> None:
        with client.commit() as changes:
            changes.create("raises/a", "1")
            _ = 1 // 0

    with pytest.raises(ZeroDivisionError):
        block()
    with pytest.raises(errors.PromptNotFound):
        client.get("raises/a")
    with client.commit() as nothing:
        pass
    assert nothing.result == (None, ())


def test_changes_are_sent_as_the_api_takes_them(client: Client) -> None:
    change = {"name": "list/a", "content": "1"}
    foreseen = client.commit([change], dry_run=True)
    made = client.commit([change])
    assert (foreseen.commit, foreseen.results) == (None, made.results)
    assert made.commit == client.get("list/a").commit
    assert client.commit([change]).results == (ChangeResult(client.find("list/a"), "list/a", 1, False),)


def test_each_refusal_is_the_services_own(client: Client) -> None:
    client.create("refused/a", "1")
    changes = Changes()
    changes.create("refused/b", "1")
    changes.create("refused/a", "2")
    changes.delete("refused/none")
    with pytest.raises(errors.ChangesRefused) as caught:
        client.commit(changes.collected)
    assert list(caught.value.refusals) == [1, 2]
    first, second = caught.value.refusals.values()
    assert isinstance(first, errors.StaleVersion)
    assert (first.current, caught.value.code) == (1, "stale_version")
    assert isinstance(second, errors.NameNotFound)
    assert "index 1" in str(caught.value)


def test_a_lost_answer_makes_nothing_twice(shared: Server) -> None:
    with Client(shared.url, transport=Forgetful("POST"), sleep=lambda _: None) as client:
        made = client.commit([{"name": "lost/a", "content": "1"}])
        assert (made.results[0].changed, made.commit) == (True, client.get("lost/a").commit)


def test_a_label_is_promoted(client: Client) -> None:
    with client.commit() as changes:
        changes.create("promoted/a", "1")
        changes.create("promoted/b", "1")
        changes.label("promoted/a", "staging")
    assert client.get("promoted/a").labels == {"staging": 1}
    foreseen = client.promote("staging", "production", prefix="promoted/", dry_run=True)
    made = client.promote("staging", "production", prefix="promoted/", description="Evaluated")
    assert made.results == foreseen.results == (Promotion(client.find("promoted/a"), "promoted/a", None, 1),)
    assert (foreseen.commit, made.commit) == (None, client.label_history("promoted/a", "production")[0].commit)
    assert client.get("promoted/a").labels == {"production": 1, "staging": 1}
    with pytest.raises(errors.Invalid):
        client.promote("staging", "../x")


def test_asyncio_has_the_same(shared: Server) -> None:
    async def block(client: AsyncClient) -> None:
        async with client.commit() as changes:
            changes.delete("async/a")
            _ = 1 // 0

    async def run() -> None:
        async with AsyncClient(shared.url) as client:
            async with client.commit(description="All") as changes:
                changes.create("async/a", "1")
                changes.label("async/a", "staging")
            assert (await client.get("async/a")).commit == changes.result.commit
            made = await client.commit([{"name": "async/a", "content": "2"}])
            assert made.results[0].version_number == 2
            promoted = await client.promote("latest", "staging", prefix="async")
            assert promoted.results[0].after == 2
            with pytest.raises(ZeroDivisionError):
                await block(client)
            assert (await client.get("async/a")).labels == {"staging": 2}

    asyncio.run(run())
