"""The route /api/rules: which labels are gated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, request
from marshmallow import fields

from promptgit.domain import rules
from promptgit.errors import PathBlocked, RulesNotFound, StaleRules
from promptgit.http.api import answers, request_schemas
from promptgit.http.api.answer_schemas import COMMIT, SHA
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import attribution_of, must_create, service
from promptgit.http.api.fields import AnswerSchema, Text, described
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers
from promptgit.service.ruling import RulesFile

blueprint = Routes("rules", __name__, url_prefix="/api/rules", description="Which labels are gated")

_EXAMPLE = '[labels."production"]\napprovals = 1\nchecks = ["eval"]\nprefixes = ["support/"]\n'


class NewRulesSchema(request_schemas.AttributionSchema):
    """Rules to write."""

    content = Text(
        "The whole file, in TOML: a table labels.NAME for each gated label, with approvals, checks and prefixes",
        required=True,
        format="rules",
        maxLength=rules.MAX_BYTES,
        examples=[_EXAMPLE],
    )


class GateSchema(AnswerSchema):
    """What a release of one label takes."""

    approvals = fields.Integer(metadata=described("By so many owners", 1, minimum=0))
    checks = fields.List(fields.String(), metadata=described("That must be a success of each version", ["eval"]))
    prefixes = fields.List(
        fields.String(), metadata=described("Only prompts below these are gated; empty: all", ["support/"])
    )


class RulesSchema(AnswerSchema):
    """The rules that hold."""

    content = fields.String(metadata=described("The whole file", _EXAMPLE))
    labels = fields.Dict(
        keys=fields.String(),
        values=fields.Nested(GateSchema),
        metadata=described("What the file says", {"production": {"approvals": 1, "checks": ["eval"], "prefixes": []}}),
    )
    problems = fields.List(fields.String(), metadata=described("What is wrong with it, a sentence each"))
    commit = fields.String(metadata=described("The commit that changed it last", COMMIT, **SHA))


def _shown(found: RulesFile) -> Response:
    labels = {
        label: {"approvals": rule.approvals, "checks": rule.checks, "prefixes": rule.prefixes}
        for label, rule in found.rules.labels.items()
    }
    body = {
        "content": found.content,
        "labels": labels,
        "problems": found.rules.problems(),
        "commit": found.commit,
    }
    return answers.json(body, headers={"ETag": f'"{found.commit}"'})


@blueprint.get("")
@blueprint.response(200, RulesSchema, headers=headers("ETag"))
@refuses(RulesNotFound)
def show() -> Response:
    """The rules that hold: the file rules.toml on main."""
    found = service().rules.get()
    if request.if_none_match.contains_weak(found.commit):
        return Response(status=304, headers={"ETag": f'"{found.commit}"'})
    return _shown(found)


@blueprint.put("")
@blueprint.arguments(NewRulesSchema())
@blueprint.response(200, RulesSchema, headers=headers("ETag"))
@refuses(StaleRules, PathBlocked)
def put(body: dict[str, Any]) -> Response:
    """Write the rules, as an administrator.

    With If-Match only if they are those that you have seen; with `If-None-Match: *` only if there are none.
    """
    found = service().rules.put(
        body["content"], seen=_seen(), create_only=must_create(), attribution=attribution_of(body)
    )
    return _shown(found)


def _seen() -> Callable[[str], bool] | None:
    """Whether the commit that changed the rules is in the request's If-Match; None: there is no such header."""
    if "If-Match" not in request.headers:
        return None
    tags = request.if_match
    return lambda commit: tags.star_tag or tags.contains(commit)
