"""The shapes of answers: what the routes of prompts and versions send."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from promptgit.http.api.fields import AnswerSchema, described

ID = "3d798a29-5c6e-5ea1-806b-7b92197fa9b4"
COMMIT = "0f3b1c8e5d7a9b2c4e6f8091a3b5c7d9e1f20314"
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
