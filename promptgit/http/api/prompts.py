"""The routes under /api/prompts: prompts."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from promptgit.domain.labels import LATEST
from promptgit.domain.models import Prompt
from promptgit.domain.usage import Served
from promptgit.errors import (
    CommitNotFound,
    ContentTooLarge,
    InvalidName,
    LabelGated,
    LabelProtected,
    NameTaken,
    PathBlocked,
    PromptDeleted,
    Referenced,
    Unresolvable,
)
from promptgit.http.api import answer_schemas, answers, request_schemas
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import (
    attribution_of,
    count_reads,
    newest_of,
    past_of,
    service,
    source_of,
    uuid_of,
    whole,
)
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers
from promptgit.service.past import Past

blueprint = Routes("prompts", __name__, url_prefix="/api/prompts", description="Files, each with a name and an id")


@blueprint.post("")
@blueprint.arguments(
    request_schemas.NewPromptSchema(), example={"name": "support/greeting", "content": "Hello {{name}}!\n"}
)
@blueprint.response(201, answer_schemas.PromptWithContentSchema, headers=headers("Location", "ETag"))
@refuses(InvalidName, ContentTooLarge, NameTaken, PathBlocked)
def create(body: dict[str, Any]) -> Response:
    """Create a prompt."""
    prompt = service().create(
        body["content"], name=body.get("name"), prompt_id=body.get("id"), attribution=attribution_of(body)
    )
    return whole(prompt, body["content"], 201, {"Location": f"{request.script_root}/api/prompts/{prompt.id}"})


@blueprint.get("")
@blueprint.arguments(request_schemas.ListQuerySchema(), location="query")
@blueprint.response(200, answer_schemas.ListedPromptSchema(many=True), headers=headers("Link"))
@refuses(CommitNotFound, Unresolvable)
def index(query: dict[str, Any]) -> Response:
    """List prompts, sorted by name."""
    include, limit, resolve = query.pop("include", None), query.pop("limit"), query.pop("resolve", False)
    source, _ = source_of(query)
    query.pop("at", None)
    past = past_of(source)
    found = source.list(**query, limit=limit + 1)
    page = found[:limit]
    headers = {}
    if len(found) > limit:
        # A time may mean another commit by the next page.
        moment = {"at": past.commit} if past else {}
        headers = answers.next_link(request.script_root + request.path, request.args, after=page[-1].name, **moment)
    items = [answers.prompt(prompt) for prompt in page]
    if include:
        for item, prompt in zip(items, page, strict=True):
            item |= _composed(prompt, past) if resolve else answers.content(service().content(prompt.newest))
        count_reads(*(Served(prompt.id, prompt.newest.number, query.get("label") or LATEST) for prompt in page))
    return answers.json(items, headers=headers)


def _composed(prompt: Prompt, past: Past | None) -> dict[str, object]:
    found = service().references.compose(lambda: (prompt, prompt.newest), past)
    return answers.content(found.data) | answers.resolved(found.put_in)


@blueprint.get("/<prompt_id>")
@blueprint.arguments(request_schemas.ReadQuerySchema(), location="query")
@blueprint.response(200, answer_schemas.PromptWithContentSchema, headers=headers("ETag", "Cache-Control"))
@refuses(PromptDeleted, CommitNotFound, Unresolvable)
def show(query: dict[str, Any], prompt_id: str) -> Response:
    """A prompt with its newest content."""
    return newest_of(query, lambda source: source.get(uuid_of(prompt_id)))


@blueprint.put("/<prompt_id>")
@blueprint.arguments(request_schemas.SaveSchema())
@blueprint.response(200, answer_schemas.PromptWithContentSchema, headers=headers("ETag"))
@refuses(PromptDeleted, ContentTooLarge)
def save(body: dict[str, Any], prompt_id: str) -> Response:
    """Save a content as the newest version."""
    return whole(service().save(uuid_of(prompt_id), body["content"], attribution=attribution_of(body)), body["content"])


@blueprint.patch("/<prompt_id>")
@blueprint.arguments(request_schemas.RenameSchema())
@blueprint.response(200, answer_schemas.PromptWithContentSchema, headers=headers("ETag"))
@refuses(PromptDeleted, InvalidName, NameTaken, PathBlocked, LabelGated, Referenced)
def rename(body: dict[str, Any], prompt_id: str) -> Response:
    """Rename a prompt; its id and its history stay."""
    prompt = service().rename(uuid_of(prompt_id), body["name"], attribution=attribution_of(body))
    return whole(prompt, service().content(prompt.newest))


@blueprint.delete("/<prompt_id>")
@blueprint.arguments(request_schemas.RemovalSchema(), required=False)
@blueprint.response(204)
@refuses(LabelProtected, LabelGated, PathBlocked, Referenced)
def delete(body: dict[str, Any], prompt_id: str) -> Response:
    """Delete a prompt; its versions stay readable, and a revert brings it back."""
    service().delete(uuid_of(prompt_id), attribution=attribution_of(body))
    return Response(status=204)
