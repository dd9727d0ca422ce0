"""The command mcp: /mcp over standard input and output, for clients that start programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import httpx2

from promptgit.cli.base import data_option, main
from promptgit.cli.target import connect_http
from promptgit.client import errors, wire
from promptgit.domain import mcp
from promptgit.errors import PromptgitError

_INTERNAL_ERROR = -32603


@main.command("mcp")
@data_option
@click.option("--url", metavar="URL", help="The server.  [default: PROMPTGIT_URL]")
@click.option(
    "--label",
    default="production",
    metavar="LABEL",
    help="Offer the prompts with this label; latest: all.  [default: production]",
)
def serve_mcp(url: str | None, data: Path | None, label: str) -> None:
    """Serve prompts by the Model Context Protocol, over standard input and output.

    A client starts this command, sends one JSON message per line, and reads one answer per line. With --url, the
    server is asked with the token in PROMPTGIT_TOKEN.
    """
    with connect_http(url, data) as client:
        for line in sys.stdin.buffer:
            if line.strip() and (answer := _answer(client, label, line)):
                sys.stdout.buffer.write(answer + b"\n")
                sys.stdout.buffer.flush()


def _answer(client: httpx2.Client, label: str, line: bytes) -> bytes:
    """What the server answers to one line; empty if the line is a notification."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        message = None  # the server says what is wrong with it
    headers = {name: mcp.encoded(value) for name, value in mcp.headers_of(message).items()}
    headers["Content-Type"] = "application/json"
    try:
        answer = client.post("mcp", params={"label": label}, content=line, headers=headers)
    except httpx2.RequestError as error:
        return _failure(message, wire.away(error, str(client.base_url)))
    if answer.status_code == 202 or answer.headers.get("Content-Type") == "application/json":
        return answer.content
    return _failure(message, errors.refusal(answer.status_code, answer.content))


def _failure(message: object, error: PromptgitError) -> bytes:
    """The answer to a message that the server did not get, or refused before reading it."""
    click.echo(f"promptgit: {error}", err=True)
    if not isinstance(message, dict) or "id" not in message:
        return b""
    told = {"code": _INTERNAL_ERROR, "message": str(error)}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": told}).encode()
