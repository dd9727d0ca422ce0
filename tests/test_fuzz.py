"""Whatever is sent, the service answers as its OpenAPI document says."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptgit.auth.tokens import Scope, Tokens
from tests.fuzz.campaign import attack
from tests.support import Http, Server

pytestmark = pytest.mark.slow


def test_no_request_gets_an_answer_that_is_not_documented(server: Server, tmp_path: Path) -> None:
    """All checks, on requests that keep the rules, break them and follow each other, with a token and without."""
    secret = Tokens(server.folder).create("root", Scope.ADMIN)[1]
    token = ("-H", f"Authorization: Bearer {secret}")
    done = attack(server.url, tmp_path, "--max-examples", "1", "--generation-deterministic", *token)
    assert done.returncode == 0, done.stdout
    paths = Http(server.url)("GET", "/openapi.json").json["paths"]
    # schemathesis leaves out the address that it has the document from; git's protocol is for git to test
    tested = [path for name, path in paths.items() if name != "/openapi.json" and not name.startswith("/prompts.git")]
    assert f"Tested: {sum(map(len, tested))}" in done.stdout
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in done.stdout
