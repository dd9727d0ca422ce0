"""The routes under /api/prompts/{id}/versions/{n}/checks, and /api/prompts/{id}/checks."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from marshmallow import fields

from promptgit.domain import evaluations
from promptgit.errors import CheckProtected, PathBlocked
from promptgit.http.api import answer_schemas, answers, request_schemas
from promptgit.http.api.answer_schemas import COMMIT, ID, SHA
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import attribution_of, expect_no_precondition, service, uuid_of
from promptgit.http.api.fields import AnswerSchema, Number, Strict, Text, between, described
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers
from promptgit.service.evaluations import Told

blueprint = Routes(
    "checks",
    __name__,
    url_prefix="/api/prompts/<prompt_id>/versions/<number>/checks",
    description="What a CI says about a version",
)
of_prompt = Routes("prompt_checks", __name__, url_prefix="/api/prompts/<prompt_id>/checks")


class SaidSchema(Strict):
    """What a check found."""

    state = Text("How it went", required=True, enum=list(evaluations.STATES))
    summary = Text(
        "One line for people",
        format="line",
        maxLength=evaluations.MAX_SUMMARY,
        examples=["48 of 50 answers are right"],
    )
    url = Text(
        "Where more is told; an address of http or https",
        format="web-address",
        maxLength=evaluations.MAX_URL,
        examples=["https://ci.example.org/runs/17"],
    )


class NewCheckSchema(SaidSchema, request_schemas.AttributionSchema):
    """What to say about a version."""


class CheckSchema(AnswerSchema):
    """What a CI says about a version."""

    check = fields.String(metadata=described("Its name", "eval"))
    prompt_id = fields.UUID(metadata=described("The id of the prompt", ID))
    version_number = fields.Integer(metadata=described("The number of the version", 3, minimum=1))
    state = fields.String(metadata=described("How it went", "success", enum=list(evaluations.STATES)))
    summary = fields.String(allow_none=True, metadata=described("One line for people", "48 of 50 answers are right"))
    url = fields.String(allow_none=True, metadata=described("Where more is told", "https://ci.example.org/runs/17"))
    timestamp = fields.DateTime(metadata=described("When it was said, in UTC", "2026-01-31T12:00:00Z"))
    author = fields.Nested(answer_schemas.AuthorSchema)
    committer = answer_schemas.committer()
    commit = fields.String(metadata=described("The commit that says it", COMMIT, **SHA))


class ChecksQuerySchema(Strict):
    """Which checks to list."""

    after = Number("Those of versions after this number")
    before = Number("Those of versions before this number")
    limit = Number("At most so many; more only if one version has more", load_default=1000, validate=between(1, 1000))


@of_prompt.get("")
@of_prompt.arguments(ChecksQuerySchema(), location="query")
@of_prompt.response(200, CheckSchema(many=True), headers=headers("Link"))
def of_versions(query: dict[str, Any], prompt_id: str) -> Response:
    """The checks of all versions of a prompt, by number and name."""
    found, more = service().checks.of_prompt(
        uuid_of(prompt_id), after=query.get("after"), before=query.get("before"), limit=query["limit"]
    )
    link = answers.next_link(request.script_root + request.path, request.args, after=found[-1].number) if more else {}
    return answers.json([answers.check(one) for one in found], headers=link)


@blueprint.get("")
@blueprint.response(200, CheckSchema(many=True))
def index(prompt_id: str, number: str) -> Response:
    """The checks of a version, sorted by name."""
    version = service().version(uuid_of(prompt_id), number)
    return answers.json([answers.check(one) for one in service().checks.all(version.prompt_id, version.number)])


@blueprint.get("/<check>")
@blueprint.response(200, CheckSchema)
def show(prompt_id: str, number: str, check: str) -> Response:
    """One check of a version."""
    version = service().version(uuid_of(prompt_id), number)
    return answers.json(answers.check(service().checks.get(version.prompt_id, version.number, check)))


@blueprint.put("/<check>")
@blueprint.arguments(NewCheckSchema())
@blueprint.response(200, CheckSchema)
@refuses(CheckProtected, PathBlocked)
def put(body: dict[str, Any], prompt_id: str, number: str, check: str) -> Response:
    """Say how a check of a version went."""
    expect_no_precondition("a version never changes, and what a check says last holds")
    version = service().version(uuid_of(prompt_id), number)
    told = Told(check, body["state"], body.get("summary"), body.get("url"))
    made = service().checks.set(version.prompt_id, version.number, told, attribution=attribution_of(body))
    return answers.json(answers.check(made))
