"""The protocol around the methods: JSON-RPC 2.0, the revisions, what HTTP repeats in headers.

The revisions of 2025 begin with `initialize`, which promises nothing that a later request needs: there is no session.
From 2026-07-28 on each request names its revision, and results say how long they may be kept. Source:
modelcontextprotocol.io/specification, the pages "Lifecycle", "Versioning" and "Streamable HTTP" of each revision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as installed
from typing import Any

from werkzeug.datastructures import Headers

from promptgit.domain import mcp
from promptgit.errors import PromptgitError
from promptgit.http.api.problems import status_of

Json = dict[str, Any]
Methods = Mapping[str, Callable[[Json], Json]]
"""By the name of a method: from its parameters to its result."""

MODERN = "2026-07-28"
HANDSHAKEN = ("2025-11-25", "2025-06-18", "2025-03-26")  # the newest first
BATCHED = HANDSHAKEN[-1]
"""The revision whose clients may send an array of messages. A request that names no revision follows it."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
_HEADER_MISMATCH, _UNSUPPORTED_VERSION = -32020, -32022

_CAPABILITIES: Json = {"prompts": {}, "tools": {}}
_INSTRUCTIONS = (
    "Prompts that are kept in git, with versions and labels. A prompt is filled in by its arguments. "
    "Nothing here can be changed."
)
_CACHED = {"server/discover": 3_600_000, "tools/list": 3_600_000, "prompts/list": 10_000}  # in milliseconds


@dataclass(eq=False)
class Refused(Exception):
    """Why a message gets an error of JSON-RPC; *status* is the one of HTTP."""

    code: int
    message: str
    status: int = 200
    data: Json | None = None

    def __str__(self) -> str:
        return self.message


def failure(request_id: object, refused: Refused) -> Json:
    """The answer to a message that is refused; *request_id* is None where the message has none that can be read."""
    error: Json = {"code": refused.code, "message": refused.message}
    if refused.data is not None:
        error["data"] = refused.data
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


def reply(message: object, sent: Headers, methods: Methods) -> tuple[int, Json | None]:
    """The status and the answer to one message; None to a notification. *sent* are the headers of the request.

    Raises:
        PromptgitError: the service cannot read.
    """
    request_id = message.get("id") if isinstance(message, dict) else None
    if isinstance(request_id, bool) or not isinstance(request_id, str | int):
        request_id = None
    try:
        revision = _revision(message, sent)
        method, params = _call(message)
        if isinstance(message, dict) and "id" not in message:
            return 202, None
        result = _modern(method, params, sent, methods) if revision == MODERN else _result(method, params, methods)
    except Refused as refused:
        return refused.status, failure(request_id, refused)
    return 200, {"jsonrpc": "2.0", "id": request_id, "result": result}


def _call(message: object) -> tuple[str, Json]:
    """The method and the parameters of a request or a notification."""
    match message:
        case {"jsonrpc": "2.0", "method": str(method), **rest}:
            named = rest.get("id", "")
            if isinstance(named, str | int) and not isinstance(named, bool):
                params = rest.get("params", {})
                if isinstance(params, dict):
                    return method, params
                raise Refused(INVALID_PARAMS, "The params are not an object.", 400)
    raise Refused(INVALID_REQUEST, "This is no request of JSON-RPC 2.0 with a method, and an id if it has one.", 400)


def _revision(message: object, sent: Headers) -> str:
    """The revision that a message follows."""
    named, header = mcp.version_of(message), sent.get(mcp.VERSION_HEADER)
    if named is None:
        if header == MODERN:
            raise Refused(INVALID_PARAMS, f"The request's _meta lacks {mcp.VERSION}.", 400)
        version: object = header or BATCHED
    elif named != header:
        raise Refused(
            _HEADER_MISMATCH, f"The header {mcp.VERSION_HEADER} is {header!r}, and _meta says {named!r}.", 400
        )
    else:
        version = named
    if version not in (MODERN, *HANDSHAKEN):
        data = {"supported": [MODERN, *HANDSHAKEN], "requested": version}
        raise Refused(_UNSUPPORTED_VERSION, "Unsupported protocol version", 400, data)
    return str(version)


def _result(method: str, params: Json, methods: Methods) -> Json:
    """The result of a request of 2025."""
    if method == "initialize":
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in HANDSHAKEN else HANDSHAKEN[0],
            "capabilities": _CAPABILITIES,
            "serverInfo": _server(),
            "instructions": _INSTRUCTIONS,
        }
    return {} if method == "ping" else _run(method, params, methods, missing=200)


def _modern(method: str, params: Json, sent: Headers, methods: Methods) -> Json:
    """The result of a request of 2026."""
    if not isinstance(params["_meta"].get("io.modelcontextprotocol/clientCapabilities"), dict):
        raise Refused(INVALID_PARAMS, "The request's _meta lacks io.modelcontextprotocol/clientCapabilities.", 400)
    for header, value in mcp.headers_of({"method": method, "params": params}).items():
        if mcp.decoded(sent.get(header, "")) != value:
            raise Refused(_HEADER_MISMATCH, f"The header {header} is not {value!r}, as the body has it.", 400)
    if method == "server/discover":
        found: Json = {
            "supportedVersions": [MODERN, *HANDSHAKEN],
            "capabilities": _CAPABILITIES,
            "instructions": _INSTRUCTIONS,
        }
    else:
        found = _run(method, params, methods, missing=404)
    meta = {"io.modelcontextprotocol/serverInfo": _server(), **found.get("_meta", {})}
    kept = {"ttlMs": _CACHED[method], "cacheScope": "private"} if method in _CACHED else {}
    return {"resultType": "complete", **found, **kept, "_meta": meta}


def _run(method: str, params: Json, methods: Methods, *, missing: int) -> Json:
    """The result of a method; *missing* is the status where there is none of this name."""
    if method not in methods:
        raise Refused(METHOD_NOT_FOUND, f"There is no method {method!r} here.", missing)
    try:
        return methods[method](params)
    except PromptgitError as error:
        if status_of(type(error)) >= 500:
            raise
        raise Refused(INVALID_PARAMS, str(error), data={"code": error.code}) from error


@cache  # it reads files
def _server() -> Json:
    return {"name": "promptgit", "version": installed("promptgit-registry")}
