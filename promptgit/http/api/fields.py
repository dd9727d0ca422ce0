"""Fields and base classes for the schemas of requests and answers."""

from __future__ import annotations

import re
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from promptgit.domain.names import parse_id
from promptgit.domain.past import AsOf, as_of
from promptgit.errors import Invalid

TEXT_ERRORS: dict[str, Any] = {
    "required": "is missing.",
    "invalid": "is not a text.",
    "null": "is null; leave it out, or give a text.",
}
NO_NUL = "^[^\\u0000]*$"
NUMBER_ERRORS: dict[str, Any] = {"required": "is missing; give a number.", "invalid": "is not a number."}


def between(least: int, most: int) -> validate.Range:
    """Refuse a number that is not between the two, both inclusive."""
    return validate.Range(least, most, error=f"must be from {least} to {most}.")


class Text(fields.String):
    """A JSON string; the service checks its rules."""

    def __init__(self, description: str, *, required: bool = False, **keywords: Any) -> None:
        """*keywords* are `data_key`, and those of JSON Schema that say what the service will accept."""
        data_key = keywords.pop("data_key", None)
        metadata = {"description": description, **keywords}
        super().__init__(required=required, data_key=data_key, metadata=metadata, error_messages=TEXT_ERRORS)


class Id(fields.String):
    """A UUID of 36 characters; loads as its canonical text."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        found = parse_id(value) if isinstance(value, str) else None
        if found is None:
            raise ma.ValidationError("is not a UUID of 36 characters.")
        return found


class Flag(fields.Boolean):
    """A JSON boolean, and nothing that looks like one."""

    def __init__(self, description: str, **options: Any) -> None:
        errors: dict[str, Any] = {
            "invalid": "is not true or false.",
            "null": "is null; leave it out, or say true or false.",
        }
        super().__init__(metadata={"description": description}, error_messages=errors, **options)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Number(fields.Integer):
    """A whole number in a query, as it is usually written: in ASCII digits, without a plus sign or leading zeros."""

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(error_messages=NUMBER_ERRORS, metadata={"description": description}, **options)

    def _validated(self, value: Any) -> int:
        if not re.fullmatch(r"0|-?[1-9][0-9]{0,3999}", str(value), re.ASCII):
            raise self.make_error("invalid", input=value)
        return int(value)


class At(fields.String):
    """The commit or the time of a state of the past, in a query; loads as `AsOf`."""

    def __init__(self) -> None:
        metadata = described(
            "The state as of a commit in the first-parent history of `main` (its full id), or as of a time (RFC 3339): "
            "that of the commit which `git rev-list -1 --first-parent --before=TIME main` prints",
            "2026-11-01T12:00:00Z",
            format="commit-or-time",
        )
        super().__init__(metadata=metadata)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> AsOf:  # type: ignore[override]  # a text in the query
        try:
            return as_of(str(value))
        except Invalid as error:
            raise ma.ValidationError(f"{error.reason}.") from error


class Whole(fields.Integer):
    """A whole number in JSON; *keywords* are those of JSON Schema, of which `minimum` is enforced."""

    def __init__(self, description: str, *, required: bool = False, allow_none: bool = False, **keywords: Any) -> None:
        least = keywords.get("minimum")
        super().__init__(
            strict=True,
            required=required,
            allow_none=allow_none,
            validate=None if least is None else validate.Range(least, error=f"must be at least {least}."),
            metadata={"description": description, **keywords},
            error_messages=NUMBER_ERRORS | {"null": "is null; leave it out, or give a number."},
        )

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class OnlyTrue(fields.Raw):
    """Nothing but true."""

    def __init__(self, description: str, *, required: bool = False, **keywords: Any) -> None:
        super().__init__(
            required=required,
            validate=_expect_true,
            metadata={"description": description, **keywords},
            error_messages={"required": "is missing.", "null": "can only be true."},
        )


def _expect_true(value: Any) -> None:
    if value is not True:
        raise ma.ValidationError("can only be true.")


class QueryFlag(fields.String):
    """`true` or `false` in a query; false, unless given. Loads as a boolean."""

    def __init__(self, description: str) -> None:
        super().__init__(metadata={"description": description, "enum": ["true", "false"]})

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if value not in ("true", "false"):
            raise ma.ValidationError("is neither 'true' nor 'false'.")
        return value == "true"


class Query(fields.String):
    """A text in a query."""

    def __init__(self, description: str, **options: Any) -> None:
        super().__init__(validate=_refuse_nul, metadata={"description": description, "pattern": NO_NUL}, **options)


def _refuse_nul(value: str) -> None:
    if "\0" in value:
        raise ma.ValidationError(f"has a NUL at place {value.index(chr(0)) + 1}.")


class Request(ma.Schema):
    """A schema for requests, whose fields say what is wrong in our words, those without words of their own too."""

    error_messages = {"unknown": "is not known here.", "type": "is not a JSON object."}

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # noqa: ARG002  # marshmallow's
        """Put our words in the place of marshmallow's."""
        _say(field_obj)


def _say(field: fields.Field[Any]) -> None:
    kinds = [kind for kind in type(field).__mro__ if issubclass(kind, fields.Field)]
    theirs = {sentence for kind in kinds for sentence in kind.default_error_messages.values()}
    ours = {"required": "is missing.", "null": "is null; leave it out."}
    ours |= {"invalid": next((_INVALID[kind] for kind in kinds if kind in _INVALID), "cannot be read.")}
    field.error_messages = {
        key: ours.get(key, said) if said in theirs else said for key, said in field.error_messages.items()
    }
    if isinstance(field, fields.List):
        _say(field.inner)


_INVALID: dict[type, str] = {
    fields.String: TEXT_ERRORS["invalid"],
    fields.Integer: NUMBER_ERRORS["invalid"],
    fields.Boolean: "is not true or false.",
    fields.List: "is not a list.",
}


class Strict(Request):
    """A schema for requests, which refuses fields that it does not name."""

    class Meta:  # noqa: D106  # marshmallow's
        unknown = ma.RAISE


class AnswerSchema(ma.Schema):
    """A schema for answers, which have every field, except those marked as optional."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # noqa: ARG002  # marshmallow's
        """Require it."""
        field_obj.required = not field_obj.metadata.get("optional")


def described(description: str, *examples: object, **keywords: Any) -> dict[str, Any]:
    """What the OpenAPI document says of a field; *keywords* are those of JSON Schema."""
    return {"description": description, **({"examples": list(examples)} if examples else {}), **keywords}
