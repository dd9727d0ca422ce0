"""The route /api/labels/{label}/promote: a label to where another one points, for many prompts in one commit."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields

from promptgit import errors
from promptgit.domain import labels
from promptgit.http.api import answers, request_schemas
from promptgit.http.api.answer_schemas import COMMIT, ID, SHA
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import attribution_of, expect_no_precondition, service
from promptgit.http.api.fields import AnswerSchema, Text, described
from promptgit.http.api.openapi import refuses

blueprint = Routes("promotions", __name__, url_prefix="/api/labels", description="Labels of many prompts")


class PromoteSchema(request_schemas.OverridableSchema):
    """Which label is followed, and where."""

    from_ = Text(
        "The label to follow, or `latest`",
        required=True,
        data_key="from",
        pattern=labels.PATTERN,
        examples=["staging"],
    )
    prefix = Text(
        "Only prompts below this folder of names; it may end in '/'",
        **(request_schemas.NAME | {"minLength": 0, "examples": ["support/"]}),
    )


class PromotedPromptSchema(AnswerSchema):
    """A prompt whose label moves."""

    prompt_id = fields.UUID(metadata=described("The id of the prompt", ID))
    name = fields.String(metadata=described("Its name", "support/greeting"))
    from_ = fields.Integer(
        data_key="from", allow_none=True, metadata=described("Where the label pointed before; null: nowhere", 3)
    )
    to = fields.Integer(metadata=described("Where it points since", 5, minimum=1))


class PromotedSchema(AnswerSchema):
    """The commit, and the prompts whose label moves, by name."""

    commit = fields.String(
        allow_none=True,
        metadata=described("The commit; null where nothing had to move, and in a dry run", COMMIT, **SHA),
    )
    results = fields.List(fields.Nested(PromotedPromptSchema), metadata=described("Only prompts whose label moves"))


@blueprint.post("/<label>/promote")
@blueprint.arguments(request_schemas.DryRunSchema(), location="query")
@blueprint.arguments(PromoteSchema(), example={"from": "staging", "prefix": "support/"})
@blueprint.response(200, PromotedSchema)
@refuses(errors.LabelProtected, errors.LabelGated, errors.PathBlocked)
def promote(query: dict[str, Any], body: dict[str, Any], label: str) -> Response:
    """Point a label where another one points, for every prompt that has the other one, in one commit."""
    expect_no_precondition("a promotion takes what it finds; look at it with dry_run=true first")
    made = service().promotions.promote(
        label,
        body["from_"],
        prefix=body.get("prefix", ""),
        dry_run=query.get("dry_run", False),
        attribution=attribution_of(body),
    )
    results = [
        {"prompt_id": one.prompt_id, "name": one.name, "from": one.before, "to": one.number} for one in made.moves
    ]
    return answers.json({"commit": made.commit, "results": results})
