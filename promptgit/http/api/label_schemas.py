"""The shapes of labels."""

from __future__ import annotations

from marshmallow import fields

from promptgit.http.api.fields import NUMBER_ERRORS, AnswerSchema, described
from promptgit.http.api.schemas import COMMIT, SHA, AttributionSchema, AuthorSchema


class PointSchema(AttributionSchema):
    """Where a label is to point."""

    version_number = fields.Integer(
        required=True,
        strict=True,
        error_messages=NUMBER_ERRORS,
        metadata=described("The number of a version of this prompt", 2),
    )


class _Made(AnswerSchema):
    timestamp = fields.DateTime(metadata=described("Since when, in UTC", "2026-01-31T12:00:00Z"))
    description = fields.String(metadata=described("Why: the commit's message", "Evaluated"))
    author = fields.Nested(AuthorSchema)
    commit = fields.String(metadata=described("The commit that moved it", COMMIT, **SHA))


class LabelSchema(_Made):
    """Where a label points, and since when."""

    label = fields.String(metadata=described("Its name", "production"))
    version_number = fields.Integer(metadata=described("The version that it points at", 2, minimum=1))


class LabelMoveSchema(_Made):
    """A move of a label; null stands for nowhere."""

    from_ = fields.Integer(data_key="from", allow_none=True, metadata=described("Where it pointed before", 1))
    to = fields.Integer(allow_none=True, metadata=described("Where it points since", 2))
