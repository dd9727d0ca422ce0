"""What the Python client of the Model Context Protocol does with promptgit; run with each version of the package `mcp`.

The arguments are the address of the service, and the command that offers the same on standard input and output.
"""

from __future__ import annotations

import asyncio
import sys
from importlib.metadata import version
from typing import Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

URL, COMMAND = sys.argv[1], StdioServerParameters(command=sys.argv[2], args=sys.argv[3:])
IS_FIRST = version("mcp").startswith("1.")


async def use_session(transport: Any) -> None:
    """The package 1, which knows the revisions up to 2025."""
    async with transport as streams, ClientSession(streams[0], streams[1]) as client:
        assert dump(await client.initialize())["protocolVersion"] == "2025-11-25"
        await client.send_ping()
        await use(client)


async def use_client(transport: Any, mode: str, revision: str) -> None:
    """The package 2, which begins with a handshake, or finds out first with whom it speaks."""
    from mcp import Client

    async with Client(transport, mode=mode) as client:
        assert client.protocol_version == revision
        await use(client)


async def use(client: Any) -> None:
    listed = dump(await client.list_prompts())
    names = [prompt["name"] for prompt in listed["prompts"]]
    while listed.get("nextCursor"):
        cursor = listed["nextCursor"]
        listed = dump(await client.list_prompts(cursor=cursor))
        names += [prompt["name"] for prompt in listed["prompts"]]
    assert len(names) == 63 and names == sorted(names), names

    found = dump(await client.get_prompt("Grüße/an Ada & Co", {"wer": "Ada"}))
    assert [one["content"]["text"] for one in found["messages"]] == ["Hallo Ada"]
    found = dump(await client.get_prompt("support/chat", {"who": "Ada", "history": "Before"}))
    said = [(one["role"], one["content"]["text"]) for one in found["messages"]]
    assert said == [("user", "You serve Ada."), ("user", "Before"), ("assistant", "Hi")]
    assert "lacks a value for who" in await refusal(client.get_prompt("support/chat", {}))
    assert "none" in await refusal(client.get_prompt("none", {}))

    tools = dump(await client.list_tools())["tools"]
    assert [tool["name"] for tool in tools] == ["list_prompts", "get_prompt"]
    got = dump(await client.call_tool("get_prompt", {"name": "support/chat", "arguments": {"who": "Ada"}}))
    assert got["structuredContent"]["prompt"][0] == {"role": "system", "content": "You serve Ada."}
    assert dump(await client.call_tool("get_prompt", {"name": "none"}))["isError"]


async def refusal(call: Any) -> str:
    try:
        await call
    except Exception as error:
        return str(error)
    raise AssertionError


def dump(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True)


async def main() -> None:
    if IS_FIRST:
        await use_session(streamable_http_client(URL))
        await use_session(stdio_client(COMMAND))
    else:
        await use_client(streamable_http_client(URL), "legacy", "2025-11-25")
        await use_client(streamable_http_client(URL), "auto", "2026-07-28")
        await use_client(stdio_client(COMMAND), "auto", "2026-07-28")


asyncio.run(main())
print("mcp", version("mcp"))
