"""Whatever is sent, the service answers as its OpenAPI document says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import LONG, attempts
from tests.fuzz.campaign import attack
from tests.support import Http, Server

EXAMPLES = str(attempts(1, 5, 100))

pytestmark = pytest.mark.slow


def test_no_request_gets_an_answer_that_is_not_documented(server: Server, tmp_path: Path) -> None:
    """All checks, on requests that keep the rules, break them and follow each other, with a token and without.

    The short form leaves out the phase that tries each limit of each field.
    """
    phases = ("Examples", *(["Coverage"] if LONG else []), "Fuzzing", "Stateful")
    options = ("--phases", ",".join(phases).lower(), "--max-examples", EXAMPLES, "--generation-deterministic")
    done = attack(server, tmp_path, *options)
    assert done.returncode == 0, done.stdout
    paths = Http(server.url)("GET", "/openapi.json").json["paths"]
    # schemathesis leaves out the address that it has the document from; git's protocol is for git to test
    tested = [path for name, path in paths.items() if name != "/openapi.json" and not name.startswith("/prompts.git")]
    assert f"Tested: {sum(map(len, tested))}" in done.stdout
    for phase in phases:
        assert f"✅ {phase}" in done.stdout
    assert "Authentication failed" not in done.stdout, "an operation had no answer but 401 or 403"
