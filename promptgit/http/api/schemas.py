"""The shapes of requests and answers."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from promptgit.domain import names, texts
from promptgit.domain.formats import SUFFIXES
from promptgit.http.api.fields import (
    NO_NUL,
    TEXT_ERRORS,
    AnswerSchema,
    At,
    Flag,
    Id,
    Number,
    Query,
    QueryFlag,
    Strict,
    Text,
    between,
    described,
)

_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
ID = "3d798a29-5c6e-5ea1-806b-7b92197fa9b4"
COMMIT = "0f3b1c8e5d7a9b2c4e6f8091a3b5c7d9e1f20314"

# Rules that JSON Schema cannot express are formats, which the descriptions explain.
CONTENT: dict[str, Any] = {"pattern": NO_NUL, "examples": ["Hello {{name}}, how can I help?\n"]}
NAME: dict[str, Any] = {
    "format": "prompt-name",
    "minLength": 1,
    "maxLength": names.MAX_NAME,
    "examples": ["support/greeting"],
}
NEW_NAME = NAME | {"not": {"pattern": _UUID}}
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


SHA = {"pattern": "^[0-9a-f]{40}$"}


class AuthorSchema(AnswerSchema):
    """Who wrote a version, as git keeps it."""

    name = fields.String(metadata=described("As git keeps it", "Ada"))
    email = fields.String(metadata=described("An address, or anything that identifies the author", "ada@example.org"))


def committer() -> fields.Nested:
    """The field of who stored what an author made."""
    return fields.Nested(
        AuthorSchema, metadata={"description": "Who stored it, where that is not the author", "optional": True}
    )


def variables(**members: object) -> fields.List[str]:
    """The field of the variables of a content."""
    says = "The names in `{{name}}`, each once, in the order in which they first appear in the content"
    return fields.List(fields.String(), metadata=described(says, ["name"], **members))


class InputSchema(AnswerSchema):
    """A variable that the front matter of a content declares."""

    name = fields.String(metadata=described("The name in `{{name}}`", "name"))
    description = fields.String(metadata=described("What it is for", "Whom to greet", optional=True))
    default = fields.Raw(metadata=described("Any JSON: what stands in the text if no value is given", optional=True))
    required = fields.Boolean(metadata=described("False: without a value and a default, it is left empty", True))


def inputs() -> fields.List[Any]:
    """The field of the variables that a content declares."""
    says = "The variables that its front matter declares, where it declares any"
    return fields.List(fields.Nested(InputSchema), metadata=described(says, optional=True))


class VersionSchema(AnswerSchema):
    """A version of a prompt."""

    id = fields.UUID(metadata=described("Of this version alone", "7d0c2f0b-5a55-5a0e-9f1c-3f0d7c6b2a19"))
    prompt_id = fields.UUID(metadata=described("The id of the prompt", ID))
    version_number = fields.Integer(metadata=described("1 is the oldest", 1, minimum=1))
    timestamp = fields.DateTime(metadata=described("When it was written, in UTC", "2026-01-31T12:00:00Z"))
    description = fields.String(metadata=described("Why: the commit's message", "Initial version"))
    author = fields.Nested(AuthorSchema)
    committer = committer()
    commit = fields.String(metadata=described("The commit that made it", COMMIT, **SHA))
    labels = fields.List(fields.String(), metadata=described("Those that point at it, sorted", ["production"]))


class ReferenceSchema(AnswerSchema):
    """A version of a prompt that was put in where a text refers to it."""

    prompt_id = fields.UUID(metadata=described("The id of its prompt", ID))
    name = fields.String(metadata=described("The name of its prompt", "support/tone"))
    version_number = fields.Integer(metadata=described("Its number", 2, minimum=1))
    label = fields.String(metadata=described("The label that the reference names", "production", optional=True))


def resolved_references() -> fields.Field[Any]:
    """The field of what was put into a content."""
    described_as = "With `resolve=true`: which versions were put in, each once, in order; also into what was put in"
    return fields.List(fields.Nested(ReferenceSchema), metadata=described(described_as, optional=True))


class VersionWithContentSchema(VersionSchema):
    """A version of a prompt, with its content."""

    resolved_references = resolved_references()

    content = fields.String(metadata=described("The whole text", "Hello {{name}}, how can I help?\n"))
    variables = variables()
    inputs = inputs()


class LinesSchema(AnswerSchema):
    """Lines in a row that one version wrote."""

    lines = fields.Integer(metadata=described("How many lines", 3, minimum=1))
    version_number = fields.Integer(metadata=described("Of the version that wrote them", 1, minimum=1))
    timestamp = fields.DateTime(metadata=described("When that was written, in UTC", "2026-01-31T12:00:00Z"))
    author = fields.Nested(AuthorSchema)
    committer = committer()


class PromptSchema(AnswerSchema):
    """A prompt and its newest version."""

    id = fields.UUID(metadata=described("Of this prompt for ever, whatever its name", ID))
    name = fields.String(metadata=described("Where it lies, without folder and ending", "support/greeting"))
    path = fields.String(metadata=described("Its file in the repository", "prompts/support/greeting.md"))
    version_number = fields.Integer(metadata=described("Of its newest version", 1, minimum=1))
    created_at = fields.DateTime(
        metadata=described("When its first version was written, in UTC", "2026-01-31T12:00:00Z")
    )
    updated_at = fields.DateTime(metadata=described("When its newest version was written", "2026-01-31T12:00:00Z"))
    description = fields.String(metadata=described("Of its newest version", "Initial version"))
    author = fields.Nested(AuthorSchema)
    committer = committer()
    commit = fields.String(metadata=described("Of its newest version", COMMIT, **SHA))
    labels = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata=described("Each with the number of the version that it points at", {"production": 1}),
    )


class PromptWithContentSchema(PromptSchema):
    """A prompt and its newest version, with its content."""

    resolved_references = resolved_references()

    content = fields.String(metadata=described("The whole newest text", "Hello {{name}}, how can I help?\n"))
    variables = variables()
    inputs = inputs()


class ListedPromptSchema(PromptSchema):
    """A prompt in a list, with its content where that was asked for."""

    content = fields.String(metadata=described("With `include=content`: the whole newest text", optional=True))
    variables = variables(optional=True)
    inputs = inputs()
    resolved_references = resolved_references()


class RevertedSchema(AnswerSchema):
    """What a revert did."""

    message = fields.String(metadata=described("What was done", "Reverted to version 2 successfully."))
    prompt_id = fields.UUID(metadata=described("The id of the prompt", ID))
    version_number = fields.Integer(metadata=described("Of its newest version now", 4, minimum=1))
    commit = fields.String(metadata=described("Of its newest version now", COMMIT, **SHA))


class DiffSchema(AnswerSchema):
    """The difference of two versions."""

    from_ = fields.Integer(data_key="from", metadata=described("The number of the older version", 1, minimum=1))
    to = fields.Integer(metadata=described("The number of the newer version", 2, minimum=1))
    diff = fields.String(metadata=described("What `git diff` prints", "@@ -1 +1 @@\n-Hello\n+Hi\n"))
    additions = fields.Integer(metadata=described("Lines that came", 1, minimum=0))
    deletions = fields.Integer(metadata=described("Lines that went", 1, minimum=0))
