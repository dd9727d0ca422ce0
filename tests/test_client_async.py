"""The client for asyncio: the same verbs, errors, cache and retries."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path

import pytest

from promptgit import errors
from promptgit.client import AsyncClient, Client, ServerAway
from tests.clients import CountedAsync, ForgetfulAsync, Naps
from tests.support import Server


@pytest.fixture
def url(shared: Server) -> str:
    return shared.url


def test_it_has_the_same_verbs_as_the_other_one() -> None:
    def verbs(kind: type) -> dict[str, list[str]]:
        public = inspect.getmembers(kind, lambda member: callable(member))
        return {name: list(inspect.signature(verb).parameters) for name, verb in public if name[0] != "_"}

    assert verbs(AsyncClient) == verbs(Client)
    assert len(verbs(Client)) == 38


def test_every_verb_works(url: str) -> None:
    async def all_of_them() -> None:
        async with AsyncClient(url) as client:
            prompt = await client.create("async/a", "1")
            assert (await client.save("async/a", "2\n")).version_number == 2
            assert (await client.put("async/a", "2\n")).version_number == 2
            assert (await client.set_label("async/a", "production", 1)).label == "production"
            assert (await client.get("async/a", label="production")).content == "1"
            assert (await client.diff("async/a", 1, 2)).additions == 1
            assert [lines.version_number for lines in await client.blame("async/a", 2)] == [2]
            assert await client.content("async/a", 2) == b"2\n"
            assert (await client.version("async/a", 1)).text == "1"
            assert all(reads.who is None for reads in await client.usage("async/a"))
            assert [label.version_number for label in await client.labels("async/a")] == [1]
            await client.remove_label("async/a", "production")
            assert len(await client.label_history("async/a", "production")) == 2
            assert [version.version_number async for version in client.versions("async/a", page=1)] == [1, 2]
            await client.rename("async/a", "async/b")
            assert await client.find("async/b") == prompt.id
            assert await client.revert("async/b", 1) == 3
            kinds = [change.type async for change in client.changes(page=2) if change.prompt_id == prompt.id]
            assert kinds == ["version", "version", "label", "label", "rename", "version"]
            assert [found.name async for found in client.list(prefix="async/", page=1)] == ["async/b"]
            await client.delete("async/b")
            with pytest.raises(errors.PromptDeleted):
                await client.get(prompt.id)

    asyncio.run(all_of_them())


def test_a_write_whose_answer_was_lost_is_done_once(url: str) -> None:
    async def lost() -> None:
        async with AsyncClient(url) as other:

            async def meanwhile(_: float) -> None:
                await other.rename("async/lost", "async/found")

            async with AsyncClient(url, transport=ForgetfulAsync("POST"), sleep=meanwhile) as client:
                assert (await client.create("async/lost", "1")).name == "async/lost"
            assert [prompt.name async for prompt in other.list(q="async/lost")] == []
            assert (await other.get("async/found")).version_number == 1

    asyncio.run(lost())


def test_what_is_stale_is_refreshed_by_a_task_and_asked_for_once(url: str) -> None:
    wire, naps = CountedAsync(), Naps()

    async def many() -> None:
        async with AsyncClient(url, transport=wire, clock=naps) as client, AsyncClient(url) as other:
            await other.create("async/stale", "1")
            found = await asyncio.gather(*(client.get("async/stale") for _ in range(10)))
            assert {prompt.content for prompt in found} == {"1"}
            assert len(wire.seen) == 1
            await other.save("async/stale", "2")
            naps.now += 61
            found = await asyncio.gather(*(client.get("async/stale") for _ in range(10)))
            assert {prompt.content for prompt in found} == {"1"}
            while len(wire.seen) < 2 or (await client.get("async/stale")).content != "2":
                await asyncio.sleep(0)
            assert len(wire.seen) == 2

    asyncio.run(many())


def test_while_the_server_is_away(tmp_path: Path) -> None:
    naps = Naps()

    async def away() -> None:
        with Server(tmp_path / "data") as server:
            async with AsyncClient(server.url, folder=tmp_path / "kept") as client:
                await client.create("a", "kept")
                await client.get("a")
            server.stop()
        async with AsyncClient(server.url, folder=tmp_path / "kept", clock=naps, sleep=naps.asleep) as client:
            assert (await client.get("a")).content == "kept"
            assert (await client.get("b", fallback="f")).is_fallback
            with pytest.raises(ServerAway):
                await client.get("b")
        assert len(naps.taken) == 6

    asyncio.run(away())
