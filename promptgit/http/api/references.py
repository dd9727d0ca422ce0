"""The route /api/prompts/{id}/references."""

from __future__ import annotations

from flask import Response
from marshmallow import fields

from promptgit.domain.references import Reference
from promptgit.errors import PromptDeleted
from promptgit.http.api import answers
from promptgit.http.api.answer_schemas import ID
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import service, uuid_of
from promptgit.http.api.fields import AnswerSchema, described
from promptgit.http.api.openapi import refuses

blueprint = Routes("references", __name__, url_prefix="/api/prompts/<prompt_id>", description="Prompts within prompts")


def _label() -> fields.String:
    return fields.String(metadata=described("The label that the reference names", "production", optional=True))


class UseSchema(AnswerSchema):
    """A prompt that is referred to, and the version that the reference means now."""

    prompt_id = fields.UUID(allow_none=True, metadata=described("Its id; null: there is none of this name", ID))
    name = fields.String(metadata=described("Its name", "support/tone"))
    version_number = fields.Integer(
        allow_none=True, metadata=described("The version that goes in; null: there is none", 2, minimum=1)
    )
    label = _label()
    used_in = fields.List(
        fields.Integer(), metadata=described("The numbers of this prompt's versions that have the reference", [3])
    )


class UsedBySchema(AnswerSchema):
    """A version of another prompt that refers to this one."""

    prompt_id = fields.UUID(metadata=described("The id of the other prompt", ID))
    name = fields.String(metadata=described("Its name", "support/greeting"))
    version_number = fields.Integer(metadata=described("The number of its version", 3, minimum=1))
    label = _label()
    used_version = fields.Integer(
        allow_none=True,
        metadata=described("The version of this prompt that goes in; null: there is none", 2, minimum=1),
    )


class ReferencesSchema(AnswerSchema):
    """What a prompt uses, and where it is used: in the newest and the labelled versions of prompts."""

    uses = fields.List(fields.Nested(UseSchema), metadata=described("In the order of the text"))
    used_by = fields.List(fields.Nested(UsedBySchema), metadata=described("By name and version"))


@blueprint.get("/references")
@blueprint.response(200, ReferencesSchema)
@refuses(PromptDeleted)
def show(prompt_id: str) -> Response:
    """What a prompt uses, and where it is used.

    Newest and labelled versions of prompts that are there count, for these are what programs read.
    """
    prompt = service().get(uuid_of(prompt_id))
    uses, used_by = service().references.of(prompt)
    return answers.json(
        {
            "uses": [
                {
                    "prompt_id": use.prompt and use.prompt.id,
                    "name": use.reference.name,
                    "version_number": use.version,
                    **_labelled(use.reference),
                    "used_in": use.numbers,
                }
                for use in uses
            ],
            "used_by": [
                {
                    "prompt_id": user.prompt.id,
                    "name": user.prompt.name,
                    "version_number": user.number,
                    **_labelled(user.reference),
                    "used_version": user.version,
                }
                for user in used_by
            ],
        }
    )


def _labelled(reference: Reference) -> dict[str, str]:
    return {} if reference.label is None else {"label": reference.label}
