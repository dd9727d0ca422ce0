"""Whatever is sent, the service answers as its OpenAPI document says."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.campaign import attack
from tests.support import Http, Server


def test_no_request_gets_an_answer_that_is_not_documented(server: Server, tmp_path: Path) -> None:
    """All checks, on requests that keep the rules, that break them, and that follow each other."""
    done = attack(server.url, tmp_path, "--max-examples", "10", "--generation-deterministic")
    assert done.returncode == 0, done.stdout
    paths = Http(server.url)("GET", "/openapi.json").json["paths"]
    del paths["/openapi.json"]  # schemathesis leaves out the address that it has the document from
    assert f"Tested: {sum(len(path) for path in paths.values())}" in done.stdout
    for phase in ("Examples", "Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in done.stdout
