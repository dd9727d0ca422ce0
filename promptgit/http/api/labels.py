"""The routes under /api/prompts/{id}/labels."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields

from promptgit.domain.models import Prompt, Version
from promptgit.errors import (
    CommitNotFound,
    LabelGated,
    LabelNotFound,
    LabelProtected,
    PathBlocked,
    PromptDeleted,
    Referenced,
    Unresolvable,
    VersionNotFound,
)
from promptgit.http.api import answer_schemas, answers, reads, request_schemas
from promptgit.http.api.answer_schemas import COMMIT, SHA
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import attribution_of, conditional, past_of, service, source_of, uuid_of
from promptgit.http.api.fields import AnswerSchema, Whole, described
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers

blueprint = Routes("labels", __name__, url_prefix="/api/prompts/<prompt_id>/labels", description="Pointers at versions")


class PointSchema(request_schemas.OverridableSchema):
    """Where a label is to point."""

    version_number = Whole("The number of a version of this prompt", required=True, examples=[2])


class _Made(AnswerSchema):
    timestamp = fields.DateTime(metadata=described("Since when, in UTC", "2026-01-31T12:00:00Z"))
    description = fields.String(metadata=described("Why: the commit's message", "Evaluated"))
    author = fields.Nested(answer_schemas.AuthorSchema)
    committer = answer_schemas.committer()
    commit = fields.String(metadata=described("The commit that moved it", COMMIT, **SHA))


class LabelSchema(_Made):
    """Where a label points, and since when."""

    label = fields.String(metadata=described("Its name", "production"))
    version_number = fields.Integer(metadata=described("The version that it points at", 2, minimum=1))


class LabelMoveSchema(_Made):
    """A move of a label; null stands for nowhere."""

    from_ = fields.Integer(data_key="from", allow_none=True, metadata=described("Where it pointed before", 1))
    to = fields.Integer(allow_none=True, metadata=described("Where it points since", 2))
    outside = fields.Boolean(
        metadata=described("True: rules gated it, and it was moved by a push without a release", optional=True)
    )


@blueprint.get("")
@blueprint.arguments(request_schemas.AtQuerySchema(), location="query")
@blueprint.response(200, LabelSchema(many=True))
@refuses(PromptDeleted, CommitNotFound)
def index(query: dict[str, Any], prompt_id: str) -> Response:
    """Where the labels of a prompt point."""
    source, _ = source_of(query)
    return answers.json([answers.label(move) for move in source.labels.all(uuid_of(prompt_id))])


@blueprint.get("/<label>")
@blueprint.arguments(request_schemas.ReadQuerySchema(), location="query")
@blueprint.response(200, answer_schemas.VersionWithContentSchema, headers=headers("ETag", "Cache-Control"))
@refuses(PromptDeleted, LabelNotFound, CommitNotFound, Unresolvable)
def show(query: dict[str, Any], prompt_id: str, label: str) -> Response:
    """The version that a label points at, with its content."""
    source, is_fixed = source_of(query)
    found = uuid_of(prompt_id)
    if not query.get("resolve"):
        version = source.labels.get(found, label)
        return conditional(reads.version(service(), version, label=label, is_fixed=is_fixed))

    def look() -> tuple[Prompt, Version]:
        return source.get(found), source.labels.get(found, label)

    read = reads.composed(service(), look, past_of(source), of_version=True, label=label, is_fixed=is_fixed)
    return conditional(read)


@blueprint.put("/<label>")
@blueprint.arguments(PointSchema())
@blueprint.response(200, LabelSchema)
@refuses(PromptDeleted, VersionNotFound, PathBlocked, LabelProtected, LabelGated)
def point(body: dict[str, Any], prompt_id: str, label: str) -> Response:
    """Point a label at a version."""
    move = service().labels.point(uuid_of(prompt_id), label, body["version_number"], attribution=attribution_of(body))
    return answers.json(answers.label(move))


@blueprint.delete("/<label>")
@blueprint.arguments(request_schemas.RemovalSchema(), required=False)
@blueprint.response(204)
@refuses(PromptDeleted, LabelNotFound, LabelProtected, LabelGated, PathBlocked, Referenced)
def remove(body: dict[str, Any], prompt_id: str, label: str) -> Response:
    """Remove a label."""
    service().labels.remove(uuid_of(prompt_id), label, attribution=attribution_of(body))
    return Response(status=204)


@blueprint.get("/<label>/history")
@blueprint.response(200, LabelMoveSchema(many=True))
@refuses(LabelNotFound)
def history(prompt_id: str, label: str) -> Response:
    """Every move of a label, oldest first: from, to, who, when, why."""
    return answers.json([answers.label_move(move) for move in service().labels.history(uuid_of(prompt_id), label)])
