"""The routes under /api/prompts: prompts."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, current_app, request
from flask_smorest import Blueprint

from promptgit.domain.models import Author, Prompt
from promptgit.domain.names import parse_id
from promptgit.errors import (
    ContentTooLarge,
    InvalidName,
    KeyReused,
    LabelProtected,
    NameTaken,
    PathBlocked,
    PromptDeleted,
    PromptNotFound,
    StaleVersion,
    WeakETag,
)
from promptgit.http.api import access, answers, reads, schemas
from promptgit.http.api.bodies import Parser
from promptgit.http.api.openapi import refuses
from promptgit.http.api.problems import no_id
from promptgit.http.api.refusals import headers
from promptgit.http.api.repeats import requested
from promptgit.service.checks import Precondition, Signed
from promptgit.service.service import Service

_SUFFIX = re.compile(r"(?<=^[0-9a-f]{40})[.-].*", re.ASCII)

blueprint = Blueprint("prompts", __name__, url_prefix="/api/prompts", description="Files, each with a name and an id")
blueprint.ARGUMENTS_PARSER = Parser()


def service() -> Service:
    """The service that the application was made with."""
    found: Service = current_app.extensions["promptgit"]
    return found


def uuid_of(text: str) -> str:
    """The id in an address; what is no UUID is the id of no prompt."""
    found = parse_id(text)
    if found is None:
        raise no_id(text)
    return found


def signed(body: dict[str, Any]) -> Signed:
    """Why and by whom, what the client has seen, and by what it is known when it is sent again."""
    who = body.get("author")
    author = Author(**who) if who else None
    caller = access.who_asks()
    return Signed(body.get("description", ""), author, precondition(), caller.committer, caller.may_move, requested())


def precondition() -> Precondition | None:
    """If-Match: the ETag of the prompt, or the number of its newest version (RFC 9110, 13.1.1)."""
    if "If-Match" not in request.headers:
        return None
    tags = request.if_match
    strong, both = (set(filter(None, tags.as_set(include_weak))) for include_weak in (False, True))

    def matches(prompt: Prompt) -> bool:
        newest = str(prompt.newest.number), prompt.newest.commit
        if tags.star_tag or any(_version_in(tag) in newest for tag in strong):
            return True
        if any(_version_in(tag) in newest for tag in both):
            raise WeakETag(prompt.name, prompt.newest.number)
        return False

    return matches


def _version_in(tag: str) -> str:
    """The version that an ETag names: its commit, or its number.

    After a commit may stand '.' and what tells of a rename or of labels, which make no newer version; or '-gzip' and
    the like, which Apache's mod_deflate appends.
    """
    return _SUFFIX.sub("", tag)


def conditional(read: reads.Read) -> Response:
    """A read, or 304 if the client has it already (RFC 9110, 13.1.2)."""
    if request.if_none_match.contains_weak(read.headers["ETag"][1:-1]):
        return Response(status=304, headers=read.headers)
    return Response(read.body(), headers=read.headers)


def whole(prompt: Prompt, content: bytes | str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A prompt with its newest content."""
    body = answers.prompt(prompt) | answers.content(content)
    return answers.json(body, status, {"ETag": f'"{answers.etag(prompt)}"'} | (headers or {}))


@blueprint.post("")
@blueprint.arguments(schemas.NewPromptSchema(), example={"name": "support/greeting", "content": "Hello {{name}}!\n"})
@blueprint.response(201, schemas.PromptWithContentSchema, headers=headers("Location", "ETag"))
@refuses(InvalidName, ContentTooLarge, NameTaken, PathBlocked, KeyReused)
def create(body: dict[str, Any]) -> Response:
    """Create a prompt."""
    prompt = service().create(body["content"], name=body.get("name"), prompt_id=body.get("id"), signed=signed(body))
    return whole(prompt, body["content"], 201, {"Location": f"{request.script_root}/api/prompts/{prompt.id}"})


@blueprint.get("")
@blueprint.arguments(schemas.ListQuerySchema(), location="query")
@blueprint.response(200, schemas.ListedPromptSchema(many=True), headers=headers("Link"))
def index(query: dict[str, Any]) -> Response:
    """List prompts, sorted by name."""
    include = query.pop("include", None)
    limit = query.pop("limit")
    found = service().list(**query, limit=limit + 1)
    page = found[:limit]
    headers = (
        answers.next_link(request.script_root + request.path, request.args, after=page[-1].name)
        if len(found) > limit
        else {}
    )
    items = [answers.prompt(prompt) for prompt in page]
    if include:
        for item, prompt in zip(items, page, strict=True):
            item |= answers.content(service().content(prompt.newest))
    return answers.json(items, headers=headers)


@blueprint.get("/<prompt_id>")
@blueprint.response(200, schemas.PromptWithContentSchema, headers=headers("ETag", "Cache-Control"))
@refuses(PromptNotFound, PromptDeleted)
def show(prompt_id: str) -> Response:
    """A prompt with its newest content."""
    return conditional(reads.newest(service(), uuid_of(prompt_id)))


@blueprint.put("/<prompt_id>")
@blueprint.arguments(schemas.SaveSchema())
@blueprint.response(200, schemas.PromptWithContentSchema, headers=headers("ETag"))
@refuses(PromptNotFound, PromptDeleted, StaleVersion, ContentTooLarge, KeyReused)
def save(body: dict[str, Any], prompt_id: str) -> Response:
    """Save a content as the newest version."""
    return whole(service().save(uuid_of(prompt_id), body["content"], signed=signed(body)), body["content"])


@blueprint.patch("/<prompt_id>")
@blueprint.arguments(schemas.RenameSchema())
@blueprint.response(200, schemas.PromptWithContentSchema, headers=headers("ETag"))
@refuses(PromptNotFound, PromptDeleted, StaleVersion, InvalidName, NameTaken, PathBlocked, KeyReused)
def rename(body: dict[str, Any], prompt_id: str) -> Response:
    """Rename a prompt; its id and its history stay."""
    prompt = service().rename(uuid_of(prompt_id), body["name"], signed=signed(body))
    return whole(prompt, service().content(prompt.newest))


@blueprint.delete("/<prompt_id>")
@blueprint.arguments(schemas.ReasonSchema(), required=False)
@blueprint.response(204)
@refuses(PromptNotFound, StaleVersion, LabelProtected, KeyReused)
def delete(body: dict[str, Any], prompt_id: str) -> Response:
    """Delete a prompt; its versions stay readable, and a revert brings it back."""
    service().delete(uuid_of(prompt_id), signed=signed(body))
    return Response(status=204)
