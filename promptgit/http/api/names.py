"""The routes under /api/names: prompts by their names."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from promptgit.errors import (
    CommitNotFound,
    ContentTooLarge,
    InvalidName,
    NameTaken,
    PathBlocked,
    PromptDeleted,
    Unresolvable,
)
from promptgit.http.api import answer_schemas, request_schemas
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import attribution_of, must_create, newest_of, service, whole
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers

blueprint = Routes("names", __name__, url_prefix="/api/names", description="Prompts by their names")


@blueprint.get("/<path:name>")
@blueprint.arguments(request_schemas.ReadQuerySchema(), location="query")
@blueprint.response(200, answer_schemas.PromptWithContentSchema, headers=headers("ETag", "Cache-Control"))
@refuses(PromptDeleted, CommitNotFound, Unresolvable)
def show(query: dict[str, Any], name: str) -> Response:
    """The prompt of a name, with its newest content."""
    return newest_of(query, lambda source: source.named(name))


@blueprint.put("/<path:name>")
@blueprint.arguments(request_schemas.SaveSchema())
@blueprint.response(200, answer_schemas.PromptWithContentSchema, headers=headers("ETag"))
@blueprint.response(201, answer_schemas.PromptWithContentSchema, headers=headers("Location", "ETag"))
@refuses(PromptDeleted, InvalidName, ContentTooLarge, NameTaken, PathBlocked)
def put(body: dict[str, Any], name: str) -> Response:
    """Save a content under a name: the next version of the prompt that has it, or a new prompt.

    With If-Match no prompt is created; with `If-None-Match: *` none is overwritten.
    """
    prompt, created = service().put(name, body["content"], create_only=must_create(), attribution=attribution_of(body))
    location = {"Location": f"{request.script_root}/api/prompts/{prompt.id}"} if created else {}
    return whole(prompt, body["content"], 201 if created else 200, location)
