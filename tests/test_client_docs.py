"""docs/client.md does what it says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from promptgit.auth.tokens import Scope, Tokens
from promptgit.client import Client, HttpError, MissingVariable, ServerAway, UnknownVariable
from tests.support import Server

TEXT = (Path(__file__).parents[1] / "docs" / "client.md").read_text()


def test_the_program_works_as_it_stands(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an administrator's token in the environment, and that of somebody who approves."""
    tokens = Tokens(server.folder)
    monkeypatch.setenv("PROMPTGIT_TOKEN", tokens.create("admin", Scope.ADMIN)[1])
    monkeypatch.setenv("BOB_TOKEN", tokens.create("bob", Scope.WRITE, may_move=["production"])[1])
    blocks = re.findall(r"<!-- tested.*?```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == TEXT.count("```python")
    program = "\n".join(blocks).replace("http://127.0.0.1:8000", server.url)
    names: dict[str, object] = {}
    exec(compile(program, "docs/client.md", "exec"), names)
    with Client(server.url) as client:
        assert [version.description for version in client.versions("support/hello")] == [
            "First",
            "Shorter",
            "Update support/greeting",
            "Too short",
            "Revert to version 4",
        ]
        assert [release.state for release in client.releases()] == [
            "overridden",
            "released",
            "released",
            "withdrawn",
            "released",
        ]


def test_every_verb_is_in_it() -> None:
    for name, _ in inspect.getmembers(Client, inspect.isfunction):
        assert name[0] == "_" or re.search(rf"\b(client|bob)\.{name}\(", TEXT), name


def test_every_error_of_the_client_is_in_it() -> None:
    for kind in (HttpError, MissingVariable, ServerAway, UnknownVariable):
        assert f"`{kind.__name__}`" in TEXT
        assert f"`{kind.code}`" in TEXT
