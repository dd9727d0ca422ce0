"""The routes under /api/tokens, for tokens of the scope admin."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app
from marshmallow import fields, validate

from promptgit.auth import tokens
from promptgit.errors import ManagedElsewhere, TokenNameTaken
from promptgit.http.api import access, answers
from promptgit.http.api.bodies import Routes
from promptgit.http.api.fields import AnswerSchema, Strict, Text, described
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers
from promptgit.store.access_log import Who, who

blueprint = Routes("tokens", __name__, url_prefix="/api/tokens", description="Who may use the service")


class NewTokenSchema(Strict):
    """A token to make."""

    name = Text("Whom it is for: git's committer", required=True, minLength=1, maxLength=60, examples=["ci"])
    scope = Text("What it allows", required=True, enum=["read", "write", "admin"])
    expires = Text(
        "After how long, in minutes, hours or days; left out: never", pattern="^[1-9][0-9]{0,4}[mhd]$", examples=["90d"]
    )
    owner = Text("Who answers for it; left out: its name", minLength=1, maxLength=200, examples=["ada@example.org"])
    may_move = fields.List(
        Text("A label", pattern="^[a-z0-9][a-z0-9_.-]{0,35}$", examples=["production"]),
        validate=validate.Length(max=100, error="has more than 100 items."),
        metadata={"description": "The protected labels that it may move; of the scope `admin` it may move all"},
    )
    may_check = fields.List(
        Text("A check of versions", pattern="^[a-z0-9][a-z0-9_.-]{0,35}$", examples=["eval"]),
        validate=validate.Length(max=100, error="has more than 100 items."),
        metadata={"description": "The checks named by rules that it may set; of the scope `admin` it may set all"},
    )
    write_prefix = fields.List(
        Text("The beginning of names, up to a slash", pattern="^.+/$", examples=["support/"]),
        validate=validate.Length(min=1, max=100, error="must be 1 to 100 prefixes."),
        metadata={"description": "It writes only below these; left out: everywhere. Not with the scope `admin`"},
    )


class TokenSchema(AnswerSchema):
    """A token, without its secret."""

    id = fields.String(metadata=described("What it is revoked by", "5f3a9c01"))
    name = fields.String(metadata=described("Whom it is for: git's committer", "ci"))
    scope = fields.String(metadata=described("What it allows", "write", enum=["read", "write", "admin"]))
    created_at = fields.DateTime(metadata=described("When it was made", "2026-01-31T12:00:00Z"))
    expires_at = fields.DateTime(allow_none=True, metadata=described("When it ends by itself; null: never", None))
    revoked_at = fields.DateTime(allow_none=True, metadata=described("When it was revoked; null: it was not", None))
    owner = fields.String(metadata=described("Who answers for it", "ada@example.org"))
    may_move = fields.List(fields.String(), metadata=described("The protected labels that it may move", ["production"]))
    may_check = fields.List(fields.String(), metadata=described("The checks named by rules that it may set", ["eval"]))
    write_prefix = fields.List(
        fields.String(),
        allow_none=True,
        metadata=described("The prefixes below which it writes, and nowhere else; null: everywhere", ["support/"]),
    )


class NewTokenAnswerSchema(TokenSchema):
    """A token with its secret."""

    token = fields.String(metadata=described("The secret, which is shown this once", "pgt_..."))


def all_tokens() -> tokens.Tokens:
    """The tokens of the application that answers."""
    found: tokens.Tokens = current_app.extensions["promptgit.tokens"]
    return found


def own_tokens() -> tokens.Tokens:
    """The tokens, which are to be changed.

    Raises:
        ManagedElsewhere: they are distributed, or an upstream is shared with other nodes, which would not know of it.
    """
    if all_tokens().file.is_distributed or current_app.extensions["promptgit.store"].upstream is not None:
        raise ManagedElsewhere("tokens")
    return all_tokens()


def _caller() -> Who:
    caller = access.who_asks()
    return who(caller.rights, caller.committer)


@blueprint.get("")
@blueprint.response(200, TokenSchema(many=True))
def index() -> Response:
    """Every token that was ever made, without its secret."""
    return answers.json([token.as_json() for token in all_tokens().all()])


@blueprint.post("")
@blueprint.arguments(NewTokenSchema())
@blueprint.response(201, NewTokenAnswerSchema, headers=headers("Cache-Control"))
@refuses(TokenNameTaken, ManagedElsewhere)
def create(body: dict[str, Any]) -> Response:
    """Make a token; this answer alone has its secret."""
    seconds = tokens.lifetime(body["expires"]) if "expires" in body else None
    token, secret = own_tokens().create(
        body["name"],
        tokens.Scope.of(body["scope"]),
        seconds,
        owner=body.get("owner"),
        may_move=body.get("may_move", ()),
        may_check=body.get("may_check", ()),
        write_prefix=body.get("write_prefix"),
        by=_caller(),
    )
    return answers.json(token.as_json() | {"token": secret}, 201, {"Cache-Control": "no-store"})


@blueprint.delete("/<token_id>")
@blueprint.response(204)
@refuses(ManagedElsewhere)
def revoke(token_id: str) -> Response:
    """End a token, at once."""
    own_tokens().revoke(token_id, by=_caller())
    return Response(status=204)
