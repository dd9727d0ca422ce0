"""The routes under /api/tokens, for tokens of the scope admin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, current_app
from flask_smorest import Blueprint

from promptgit.auth import tokens
from promptgit.errors import TokenNameTaken, TokenNotFound
from promptgit.http.api import answers, token_schemas
from promptgit.http.api.bodies import Parser
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers

blueprint = Blueprint("tokens", __name__, url_prefix="/api/tokens", description="Who may use the service")
blueprint.ARGUMENTS_PARSER = Parser()


def _tokens() -> tokens.Tokens:
    found: tokens.Tokens = current_app.extensions["promptgit.tokens"]
    return found


def _shown(token: tokens.Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "scope": token.scope.word,
        "created_at": _time(token.created),
        "expires_at": _time(token.expires),
        "revoked_at": _time(token.revoked),
        "may_move": token.may_move,
    }


def _time(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


@blueprint.get("")
@blueprint.response(200, token_schemas.TokenSchema(many=True))
def index() -> Response:
    """Every token that was ever made, without its secret."""
    return answers.json([_shown(token) for token in _tokens().all()])


@blueprint.post("")
@blueprint.arguments(token_schemas.NewTokenSchema())
@blueprint.response(201, token_schemas.NewTokenAnswerSchema, headers=headers("Cache-Control"))
@refuses(TokenNameTaken)
def create(body: dict[str, Any]) -> Response:
    """Make a token; this answer alone has its secret."""
    seconds = tokens.lifetime(body["expires"]) if "expires" in body else None
    may_move = body.get("may_move", ())
    token, secret = _tokens().create(body["name"], tokens.Scope.of(body["scope"]), seconds, may_move)
    return answers.json(_shown(token) | {"token": secret}, 201, {"Cache-Control": "no-store"})


@blueprint.delete("/<token_id>")
@blueprint.response(204)
@refuses(TokenNotFound)
def revoke(token_id: str) -> Response:
    """End a token, at once."""
    _tokens().revoke(token_id)
    return Response(status=204)
