"""`promptgit promote`, and what is shown before a label moves."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from promptgit.client import Client
from tests.clients import run
from tests.support import PROMPTGIT, Server, command, environment


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """Of a server where staging is at the newest of three prompts, and production at the first version of one."""
    with Client(server.url) as client:
        with client.commit() as changes:
            changes.create("support/greeting", "a\nb\nc\n")
            changes.label("support/greeting", "production")
            for name in ("support/new", "other"):
                changes.create(name, name)
                changes.label(name, "staging")
        with client.commit() as changes:
            changes.save("support/greeting", "a\nB\nC\nd\n")
            changes.label("support/greeting", "staging")
        yield client


@pytest.fixture
def url(client: Client) -> dict[str, str]:
    return {"PROMPTGIT_URL": client.url}


SUPPORT = ["support/greeting  v1 -> v2  +3 -2", "support/new  nowhere -> v1"]


def test_it_shows_what_will_move_and_does_it_in_one_commit(client: Client, url: dict[str, str]) -> None:
    promote = ("promote", "staging", "production", "--prefix", "support/")
    assert run(url, *promote, "--dry-run").splitlines() == SUPPORT
    assert "add --yes" in run(url, *promote, code=1)
    assert client.get("support/greeting").labels == {"production": 1, "staging": 2}
    done = run(url, *promote, "--yes", "-m", "Evaluated").splitlines()
    moves = [client.label_history(name, "production")[-1] for name in ("support/greeting", "support/new")]
    assert done == [*SUPPORT, f"[{moves[0].commit[:7]}] 2 prompts"]
    assert {(move.commit, move.description) for move in moves} == {(moves[0].commit, "Evaluated")}
    assert client.get("other").labels == {"staging": 1}
    assert run(url, *promote, "--yes") == ""
    assert "Nothing to promote" in command(*promote, **url).stderr


def test_it_prints_json(client: Client, url: dict[str, str]) -> None:
    foreseen = json.loads(run(url, "promote", "latest", "stable", "--dry-run", "--json"))
    assert foreseen["commit"] is None
    assert [one["name"] for one in foreseen["results"]] == ["other", "support/greeting", "support/new"]
    made = json.loads(run(url, "promote", "latest", "stable", "--yes", "--json"))
    assert made == foreseen | {"commit": client.label_history("other", "stable")[0].commit}
    assert json.loads(run(url, "promote", "latest", "stable", "--json")) == {"commit": None, "results": []}


def test_a_terminal_is_asked(client: Client, url: dict[str, str]) -> None:
    for answer, code in ((b"n\n", 1), (b"y\n", 0)):
        parent, child = pty.openpty()
        process = subprocess.Popen(
            [PROMPTGIT, "promote", "staging", "production"],
            stdin=child,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(**url),
        )
        os.close(child)
        os.write(parent, answer)
        _, told = process.communicate()
        os.close(parent)
        assert (process.returncode, b"Point production there?" in told) == (code, True)
        assert (client.label_history("support/greeting", "production")[-1].after == 2) == (code == 0)


def test_it_works_on_a_folder(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    assert command("reindex", *data).returncode == 0
    assert command("save", "a", *data, data=b"1").returncode == 0
    assert command("promote", "latest", "production", "--yes", *data).stdout.splitlines()[0] == "a  nowhere -> v1"


def test_the_command_label_shows_what_it_changes_before_it_does(client: Client, url: dict[str, str]) -> None:
    done = command("label", "support/greeting", "production", "staging", **url)
    assert done.stderr.splitlines() == [SUPPORT[0]]
    assert done.stdout == "production of support/greeting -> version 2\n"
    assert command("label", "support/greeting", "production", "2", **url).stderr == ""
    assert command("label", "support/greeting", "production", "1", "--json", **url).stderr == ""
    removed = command("label", "support/greeting", "production", "--delete", **url)
    assert removed.stderr == "support/greeting  v1 -> nowhere\n"
    assert client.get("support/greeting").labels == {"staging": 2}
