"""The command mcp: prompts for clients of the Model Context Protocol that start a program."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from promptgit.auth.tokens import Scope, Tokens
from tests.documents import marked, shell
from tests.support import PROMPTGIT, Http, Server, environment
from tests.test_langfuse import PROMPTS


def test_the_pages_commands_work(tmp_path: Path) -> None:
    (script,) = marked("mcp.md", "sh")
    with Server(tmp_path / "data") as server:
        said = shell(script.replace("http://127.0.0.1:8000", server.url), tmp_path, PROMPTGIT_TOKEN="")
    assert '"text":"Hello Ada, how can I help with orders?"' in said
    assert '{"name":"support/greeting","description":"Greets by name"' in said


def converse(lines: list[bytes], *options: str, **settings: str) -> tuple[list[Any], str]:
    """The messages that `promptgit mcp` answers to some lines, and what it says on standard error."""
    done = subprocess.run(
        [PROMPTGIT, "mcp", *options],
        input=b"".join(lines),
        env=environment(**settings),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_a_program_reads_and_writes_a_message_a_line(server: Server) -> None:
    """On a folder as its owner, on a server with the rights of a token; what cannot be asked is an error."""
    http = Http(server.url)
    http("POST", PROMPTS, {"name": "Grüße", "prompt": "Hallo {{wer}}", "labels": ["staging"]})
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    params = {"name": "Grüße", "arguments": {"wer": "Ada"}, "_meta": meta}
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": params}).encode() + b"\n",
        b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n',
        b"\n",
        b"no JSON\n",
        b'{"jsonrpc": "2.0", "id": "last", "method": "ping"}',
    ]
    _, secret = Tokens(server.folder).create("reader", Scope.READ)
    for options in (("--data", str(server.folder)), ("--url", server.url)):
        told, said = converse(lines, *options, "--label", "staging", PROMPTGIT_TOKEN=secret)
        assert [(one["id"], one.get("error", {}).get("code")) for one in told] == [
            (1, None),
            (None, -32700),
            ("last", None),
        ]
        assert told[0]["result"]["messages"][0]["content"]["text"] == "Hallo Ada"
        assert said == ""

    for settings, words in (
        ({"PROMPTGIT_TOKEN": "pgt_wrong"}, "token"),
        ({"PROMPTGIT_URL": "http://127.0.0.1:9", "PROMPTGIT_TOKEN": secret}, "does not answer"),
    ):
        told, said = converse(lines, **{"PROMPTGIT_URL": server.url, **settings})
        assert [one["id"] for one in told] == [1, "last"]
        assert all(one["error"]["code"] == -32603 and words in one["error"]["message"] for one in told)
        assert words in said
