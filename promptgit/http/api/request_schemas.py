"""The shapes of requests: what the routes of prompts and versions are sent."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from promptgit.domain import labels, names, texts
from promptgit.domain.formats import SUFFIXES
from promptgit.http.api.fields import (
    NO_NUL,
    TEXT_ERRORS,
    At,
    Flag,
    Id,
    Number,
    Query,
    QueryFlag,
    Strict,
    Text,
    between,
)

_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"

# Rules that JSON Schema cannot express are formats, which the descriptions explain.
CONTENT: dict[str, Any] = {"pattern": NO_NUL, "examples": ["Hello {{name}}, how can I help?\n"]}
NAME: dict[str, Any] = {
    "format": "prompt-name",
    "minLength": 1,
    "maxLength": names.MAX_NAME,
    "examples": ["support/greeting"],
}
NEW_NAME = NAME | {"not": {"pattern": _UUID}}
LABEL: dict[str, Any] = {"pattern": labels.PATTERN, "not": {"const": labels.LATEST}, "examples": ["production"]}
"""A label that can be moved."""
_NAME_RULES = (
    "Such as support/greeting: segments of up to 100 characters, and 240 bytes, of letters, marks, numbers, symbols, "
    'punctuation and spaces, without any of `\\ : * ? " < > |`; a clone can be checked out on every system'
)


# What a schema cannot say field by field, by its name in the document.
RULES: dict[str, dict[str, Any]] = {
    "NewPrompt": {"not": {"type": "object", "required": ["name", "id"]}},  # not both: the id becomes the name
    "NewRelease": {
        "oneOf": [
            {"required": ["items"], "not": {"anyOf": [{"required": ["from"]}, {"required": ["prefix"]}]}},
            {"required": ["from"], "not": {"required": ["items"]}},
        ]
    },
}


class NewAuthorSchema(Strict):
    """Who writes a version."""

    name = Text(
        "As git keeps it: no '<', '>' or control character, and more than blanks",
        required=True,
        format="author-name",
        minLength=1,
        maxLength=texts.MAX_AUTHOR_NAME,
        examples=["Ada"],
    )
    email = Text(
        "An address, or anything that identifies the author: no '<', '>' or control character",
        required=True,
        format="author-email",
        maxLength=texts.MAX_AUTHOR_EMAIL,
        examples=["ada@example.org"],
    )


class AttributionSchema(Strict):
    """Why something is written, and by whom."""

    description = Text(
        "Why: the commit's message. No control characters but newline and tab; blank space around it is dropped",
        format="commit-message",
        maxLength=texts.MAX_DESCRIPTION,
        examples=["Shorter"],
    )
    author = fields.Nested(
        NewAuthorSchema, error_messages={"null": "is null; leave it out, or give a name and an email."}
    )


def reason() -> Text:
    """The field of a description that must say something."""
    return Text(
        "Why: the commit's message, which must say something",
        required=True,
        format="reason",
        minLength=1,
        maxLength=texts.MAX_DESCRIPTION,
        examples=["Shorter greetings"],
    )


class OverridableSchema(AttributionSchema):
    """The same, of what a gated label may stand in the way of."""

    override = Flag("True: move or remove gated labels without a release; takes the scope `admin`, and a description")


class ForcibleSchema(OverridableSchema):
    """The same, of what others may refer to."""

    force = Flag("True: also where other prompts refer to it, whose references then lead nowhere")


class NewPromptSchema(AttributionSchema):
    """A prompt to create."""

    content = Text("The whole text, kept byte for byte", required=True, **CONTENT)
    name = Text(f"{_NAME_RULES}. Without name and id: a new UUID", **NAME)
    id = Id(metadata={"description": "A UUID, which then is the name", "format": "uuid"}, error_messages=TEXT_ERRORS)


class SaveSchema(AttributionSchema):
    """A version to save."""

    content = Text("The whole text, kept byte for byte", required=True, **CONTENT)


class RenameSchema(ForcibleSchema):
    """A new name for a prompt."""

    name = Text(f"{_NAME_RULES}. No UUID", required=True, **NEW_NAME)


class DryRunSchema(Strict):
    """Whether to write."""

    dry_run = QueryFlag("Check everything, say what would be, and write nothing")


class ReasonSchema(AttributionSchema):
    """Why something is done; may be left out."""


class RemovalSchema(ForcibleSchema):
    """Why a prompt is deleted, or a label removed; may be left out."""


class ResolveQuerySchema(Strict):
    """Whether prompts within the prompt are put in."""

    resolve = QueryFlag("`true`: with the references to other prompts replaced, and `resolved_references`")


class AtQuerySchema(Strict):
    """Which state to read: the present one, unless given."""

    at = At()


class ReadQuerySchema(AtQuerySchema, ResolveQuerySchema):
    """Which state to read, and whether prompts within the prompt are put in."""


class ListQuerySchema(ReadQuerySchema):
    """Which prompts to list."""

    name = Query("This name exactly")
    prefix = Query("Names that start so")
    q = Query("Searched for in names and newest contents; not with `at`")
    after = Query("Names after this one")
    limit = Number("At most so many", load_default=100, validate=between(1, 1000))
    label = Query("Only prompts with this label, each at the version that it points at")
    include = fields.String(
        validate=validate.OneOf(["content"], error="can only be 'content'."),
        metadata={"description": "Each prompt with its newest content"},
    )

    @validates_schema
    def _expect_one(self, data: dict[str, Any], **_: object) -> None:
        if data.get("resolve") and "include" not in data:
            raise ValidationError("says nothing here without 'include=content'.", "resolve")
        if "q" in data and "at" in data:
            raise ValidationError("is searched for in the newest contents alone; leave it out, or 'at'.", "q")


class VersionsQuerySchema(Strict):
    """Which versions to list."""

    limit = Number("At most so many; all, unless given", validate=between(1, 1000))
    before = Number("Versions before this number")
    after = Number("Versions after this number")
    order = fields.String(
        load_default="asc",
        validate=validate.OneOf(["asc", "desc"], error="is neither 'asc' nor 'desc'."),
        metadata={"description": "By number; oldest first, unless 'desc'"},
    )


class ContentQuerySchema(ResolveQuerySchema):
    """As which file to read a content."""

    format = fields.String(
        validate=validate.OneOf(list(SUFFIXES), error="is neither 'dotprompt' nor 'prompty'."),
        metadata={"description": "As a file of dotprompt or Prompty; `Promptgit-Dropped` tells what it cannot say"},
    )


class DiffQuerySchema(Strict):
    """Which versions to compare."""

    from_ = Number("The number of the older version", required=True, data_key="from")
    to = Number("The number of the newer version", required=True)
