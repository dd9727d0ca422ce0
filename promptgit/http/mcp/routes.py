"""The route /mcp: one message of the Model Context Protocol, or several of 2025-03-26, in a POST; never a stream."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotAcceptable

from promptgit.domain import labels
from promptgit.domain.mcp import VERSION_HEADER
from promptgit.http.api import bodies
from promptgit.http.api.context import service
from promptgit.http.api.fields import Query, Strict
from promptgit.http.mcp import protocol
from promptgit.http.mcp.prompts import Prompts
from promptgit.http.mcp.protocol import Json, Refused
from promptgit.http.mcp.tools import Tools

_JSON = "application/json"
_MOST = 50  # messages in an array

blueprint = Blueprint("mcp", __name__)


class _Query(Strict):
    """Which prompts an address offers."""

    label = Query("The label that they have", load_default="production")


_PARSER, _QUERY = bodies.Parser(), _Query()


@blueprint.post("/mcp")
def receive() -> Response:
    """Answer a message."""
    if request.accept_mimetypes and not request.accept_mimetypes.accept_json:
        raise NotAcceptable("The answers are JSON. Send 'Accept: application/json, text/event-stream'.")
    label = labels.check_characters("label", _PARSER.parse(_QUERY, request, location="query")["label"])
    prompts = Prompts(service(), label)
    tools = Tools(prompts)
    methods: protocol.Methods = {
        "prompts/list": prompts.page,
        "prompts/get": prompts.get,
        "tools/list": tools.all,
        "tools/call": tools.call,
    }
    try:
        message = bodies.json_of(request)
    except bodies.MalformedBody as error:
        return _answer(400, protocol.failure(None, Refused(protocol.PARSE_ERROR, str(error))))
    if isinstance(message, list) and request.headers.get(VERSION_HEADER, protocol.BATCHED) == protocol.BATCHED:
        return _batch(message, methods)
    return _answer(*protocol.reply(message, request.headers, methods))


def _batch(messages: list[Any], methods: protocol.Methods) -> Response:
    """Answer an array of messages by an array."""
    if not 0 < len(messages) <= _MOST:
        refused = Refused(protocol.INVALID_REQUEST, f"The array has no message, or more than {_MOST}.")
        return _answer(400, protocol.failure(None, refused))
    answers = [protocol.reply(message, request.headers, methods)[1] for message in messages]
    said = [answer for answer in answers if answer is not None]
    return _answer(200, said) if said else _answer(202, None)


def _answer(status: int, value: Json | list[Json] | None) -> Response:
    """*value* as JSON; lone surrogates, which arguments may have, come as question marks."""
    if value is None:
        return Response(status=status)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(text.encode(errors="replace"), status, content_type=_JSON)
