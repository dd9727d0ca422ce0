"""The route /api/prompts/{id}/usage: who reads what of a prompt."""

from __future__ import annotations

from flask import Response, current_app
from marshmallow import fields

from promptgit.http.api import answers
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import service, uuid_of
from promptgit.http.api.fields import AnswerSchema, described
from promptgit.usage.counters import Counters

blueprint = Routes(
    "usage", __name__, url_prefix="/api/prompts/<prompt_id>/usage", description="Who reads what, on this node"
)


class UsageSchema(AnswerSchema):
    """Reads of one version of a prompt, by one label, by one credential."""

    version_number = fields.Integer(metadata=described("The version whose content was read", 2, minimum=1))
    label = fields.String(
        allow_none=True,
        metadata=described("The label that it was asked for by; `latest`: the newest; null: its number", "production"),
    )
    who = fields.String(
        allow_none=True,
        metadata=described("The name of the token, or of the person; null: without one", "checkout-service"),
    )
    last_read = fields.DateTime(metadata=described("When it was read last, in UTC", "2026-01-31T12:00:00Z"))
    days = fields.Dict(
        keys=fields.Date(),
        values=fields.Integer(),
        metadata=described("How often on each day (UTC) of those that are kept", {"2026-01-31": 42}),
    )


def counters() -> Counters:
    """What the application that answers has counted."""
    found: Counters = current_app.extensions["promptgit.usage"]
    return found


@blueprint.get("")
@blueprint.response(200, UsageSchema(many=True))
def index(prompt_id: str) -> Response:
    """Who has read a prompt, deleted or not: which version, by which label, how often on which day.

    A read is an answer with a content, or a 304. Counts of the server's other processes come a minute late.
    """
    prompt, _ = service().find(uuid_of(prompt_id))
    found = [usage.as_json() for usage in counters().of(prompt.id)]
    return answers.json(found, headers={"Cache-Control": "no-store"})
