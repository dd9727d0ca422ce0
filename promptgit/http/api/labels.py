"""The routes under /api/prompts/{id}/labels."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_smorest import Blueprint

from promptgit.errors import (
    KeyReused,
    LabelNotFound,
    LabelProtected,
    PathBlocked,
    PromptDeleted,
    PromptNotFound,
    StaleVersion,
    VersionNotFound,
)
from promptgit.http.api import answers, label_schemas, reads, schemas
from promptgit.http.api.bodies import Parser
from promptgit.http.api.context import attribution_of, conditional, service, uuid_of
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers

blueprint = Blueprint(
    "labels", __name__, url_prefix="/api/prompts/<prompt_id>/labels", description="Pointers at versions"
)
blueprint.ARGUMENTS_PARSER = Parser()


@blueprint.get("")
@blueprint.response(200, label_schemas.LabelSchema(many=True))
@refuses(PromptNotFound)
def index(prompt_id: str) -> Response:
    """Where the labels of a prompt point."""
    return answers.json([answers.label(move) for move in service().labels.all(uuid_of(prompt_id))])


@blueprint.get("/<label>")
@blueprint.response(200, schemas.VersionWithContentSchema, headers=headers("ETag", "Cache-Control"))
@refuses(PromptNotFound, PromptDeleted, LabelNotFound)
def show(prompt_id: str, label: str) -> Response:
    """The version that a label points at, with its content."""
    return conditional(reads.labelled(service(), uuid_of(prompt_id), label))


@blueprint.put("/<label>")
@blueprint.arguments(label_schemas.PointSchema())
@blueprint.response(200, label_schemas.LabelSchema)
@refuses(PromptNotFound, PromptDeleted, VersionNotFound, StaleVersion, PathBlocked, LabelProtected, KeyReused)
def point(body: dict[str, Any], prompt_id: str, label: str) -> Response:
    """Point a label at a version."""
    move = service().labels.point(uuid_of(prompt_id), label, body["version_number"], attribution=attribution_of(body))
    return answers.json(answers.label(move))


@blueprint.delete("/<label>")
@blueprint.arguments(schemas.ReasonSchema(), required=False)
@blueprint.response(204)
@refuses(PromptNotFound, PromptDeleted, LabelNotFound, StaleVersion, LabelProtected, KeyReused)
def remove(body: dict[str, Any], prompt_id: str, label: str) -> Response:
    """Remove a label."""
    service().labels.remove(uuid_of(prompt_id), label, attribution=attribution_of(body))
    return Response(status=204)


@blueprint.get("/<label>/history")
@blueprint.response(200, label_schemas.LabelMoveSchema(many=True))
@refuses(PromptNotFound, LabelNotFound)
def history(prompt_id: str, label: str) -> Response:
    """Every move of a label, oldest first: from, to, who, when, why."""
    return answers.json([answers.label_move(move) for move in service().labels.history(uuid_of(prompt_id), label)])
