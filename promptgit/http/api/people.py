"""The routes under /api/people, for the scope admin: who has signed in with an account."""

from __future__ import annotations

from flask import Response, current_app
from marshmallow import fields

from promptgit.auth import personal
from promptgit.auth.people import People
from promptgit.errors import LockTimeout, PersonNotFound, StorageFailed, StorageFull
from promptgit.http.api import access, answers
from promptgit.http.api.bodies import Routes
from promptgit.http.api.fields import AnswerSchema, described
from promptgit.http.api.openapi import refuses
from promptgit.http.api.tokens import all_tokens
from promptgit.store.access_log import who

blueprint = Routes(
    "people", __name__, url_prefix="/api/people", description="Who has signed in with an account, on this node"
)


class PersonSchema(AnswerSchema):
    """A person, as of the last time that the OpenID provider was asked."""

    id = fields.String(metadata=described("What the person's sessions are ended by", "3b0c4f6a2d5e7f8091a2b3c4"))
    name = fields.String(metadata=described("The person's name in commits", "Ada Lovelace"))
    email = fields.String(metadata=described("The person's address in commits", "ada@example.org"))
    owner = fields.String(
        metadata=described("Issuer and subject: the owner of what the person does", "https://login.example.org#ada")
    )
    scope = fields.String(metadata=described("What the person may do", "write", enum=["read", "write", "admin"]))
    may_move = fields.List(fields.String(), metadata=described("The protected labels that they may move", ["staging"]))
    may_check = fields.List(fields.String(), metadata=described("The checks named by rules that they may set", []))
    write_prefix = fields.List(
        fields.String(),
        allow_none=True,
        metadata=described("The prefixes below which they write, and nowhere else; null: everywhere", ["support/"]),
    )
    first_seen_at = fields.DateTime(metadata=described("When they signed in first", "2026-01-31T12:00:00Z"))
    last_seen_at = fields.DateTime(
        metadata=described("When they were here last, to the minute", "2026-02-01T09:30:00Z")
    )
    sessions = fields.Integer(metadata=described("How many sessions of theirs have not ended", 1, minimum=0))
    ended_at = fields.DateTime(
        allow_none=True, metadata=described("When an administrator last ended them all; null: never", None)
    )


def _people() -> People:
    """The people of the application that answers."""
    found: People = current_app.extensions["promptgit.people"]
    return found


@blueprint.get("")
@blueprint.response(200, PersonSchema(many=True))
def index() -> Response:
    """Everybody who has signed in with an account, by name."""
    found = [account.as_json(sessions) for account, sessions in _people().all()]
    return answers.json(found, headers={"Cache-Control": "no-store"})


@blueprint.delete("/<person_id>/sessions")
@blueprint.response(204)
@refuses(PersonNotFound, LockTimeout, StorageFailed, StorageFull)
def end(person_id: str) -> Response:
    """End all sessions and own tokens of a person, at once. What they have approved does not count any more."""
    caller = access.who_asks()
    personal.end_all(person_id, _people(), all_tokens(), by=who(caller.rights, caller.committer))
    return Response(status=204)
