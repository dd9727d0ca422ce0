"""What a message of the Model Context Protocol says again in headers of HTTP, since the revision 2026-07-28.

Source: modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http, "Request Metadata". Pure
functions, no I/O: the service compares these headers, and `promptgit mcp` sends them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

VERSION_HEADER = "MCP-Protocol-Version"
VERSION = "io.modelcontextprotocol/protocolVersion"
"""Key of a request's `_meta`: the revision that it follows."""

_NAMED = ("prompts/get", "tools/call")
_ENCODED = re.compile(r"=\?base64\?(.*)\?=", re.DOTALL)
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)


def params_of(message: object) -> Mapping[str, Any]:
    """The parameters of a message; none where it has none, or is no message."""
    params = message.get("params") if isinstance(message, dict) else None
    return params if isinstance(params, dict) else {}


def version_of(message: object) -> object:
    """The revision that a request says it follows; None before 2026-07-28, when it did not."""
    meta = params_of(message).get("_meta")
    return meta.get(VERSION) if isinstance(meta, dict) else None


def headers_of(message: object) -> dict[str, str]:
    """The headers that a request is sent with, before they are encoded; none before 2026-07-28."""
    version = version_of(message)
    if not isinstance(message, dict) or not isinstance(version, str):
        return {}
    method, name = message.get("method"), params_of(message).get("name")
    headers = {VERSION_HEADER: version}
    if isinstance(method, str):
        headers["Mcp-Method"] = method
        if method in _NAMED and isinstance(name, str):
            headers["Mcp-Name"] = name
    return headers


def encoded(value: str) -> str:
    """A value as a header may have it: in Base64 if it is not visible ASCII, or looks as if it were encoded."""
    if _PLAIN.fullmatch(value) and not _ENCODED.fullmatch(value):
        return value
    return f"=?base64?{base64.b64encode(value.encode(errors='replace')).decode()}?="


def decoded(header: str) -> str | None:
    """The value that a header stands for; None if it is no Base64 of UTF-8, and says that it is."""
    found = _ENCODED.fullmatch(header)
    if found is None:
        return header
    try:
        return base64.b64decode(found[1], validate=True).decode()
    except ValueError:
        return None
