"""The shapes of tokens."""

from __future__ import annotations

from marshmallow import fields, validate

from promptgit.http.api.fields import AnswerSchema, Strict, Text, described


class NewTokenSchema(Strict):
    """A token to make."""

    name = Text("Whom it is for: git's committer", required=True, minLength=1, maxLength=60, examples=["ci"])
    scope = Text("What it allows", required=True, enum=["read", "write", "admin"])
    expires = Text(
        "After how long, in minutes, hours or days; left out: never", pattern="^[1-9][0-9]{0,4}[mhd]$", examples=["90d"]
    )
    may_move = fields.List(
        Text("A label", pattern="^[a-z0-9][a-z0-9_.-]{0,35}$", examples=["production"]),
        validate=validate.Length(max=100),
        metadata={"description": "The protected labels that it may move; of the scope `admin` it may move all"},
    )


class TokenSchema(AnswerSchema):
    """A token, without its secret."""

    id = fields.String(metadata=described("What it is revoked by", "5f3a9c01"))
    name = fields.String(metadata=described("Whom it is for: git's committer", "ci"))
    scope = fields.String(metadata=described("What it allows", "write", enum=["read", "write", "admin"]))
    created_at = fields.DateTime(metadata=described("When it was made", "2026-01-31T12:00:00Z"))
    expires_at = fields.DateTime(allow_none=True, metadata=described("When it ends by itself; null: never", None))
    revoked_at = fields.DateTime(allow_none=True, metadata=described("When it was revoked; null: it was not", None))
    may_move = fields.List(fields.String(), metadata=described("The protected labels that it may move", ["production"]))


class NewTokenAnswerSchema(TokenSchema):
    """A token with its secret."""

    token = fields.String(metadata=described("The secret, which is shown this once", "pgt_..."))
