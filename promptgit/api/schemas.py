"""The shapes of requests and answers."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

_TEXT: dict[str, Any] = {
    "required": "is missing.",
    "invalid": "is not a text.",
    "null": "is null; leave it out, or give a text.",
}
_NUMBER: dict[str, Any] = {"required": "is missing; give a number.", "invalid": "is not a number."}


def _between(least: int, most: int | None) -> validate.Range:
    told = f"must be {least} or more." if most is None else f"must be from {least} to {most}."
    return validate.Range(least, most, error=told)


class _Text(fields.String):
    """A JSON string; its rules are the service's to check."""

    def __init__(self, *, required: bool = False, description: str) -> None:
        super().__init__(required=required, metadata={"description": description}, error_messages=_TEXT)


class _Strict(ma.Schema):
    error_messages = {"unknown": "is not known here.", "type": "is not a JSON object."}


class AuthorSchema(_Strict):
    """Who wrote a version."""

    name = _Text(required=True, description="As git keeps it; no '<' or '>'")
    email = _Text(required=True, description="An address, or anything that identifies the author")


class _Signed(_Strict):
    description = _Text(description="Why: the commit's message")
    author = fields.Nested(AuthorSchema)


class NewPromptSchema(_Signed):
    """A prompt to create."""

    content = _Text(required=True, description="The whole text, kept byte for byte")
    name = _Text(description="Such as support/greeting; without name and id: a new UUID")
    id = fields.UUID(metadata={"description": "A UUID, which then is the name"})


class SaveSchema(_Signed):
    """A version to save."""

    content = _Text(required=True, description="The whole text, kept byte for byte")


class RenameSchema(_Signed):
    """A new name for a prompt."""

    name = _Text(required=True, description="Such as support/greeting")


class RevertSchema(_Signed):
    """Why a prompt is reverted; may be left out."""


class ListQuerySchema(_Strict):
    """Which prompts to list."""

    name = _Text(description="This name exactly")
    prefix = _Text(description="Names that start so")
    q = _Text(description="Searched for in names and newest contents")
    after = _Text(description="Names after this one")
    limit = fields.Integer(load_default=100, error_messages=_NUMBER, validate=_between(1, 1000))
    include = fields.String(validate=validate.OneOf(["content"], error="can only be 'content'."))


class VersionsQuerySchema(_Strict):
    """Which versions to list."""

    limit = fields.Integer(error_messages=_NUMBER, validate=_between(1, None))
    before = fields.Integer(error_messages=_NUMBER)
    after = fields.Integer(error_messages=_NUMBER)
    order = fields.String(
        load_default="asc", validate=validate.OneOf(["asc", "desc"], error="is neither 'asc' nor 'desc'.")
    )


class DiffQuerySchema(_Strict):
    """Which versions to compare."""

    from_ = fields.Integer(required=True, data_key="from", error_messages=_NUMBER)
    to = fields.Integer(required=True, error_messages=_NUMBER)


class VersionSchema(ma.Schema):
    """A version of a prompt."""

    id = fields.UUID()
    prompt_id = fields.UUID()
    version_number = fields.Integer()
    timestamp = fields.DateTime()
    description = fields.String()
    author = fields.Nested(AuthorSchema)
    commit = fields.String()


class VersionWithContentSchema(VersionSchema):
    """A version of a prompt, with its content."""

    content = fields.String()


class PromptSchema(ma.Schema):
    """A prompt and its newest version."""

    id = fields.UUID()
    name = fields.String()
    path = fields.String()
    version_number = fields.Integer()
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    description = fields.String()
    author = fields.Nested(AuthorSchema)
    commit = fields.String()
    content = fields.String()


class RevertedSchema(ma.Schema):
    """What a revert did."""

    message = fields.String()
    prompt_id = fields.UUID()
    version_number = fields.Integer()
    commit = fields.String()


class DiffSchema(ma.Schema):
    """The difference of two versions."""

    from_ = fields.Integer(data_key="from")
    to = fields.Integer()
    diff = fields.String()
    additions = fields.Integer()
    deletions = fields.Integer()


class ProblemSchema(ma.Schema):
    """A problem document (RFC 9457)."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    code = fields.String()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
