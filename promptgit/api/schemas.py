"""The shapes of requests and answers."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from promptgit import names, texts
from promptgit.names import parse_id

_TEXT: dict[str, Any] = {
    "required": "is missing.",
    "invalid": "is not a text.",
    "null": "is null; leave it out, or give a text.",
}
_NO_NUL = "^[^\\u0000]*$"
_NUMBER: dict[str, Any] = {"required": "is missing; give a number.", "invalid": "is not a number."}


def _between(least: int, most: int | None) -> validate.Range:
    told = f"must be {least} or more." if most is None else f"must be from {least} to {most}."
    return validate.Range(least, most, error=told)


class _Text(fields.String):
    """A JSON string; its rules are the service's to check."""

    def __init__(self, description: str, *, required: bool = False, **keywords: Any) -> None:
        """*keywords* are those of JSON Schema that say what the service will accept."""
        metadata = {"description": description, **keywords}
        super().__init__(required=required, metadata=metadata, error_messages=_TEXT)


class _Id(fields.String):
    """A UUID in its long form alone; gives its canonical text."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        found = parse_id(value) if isinstance(value, str) else None
        if found is None:
            raise ma.ValidationError("is not a UUID of 36 characters.")
        return found


class _Number(fields.Integer):
    """A whole number in a query, in plain digits."""

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(error_messages=_NUMBER, metadata={"description": description}, **options)

    def _validated(self, value: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,4000}", str(value), re.ASCII):
            raise self.make_error("invalid", input=value)
        return int(value)


class _Query(fields.String):
    """A text in a query."""

    def __init__(self, description: str) -> None:
        super().__init__(validate=_refuse_nul, metadata={"description": description, "pattern": _NO_NUL})


def _refuse_nul(value: str) -> None:
    if "\0" in value:
        raise ma.ValidationError(f"has a NUL at place {value.index(chr(0)) + 1}.")


class _Strict(ma.Schema):
    class Meta:
        unknown = ma.RAISE

    error_messages = {"unknown": "is not known here.", "type": "is not a JSON object."}


_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_ID = "3d798a29-5c6e-5ea1-806b-7b92197fa9b4"
_COMMIT = "0f3b1c8e5d7a9b2c4e6f8091a3b5c7d9e1f20314"

# Rules that JSON Schema has no words for are formats, which are described.
_CONTENT: dict[str, Any] = {"pattern": _NO_NUL, "examples": ["Hello {{name}}, how can I help?\n"]}
_NAME: dict[str, Any] = {
    "format": "prompt-name",
    "minLength": 1,
    "maxLength": names.MAX_NAME,
    "examples": ["support/greeting"],
}
_NAME_RULES = (
    "Such as support/greeting: segments of up to 100 characters, and 240 bytes, of letters, marks, numbers, symbols, "
    'punctuation and spaces, without any of `\\ : * ? " < > |`; a clone can be checked out on every system'
)


class NewAuthorSchema(_Strict):
    """Who writes a version."""

    name = _Text(
        "As git keeps it: no '<', '>' or control character, and more than blanks",
        required=True,
        format="author-name",
        minLength=1,
        maxLength=texts.MAX_AUTHOR_NAME,
        examples=["Ada"],
    )
    email = _Text(
        "An address, or anything that identifies the author: no '<', '>' or control character",
        required=True,
        format="author-email",
        maxLength=texts.MAX_AUTHOR_EMAIL,
        examples=["ada@example.org"],
    )


class _Signed(_Strict):
    description = _Text(
        "Why: the commit's message. No control characters but newline and tab; blank space around it is dropped",
        format="commit-message",
        maxLength=texts.MAX_DESCRIPTION,
        examples=["Shorter"],
    )
    author = fields.Nested(
        NewAuthorSchema, error_messages={"null": "is null; leave it out, or give a name and an email."}
    )


class NewPromptSchema(_Signed):
    """A prompt to create."""

    RULE = {"not": {"type": "object", "required": ["name", "id"]}}  # an id is the name

    content = _Text("The whole text, kept byte for byte", required=True, **_CONTENT)
    name = _Text(f"{_NAME_RULES}. Without name and id: a new UUID", **_NAME)
    id = _Id(metadata={"description": "A UUID, which then is the name", "format": "uuid"}, error_messages=_TEXT)


class SaveSchema(_Signed):
    """A version to save."""

    content = _Text("The whole text, kept byte for byte", required=True, **_CONTENT)


class RenameSchema(_Signed):
    """A new name for a prompt."""

    name = _Text(f"{_NAME_RULES}. No UUID", required=True, **_NAME, **{"not": {"pattern": _UUID}})


class ReasonSchema(_Signed):
    """Why a prompt is reverted or deleted; may be left out."""


class ListQuerySchema(_Strict):
    """Which prompts to list."""

    name = _Query("This name exactly")
    prefix = _Query("Names that start so")
    q = _Query("Searched for in names and newest contents")
    after = _Query("Names after this one")
    limit = _Number("At most so many", load_default=100, validate=_between(1, 1000))
    include = fields.String(
        validate=validate.OneOf(["content"], error="can only be 'content'."),
        metadata={"description": "Each prompt with its newest content"},
    )


class VersionsQuerySchema(_Strict):
    """Which versions to list."""

    limit = _Number("At most so many; all, unless given", validate=_between(1, None))
    before = _Number("Versions before this number")
    after = _Number("Versions after this number")
    order = fields.String(
        load_default="asc",
        validate=validate.OneOf(["asc", "desc"], error="is neither 'asc' nor 'desc'."),
        metadata={"description": "By number; oldest first, unless 'desc'"},
    )


class DiffQuerySchema(_Strict):
    """Which versions to compare."""

    from_ = _Number("The number of the older version", required=True, data_key="from")
    to = _Number("The number of the newer version", required=True)


class _Answer(ma.Schema):
    """What an answer holds: every field, unless it is marked as optional."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # noqa: ARG002  # marshmallow's
        field_obj.required = not field_obj.metadata.get("optional")


def _told(description: str, *examples: object, **keywords: Any) -> dict[str, Any]:
    return {"description": description, **({"examples": list(examples)} if examples else {}), **keywords}


_SHA = {"pattern": "^[0-9a-f]{40}$"}


class AuthorSchema(_Answer):
    """Who wrote a version, as git keeps it."""

    name = fields.String(metadata=_told("As git keeps it", "Ada"))
    email = fields.String(metadata=_told("An address, or anything that identifies the author", "ada@example.org"))


class VersionSchema(_Answer):
    """A version of a prompt."""

    id = fields.UUID(metadata=_told("Of this version alone", "7d0c2f0b-5a55-5a0e-9f1c-3f0d7c6b2a19"))
    prompt_id = fields.UUID(metadata=_told("The id of the prompt", _ID))
    version_number = fields.Integer(metadata=_told("1 is the oldest", 1, minimum=1))
    timestamp = fields.DateTime(metadata=_told("When it was written, in UTC", "2026-01-31T12:00:00Z"))
    description = fields.String(metadata=_told("Why: the commit's message", "Initial version"))
    author = fields.Nested(AuthorSchema)
    commit = fields.String(metadata=_told("The commit that made it", _COMMIT, **_SHA))


class VersionWithContentSchema(VersionSchema):
    """A version of a prompt, with its content."""

    content = fields.String(metadata=_told("The whole text", "Hello {{name}}, how can I help?\n"))


class PromptSchema(_Answer):
    """A prompt and its newest version."""

    id = fields.UUID(metadata=_told("Of this prompt for ever, whatever its name", _ID))
    name = fields.String(metadata=_told("Where it lies, without folder and ending", "support/greeting"))
    path = fields.String(metadata=_told("Its file in the repository", "prompts/support/greeting.md"))
    version_number = fields.Integer(metadata=_told("Of its newest version", 1, minimum=1))
    created_at = fields.DateTime(metadata=_told("When its first version was written, in UTC", "2026-01-31T12:00:00Z"))
    updated_at = fields.DateTime(metadata=_told("When its newest version was written", "2026-01-31T12:00:00Z"))
    description = fields.String(metadata=_told("Of its newest version", "Initial version"))
    author = fields.Nested(AuthorSchema)
    commit = fields.String(metadata=_told("Of its newest version", _COMMIT, **_SHA))


class PromptWithContentSchema(PromptSchema):
    """A prompt and its newest version, with its content."""

    content = fields.String(metadata=_told("The whole newest text", "Hello {{name}}, how can I help?\n"))


class ListedPromptSchema(PromptSchema):
    """A prompt in a list, with its content where that was asked for."""

    content = fields.String(metadata=_told("With `include=content`: the whole newest text", optional=True))


class RevertedSchema(_Answer):
    """What a revert did."""

    message = fields.String(metadata=_told("What was done", "Reverted to version 2 successfully."))
    prompt_id = fields.UUID(metadata=_told("The id of the prompt", _ID))
    version_number = fields.Integer(metadata=_told("Of its newest version now", 4, minimum=1))
    commit = fields.String(metadata=_told("Of its newest version now", _COMMIT, **_SHA))


class DiffSchema(_Answer):
    """The difference of two versions."""

    from_ = fields.Integer(data_key="from", metadata=_told("The number of the older version", 1, minimum=1))
    to = fields.Integer(metadata=_told("The number of the newer version", 2, minimum=1))
    diff = fields.String(metadata=_told("What `git diff` prints", "@@ -1 +1 @@\n-Hello\n+Hi\n"))
    additions = fields.Integer(metadata=_told("Lines that came", 1, minimum=0))
    deletions = fields.Integer(metadata=_told("Lines that went", 1, minimum=0))


class NewTokenSchema(_Strict):
    """A token to make."""

    name = _Text("Whom it is for: git's committer", required=True, minLength=1, maxLength=60, examples=["ci"])
    scope = _Text("What it allows", required=True, enum=["read", "write", "admin"])
    expires = _Text(
        "After how long, in minutes, hours or days; left out: never", pattern="^[1-9][0-9]{0,4}[mhd]$", examples=["90d"]
    )


class TokenSchema(_Answer):
    """A token, without its secret."""

    id = fields.String(metadata=_told("What it is revoked by", "5f3a9c01"))
    name = fields.String(metadata=_told("Whom it is for: git's committer", "ci"))
    scope = fields.String(metadata=_told("What it allows", "write", enum=["read", "write", "admin"]))
    created_at = fields.DateTime(metadata=_told("When it was made", "2026-01-31T12:00:00Z"))
    expires_at = fields.DateTime(allow_none=True, metadata=_told("When it ends by itself; null: never", None))
    revoked_at = fields.DateTime(allow_none=True, metadata=_told("When it was revoked; null: it was not", None))


class NewTokenAnswerSchema(TokenSchema):
    """A token with its secret."""

    token = fields.String(metadata=_told("The secret, which is shown this once", "pgt_..."))
