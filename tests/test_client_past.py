"""The client and the commands as of a commit, a time or a day."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promptgit import errors
from promptgit.client import AsyncClient, Client, ServerAway
from tests.clients import Counted, Naps, run
from tests.support import Server, command

FUTURE = datetime(2099, 1, 1, tzinfo=UTC)


def history(client: Client, name: str) -> str:
    """A prompt that was saved, labelled, renamed; the commit of its first label."""
    client.create(name, "1")
    commit = client.set_label(name, "production", 1).commit
    client.save(name, "2")
    client.set_label(name, "production", 2)
    client.rename(name, f"{name}-new")
    return commit


def test_get_list_and_labels_are_those_of_then(shared: Server) -> None:
    """By the name of then; with a label or a number, too."""
    with Client(shared.url) as client:
        at = history(client, "past/a")
        for _ in range(2):  # the second one from memory
            then = client.get("past/a", at=at)
            assert (then.name, then.content, then.labels) == ("past/a", "1", {"production": 1})
        assert client.get("past/a", label="production", at=at).version_number == 1
        assert client.get("past/a", version=1, at=at).content == "1"
        with pytest.raises(errors.VersionNotFound):
            client.get("past/a", version=2, at=at)
        with pytest.raises(errors.LabelNotFound):
            client.get("past/a", label="staging", at=at)
        assert [(label.label, label.version_number) for label in client.labels("past/a", at=at)] == [("production", 1)]
        assert [one.name for one in client.list(prefix="past/a", at=at, page=1)] == ["past/a"]
        assert client.get("past/a-new", at=FUTURE) == client.get("past/a-new")
        with pytest.raises(errors.PromptNotFound):
            client.get("past/a-new", at=at)
        with pytest.raises(errors.CommitNotFound):
            client.get("past/a-new", at=datetime(1999, 1, 1, tzinfo=UTC))
        with pytest.raises(errors.Invalid):
            list(client.list(q="x", at=at))
        with pytest.raises(ValueError, match="has no zone"):
            client.get("past/a-new", at=datetime(2099, 1, 1))  # what is refused


def test_the_client_for_asyncio_does_the_same(shared: Server) -> None:
    async def read(at: str) -> None:
        async with AsyncClient(shared.url) as client:
            assert (await client.get("past/async", at=at)).content == "1"
            assert [one.name async for one in client.list(prefix="past/async", at=at)] == ["past/async"]
            assert [one.version_number for one in await client.labels("past/async", at=at)] == [1]

    with Client(shared.url) as client:
        at = history(client, "past/async")
    asyncio.run(read(at))


def test_while_the_server_is_away_the_folder_tells_now_and_then_apart(tmp_path: Path) -> None:
    naps, folder = Naps(), tmp_path / "kept"
    with Server(tmp_path / "data") as server:
        with Client(server.url, folder=folder) as client:
            at = history(client, "a")
            assert client.get("a", at=at).content == "1"
            assert client.get("a-new").content == "2"
        url = server.url
    with Client(url, folder=folder, clock=naps, sleep=naps.sleep, transport=Counted()) as client:
        assert client.get("a", at=at).labels == {"production": 1}
        assert client.get("a-new").content == "2"
        with pytest.raises((ServerAway, errors.Unavailable)):
            client.get("a")


def test_the_commands_take_a_commit_a_time_or_a_day(shared: Server) -> None:
    """A day stands for its end, in UTC."""
    url = {"PROMPTGIT_URL": shared.url}
    with Client(shared.url) as client:
        at = history(client, "past/cli")
        born = client.get("past/cli-new").created_at
    assert run(url, "show", "past/cli", "--at", at) == "1"
    assert run(url, "show", "past/cli@production", "--at", at) == "1"
    assert json.loads(run(url, "show", "past/cli", "--at", at, "--json"))["labels"] == {"production": 1}
    assert run(url, "ls", "past/cli", "--at", at) == "past/cli\n"
    assert run(url, "label", "past/cli", "--at", at).startswith("production                1  ")
    today = max(datetime.now(UTC), born).strftime("%Y-%m-%d")
    assert run(url, "show", "past/cli-new", "--at", today) == "2"
    assert run(url, "show", "past/cli-new", "--at", "2099-01-01T00:00:00+01:00") == "2"


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("ls", "--at", "yesterday"), 2, "neither a commit's full id"),
        (("ls", "--at", "2026-02-30"), 2, "neither a commit's full id"),
        (("ls", "--at", "1999-12-31"), 1, "names no commit"),
        (("ls", "--search", "x", "--at", "2099-01-01"), 1, "the newest contents alone"),
        (("label", "past/x", "production", "--at", "2099-01-01"), 2, "With --at give no label"),
    ],
)
def test_what_the_commands_refuse(shared: Server, arguments: tuple[str, ...], code: int, why: str) -> None:
    done = command(*arguments, PROMPTGIT_URL=shared.url)
    assert done.returncode == code
    assert why in " ".join(done.stderr.split())
