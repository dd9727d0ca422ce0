"""The shapes of requests and answers."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from promptgit.names import parse_id

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


class _Id(fields.String):
    """A UUID in its long form alone; gives its canonical text."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        found = parse_id(value) if isinstance(value, str) else None
        if found is None:
            raise ma.ValidationError("is not a UUID of 36 characters.")
        return found


class _Number(fields.Integer):
    """A whole number in a query, in plain digits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(error_messages=_NUMBER, **options)

    def _validated(self, value: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,4000}", str(value), re.ASCII):
            raise self.make_error("invalid", input=value)
        return int(value)


class _Query(fields.String):
    """A text in a query."""

    def __init__(self, description: str) -> None:
        super().__init__(validate=_refuse_nul, metadata={"description": description})


def _refuse_nul(value: str) -> None:
    if "\0" in value:
        raise ma.ValidationError(f"has a NUL at place {value.index(chr(0)) + 1}.")


class _Strict(ma.Schema):
    error_messages = {"unknown": "is not known here.", "type": "is not a JSON object."}


class AuthorSchema(_Strict):
    """Who wrote a version."""

    name = _Text(required=True, description="As git keeps it; no '<' or '>'")
    email = _Text(required=True, description="An address, or anything that identifies the author")


class _Signed(_Strict):
    description = _Text(description="Why: the commit's message")
    author = fields.Nested(AuthorSchema, error_messages={"null": "is null; leave it out, or give a name and an email."})


class NewPromptSchema(_Signed):
    """A prompt to create."""

    content = _Text(required=True, description="The whole text, kept byte for byte")
    name = _Text(description="Such as support/greeting; without name and id: a new UUID")
    id = _Id(metadata={"description": "A UUID, which then is the name"}, error_messages=_TEXT)


class SaveSchema(_Signed):
    """A version to save."""

    content = _Text(required=True, description="The whole text, kept byte for byte")


class RenameSchema(_Signed):
    """A new name for a prompt."""

    name = _Text(required=True, description="Such as support/greeting")


class ReasonSchema(_Signed):
    """Why a prompt is reverted or deleted; may be left out."""


class ListQuerySchema(_Strict):
    """Which prompts to list."""

    name = _Query("This name exactly")
    prefix = _Query("Names that start so")
    q = _Query("Searched for in names and newest contents")
    after = _Query("Names after this one")
    limit = _Number(load_default=100, validate=_between(1, 1000))
    include = fields.String(validate=validate.OneOf(["content"], error="can only be 'content'."))


class VersionsQuerySchema(_Strict):
    """Which versions to list."""

    limit = _Number(validate=_between(1, None))
    before = _Number()
    after = _Number()
    order = fields.String(
        load_default="asc", validate=validate.OneOf(["asc", "desc"], error="is neither 'asc' nor 'desc'.")
    )


class DiffQuerySchema(_Strict):
    """Which versions to compare."""

    from_ = _Number(required=True, data_key="from")
    to = _Number(required=True)


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


class NewTokenSchema(_Strict):
    """A token to make."""

    name = _Text(required=True, description="Whom it is for: git's committer")
    scope = _Text(required=True, description="read, write or admin")
    expires = _Text(description="After how long, such as 90d, 12h or 30m; left out: never")


class TokenSchema(ma.Schema):
    """A token, without its secret."""

    id = fields.String()
    name = fields.String()
    scope = fields.String()
    created_at = fields.DateTime()
    expires_at = fields.DateTime(allow_none=True)
    revoked_at = fields.DateTime(allow_none=True)


class NewTokenAnswerSchema(TokenSchema):
    """A token with its secret."""

    token = fields.String()


class ProblemSchema(ma.Schema):
    """A problem document (RFC 9457)."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    code = fields.String()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
