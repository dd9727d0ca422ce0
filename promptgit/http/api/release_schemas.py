"""The shapes of what is sent and answered under /api/releases."""

from __future__ import annotations

from marshmallow import fields, validate

from promptgit.domain import releases as domain
from promptgit.domain.releases import MOST_ITEMS
from promptgit.http.api import answer_schemas, request_schemas
from promptgit.http.api.fields import AnswerSchema, Flag, Id, Number, Query, Strict, Text, Whole, between, described

_ALL_STATES = (*domain.STATES, *domain.DERIVED)


class NewItemSchema(Strict):
    """A version to release."""

    prompt_id = Id(
        required=True,
        metadata={"description": "The id of the prompt", "format": "uuid"},
        error_messages={"required": "is missing."},
    )
    version_number = Whole("The number of a version of this prompt", required=True, examples=[5])


class NewReleaseSchema(request_schemas.AttributionSchema):
    """A release to open: with `items`, or `from` a label."""

    description = request_schemas.reason()
    label = Text("The label to move", required=True, format="label", examples=["production"])
    items = fields.List(
        fields.Nested(NewItemSchema),
        validate=validate.Length(1, MOST_ITEMS, error=f"must be 1 to {MOST_ITEMS}."),
        metadata={"description": "Which versions it is to point at"},
    )
    from_ = Text(
        "Instead of items: the label from which to take them; `latest` for the newest versions",
        data_key="from",
        format="label",
        examples=["staging"],
    )
    prefix = Text(
        "With `from`: only prompts below this folder of names; it may end in '/'",
        **(request_schemas.NAME | {"minLength": 0, "examples": ["support/"]}),
    )
    when_ready = Flag("True: release it by itself, with the last approval or check that it lacks")


class RollbackSchema(request_schemas.AttributionSchema):
    """Why a release is rolled back."""

    description = request_schemas.reason()


class ReleasesQuerySchema(Strict):
    """Which releases to list."""

    state = fields.String(
        validate=validate.OneOf(_ALL_STATES, error=f"is none of {', '.join(_ALL_STATES)}."),
        metadata={"description": "Only those in this state; `open` has `ready` and `outdated` ones as well"},
    )
    label = Query("Only those of this label")
    limit = Number("At most so many", load_default=100, validate=between(1, 1000))
    after = Number("Those behind the release of this number, in the order of the list: older ones")


class ItemSchema(AnswerSchema):
    """A label to move."""

    prompt_id = fields.UUID(metadata=described("The id of the prompt", answer_schemas.ID))
    name = fields.String(metadata=described("Its name when the release was opened", "support/greeting"))
    from_ = fields.Integer(
        data_key="from", allow_none=True, metadata=described("Where the label pointed then; null: nowhere", 3)
    )
    to = fields.Integer(allow_none=True, metadata=described("Where it is to point; null: nowhere", 5))


class DeedSchema(AnswerSchema):
    """Who did something to a release, when and why."""

    by = fields.String(metadata=described("The name of the credential; promptgit, where nobody did", "ada"))
    owner = fields.String(allow_none=True, metadata=described("Its owner", "ada@example.org"))
    timestamp = fields.DateTime(metadata=described("When, in UTC", "2026-01-31T12:00:00Z"))
    description = fields.String(metadata=described("Why", "Read and tried"))


class ApprovalSchema(DeedSchema):
    """An approval."""

    counts = fields.Boolean(metadata=described("False: its token was revoked, or its owner counts already", True))


class AskedSchema(AnswerSchema):
    """A check that the rules ask of an item."""

    prompt_id = fields.UUID(metadata=described("The id of the prompt", answer_schemas.ID))
    version_number = fields.Integer(metadata=described("The number of the version", 5, minimum=1))
    check = fields.String(metadata=described("The check's name", "eval"))
    state = fields.String(allow_none=True, metadata=described("What it says; null: it was not reported", "success"))
    summary = fields.String(allow_none=True, metadata=described("One line for people", None))
    url = fields.String(allow_none=True, metadata=described("Where more is told", None))


class ReleaseSchema(AnswerSchema):
    """A release."""

    number = fields.Integer(metadata=described("Of this release for ever", 12, minimum=1))
    label = fields.String(metadata=described("The label that it moves", "production"))
    state = fields.String(metadata=described("Where it stands", "open", enum=list(_ALL_STATES)))
    description = fields.String(metadata=described("What it is for", "Shorter greetings"))
    when_ready = fields.Boolean(metadata=described("Whether it is released by itself", False))
    rollback_of = fields.Integer(allow_none=True, metadata=described("The release that it takes back", None))
    opened = fields.Nested(DeedSchema)
    closed = fields.Nested(DeedSchema, allow_none=True)
    items = fields.List(fields.Nested(ItemSchema))
    approvals = fields.List(fields.Nested(ApprovalSchema))
    checks = fields.List(fields.Nested(AskedSchema))
    missing = fields.List(
        fields.String(), metadata=described("What it lacks, in words; empty once closed", ["1 approval"])
    )
