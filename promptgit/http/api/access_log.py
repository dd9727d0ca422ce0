"""The route /api/access-log, for tokens of the scope admin."""

from __future__ import annotations

from itertools import islice
from typing import Any

from flask import Response, current_app, request
from marshmallow import fields

from promptgit.auth.tokens import Tokens
from promptgit.errors import StorageFailed
from promptgit.http.api import answers
from promptgit.http.api.bodies import Routes
from promptgit.http.api.fields import AnswerSchema, Number, Strict, between, described
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers

_MOST_LINES = 10**15

blueprint = Routes(
    "access_log", __name__, url_prefix="/api/access-log", description="Who was given access, and by whom"
)


class AccessLogQuerySchema(Strict):
    """Which entries to list."""

    after = Number("Those after the entry of this number", load_default=0, validate=between(0, _MOST_LINES))
    limit = Number("At most so many", load_default=100, validate=between(1, 1000))


class AccessEntrySchema(AnswerSchema):
    """An entry of the access log."""

    number = fields.Integer(metadata=described("Its line in the file; torn lines are left out", 7, minimum=1))
    time = fields.DateTime(metadata=described("When it was done, in UTC", "2026-01-31T12:00:00Z"))
    action = fields.String(
        metadata=described("`token_created`, `token_revoked`, `signed_in`, `signed_out`, and others", "token_revoked")
    )
    by = fields.Dict(
        metadata=described(
            "Who did it: a token, a person, or `local`, the user of a process on the machine",
            {"token": "ada", "id": "5f3a9c01", "owner": "ada@example.org"},
        )
    )
    what = fields.Dict(metadata=described("What it was done to, never a secret", {"token": "ci", "id": "0b1c2d3e"}))


@blueprint.get("")
@blueprint.arguments(AccessLogQuerySchema(), location="query")
@blueprint.response(200, AccessEntrySchema(many=True), headers=headers("Link"))
@refuses(StorageFailed)
def index(query: dict[str, Any]) -> Response:
    """Tokens made and revoked, sessions begun and ended, as this node saw them; oldest first."""
    tokens: Tokens = current_app.extensions["promptgit.tokens"]
    limit = query["limit"]
    found = list(islice(tokens.log.entries(query["after"]), limit + 1))
    page = found[:limit]
    more = len(found) > limit
    path = request.script_root + request.path
    link = answers.next_link(path, request.args, after=page[-1].number) if more else {}
    return answers.json([entry.as_json() for entry in page], headers=link | {"Cache-Control": "no-store"})
