"""The route /api/commits: several changes in one commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import marshmallow as ma
from apispec import APISpec
from flask import Response
from marshmallow import fields

from promptgit import errors
from promptgit.domain import labels
from promptgit.errors import Invalid
from promptgit.http.api import answers, request_schemas
from promptgit.http.api.answer_schemas import COMMIT, ID, SHA
from promptgit.http.api.bodies import Routes
from promptgit.http.api.checks import SaidSchema
from promptgit.http.api.context import attribution_of, expect_no_precondition, service
from promptgit.http.api.fields import AnswerSchema, Flag, Id, OnlyTrue, Strict, Text, Whole, described
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import of_change
from promptgit.service.evaluations import Told
from promptgit.service.items import MOST, NEWEST, Action, Delete, Item, Point, Refusals, Rename, Restore, Save, Tell

blueprint = Routes("commits", __name__, url_prefix="/api/commits", description="Several changes in one commit")

_NUMBER_OR_NEWEST = {"oneOf": [{"type": "integer"}, {"const": NEWEST}, {"type": "null"}]}
_EXAMPLE = {
    "changes": [
        {"name": "support/greeting", "content": "Hello {{name}}!\n"},
        {"name": "support/greeting", "label": "production", "version_number": NEWEST},
    ],
    "description": "Greet by name",
}
_REFUSALS = (
    *(errors.PromptNotFound, errors.NameNotFound, errors.VersionNotFound, errors.LabelNotFound, errors.PromptDeleted),
    *(errors.Invalid, errors.InvalidName, errors.ContentTooLarge, errors.DuplicateChange, errors.AmbiguousChange),
    *(
        errors.NameTaken,
        errors.PathBlocked,
        errors.StaleVersion,
        errors.LabelProtected,
        errors.CheckProtected,
        errors.LabelGated,
        errors.OutsidePrefix,
        errors.Referenced,
    ),
)


class _Change(Strict):
    RULE = {"oneOf": [{"required": ["prompt_id"]}, {"required": ["name"]}]}

    prompt_id = Id(metadata={"description": "The id of the prompt; or give its name", "format": "uuid"})
    name = Text("The name of the prompt before the commit; or give its id", **request_schemas.NAME)
    if_match = Whole(
        "Only if this is the number of the newest version; 0: only if no living prompt is there", minimum=0
    )


class _Forcible(_Change):
    force = Flag("True: also where other prompts refer to it, whose references then lead nowhere")


class ContentChangeSchema(_Change):
    """A content to be the newest; a name creates the prompt where there is none, or brings a deleted one back."""

    content = Text("The whole text, kept byte for byte", required=True, **request_schemas.CONTENT)


class RenameChangeSchema(_Forcible):
    """Another name for a prompt."""

    rename_to = Text("The new name, free before the commit", required=True, **request_schemas.NEW_NAME)


class DeleteChangeSchema(_Forcible):
    """The end of a prompt, with its labels."""

    delete = OnlyTrue("Only true", required=True, const=True)


class RestoreChangeSchema(_Change):
    """An older version's content to be the newest, also of a deleted prompt."""

    restore = Whole("The number of that version", required=True)


class _NumberOrNewest(Whole):
    def _deserialize(self, value: Any, *arguments: Any, **keywords: Any) -> Any:
        return value if value == NEWEST else super()._deserialize(value, *arguments, **keywords)


class LabelChangeSchema(_Forcible):
    """A label to point at a version, or to remove."""

    label = Text("The label", required=True, **request_schemas.LABEL)
    version_number = _NumberOrNewest(
        "Where it is to point; `new`: at the prompt's newest version after this commit; null: nowhere",
        required=True,
        allow_none=True,
        **_NUMBER_OR_NEWEST,
    )


class CheckChangeSchema(SaidSchema, _Change):
    """What a CI says about a version that is there before."""

    check = Text("The name of the check", required=True, pattern=labels.PATTERN, examples=["eval"])
    version_number = Whole("The number of the version", required=True)


# What tells a change's kind, its shape, and what it asks for.
_KINDS: dict[str, tuple[type[_Change], Callable[[dict[str, Any]], Action]]] = {
    "content": (ContentChangeSchema, lambda sent: Save(sent["content"])),
    "rename_to": (RenameChangeSchema, lambda sent: Rename(sent["rename_to"])),
    "delete": (DeleteChangeSchema, lambda _: Delete()),
    "restore": (RestoreChangeSchema, lambda sent: Restore(sent["restore"])),
    "label": (LabelChangeSchema, lambda sent: Point(sent["label"], sent["version_number"])),
    "check": (
        CheckChangeSchema,
        lambda sent: Tell(
            sent["version_number"], Told(sent["check"], sent["state"], sent.get("summary"), sent.get("url"))
        ),
    ),
}
_SHAPES = {kind.__name__.removesuffix("Schema"): kind for kind, _ in _KINDS.values()}


class Changes(fields.Raw):
    """An array of changes; loads as items. What is refused of one is told under its index."""

    def __init__(self) -> None:
        kinds = [{"$ref": f"#/components/schemas/{name}"} for name in _SHAPES]
        shape = {"type": "array", "minItems": 1, "maxItems": MOST, "items": {"anyOf": kinds}}
        super().__init__(
            required=True,
            metadata=described("What to do; all changes speak of the state before the commit", **shape),
            error_messages={"required": "are missing.", "null": "are null; send an array."},
        )

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Item]:
        if not isinstance(value, list):
            raise ma.ValidationError("are not an array.")
        if len(value) > MOST:
            raise ma.ValidationError(f"are {len(value):,}; send at most {MOST:,} at once.")
        refusals, items = Refusals(), []
        for at, one in enumerate(value):
            with refusals.of(at):
                items.append(_item(one))
        refusals.expect_none()
        return items


class CommitSchema(request_schemas.ForcibleSchema):
    """Changes to make in one commit, or not at all."""

    changes = Changes()


class ResultSchema(AnswerSchema):
    """What a change did, and its prompt after the commit."""

    prompt_id = fields.UUID(
        allow_none=True,
        metadata=described("The id of the prompt; null in a dry run where only the commit decides it", ID),
    )
    name = fields.String(metadata=described("Its name", "support/greeting"))
    version_number = fields.Integer(metadata=described("Of its newest version", 2, minimum=1))
    changed = fields.Boolean(metadata=described("Whether this change changed anything", True))


class CommittedSchema(AnswerSchema):
    """The commit, and what each change did."""

    commit = fields.String(
        allow_none=True,
        metadata=described(
            "The commit; null where nothing had to change, and in a dry run",
            COMMIT,
            **SHA,
        ),
    )
    results = fields.List(fields.Nested(ResultSchema), metadata=described("In the order of the changes"))


@blueprint.post("")
@blueprint.arguments(request_schemas.DryRunSchema(), location="query")
@blueprint.arguments(CommitSchema(), example=_EXAMPLE)
@blueprint.response(200, CommittedSchema)
@refuses(*of_change(*_REFUSALS))
def create(query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Make several changes in one commit, or none of them."""
    expect_no_precondition("each change has an if_match of its own")
    made = service().commits.make(
        body["changes"], dry_run=query.get("dry_run", False), attribution=attribution_of(body)
    )
    results = [
        {"prompt_id": one.prompt_id, "name": one.name, "version_number": one.number, "changed": one.changed}
        for one in made.outcomes
    ]
    return answers.json({"commit": made.commit, "results": results})


def describe(spec: APISpec) -> None:
    """Put the shapes of changes into the OpenAPI document."""
    for name, kind in _SHAPES.items():
        spec.components.schema(name, dict(_Change.RULE), schema=kind)


def _item(value: Any) -> Item:
    """One change as it was sent.

    Raises:
        Invalid: it has another shape.
    """
    given = _KINDS.keys() & value.keys() if isinstance(value, dict) else ()
    if len(given) != 1:
        raise Invalid("change", f"is not an object with exactly one of {', '.join(_KINDS)}")
    kind, action_of = _KINDS[next(iter(given))]
    try:
        loaded: dict[str, Any] = kind().load(value)
    except ma.ValidationError as error:
        field, reasons = next(iter(cast("dict[str, list[str]]", error.messages).items()))
        raise Invalid(_shown(field), reasons[0].removesuffix(".")) from None
    which = loaded.get("prompt_id"), loaded.get("name")
    return Item(action_of(loaded), *which, loaded.get("if_match"), loaded.get("force", False))


def _shown(field: str) -> str:
    """The name of a field, which the client has chosen, and which may have lone surrogates."""
    return field[:60].encode("utf-8", "backslashreplace").decode()
