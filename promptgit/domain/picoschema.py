"""The declared variables of a dotprompt file, `input: {schema, default}` with Picoschema: pure functions, no I/O.

What Picoschema and a declared variable both say is a text with a description that is required or not.
<https://google.github.io/dotprompt/reference/picoschema/>
"""

from __future__ import annotations

import re
from typing import NamedTuple

from promptgit.domain.header_yaml import Json
from promptgit.domain.inputs import Input
from promptgit.domain.variables import names_in

_TYPES = ("any", "boolean", "integer", "null", "number", "string", "object", "array")
_KEY = re.compile(r"(\w+)(\?)?(?:\((\w+)(?:, *(.*))?\))?")
_SAID = re.compile(r"(\w+)(?:, *(.*))?")


class _Property(NamedTuple):
    name: str
    type: str
    description: str
    required: bool


def take(declared: Json) -> tuple[tuple[Input, ...], Json]:
    """The variables that `input` declares, and what it says in addition; None: nothing."""
    if not isinstance(declared, dict):
        return (), declared
    schema, defaults = declared.get("schema"), declared.get("default", {})
    if not isinstance(defaults, dict):
        return (), declared
    properties = {one.name: one for one in _properties(schema)}
    for name in defaults:
        if _is_name(name):
            properties.setdefault(name, _Property(name, "string", "", False))
    inputs = tuple(
        Input(one.name, default=defaults.get(one.name), description=one.description, required=one.required)
        for one in properties.values()
    )
    said = give(inputs, {})
    rest = {key: value for key, value in declared.items() if key not in ("schema", "default")}
    if schema != said.get("schema") and schema is not None:
        rest["schema"] = _unsaid(schema, said.get("schema", {})) if _is_pico(schema) else schema
    if left := _unsaid(defaults, said.get("default", {})):
        rest["default"] = left
    return inputs, rest or None


def give(inputs: tuple[Input, ...], kept: dict[str, Json]) -> dict[str, Json]:
    """The value of `input` that declares variables; *kept* is what `take` found in addition."""
    schema = kept.get("schema")
    defaults = {one.name: one.default for one in inputs if one.default is not None}
    said = {key: value for key, value in kept.items() if key not in ("schema", "default")}
    if schema is None or _is_pico(schema):
        schema = _schema(inputs, schema or {})
    if schema:
        said["schema"] = schema
    if isinstance(kept.get("default"), dict):
        defaults |= kept["default"]
    return said | ({"default": defaults} if defaults else {})


def _schema(inputs: tuple[Input, ...], kept: dict[str, Json]) -> dict[str, Json]:
    """Picoschema of these variables; *kept* has types, of variables that are still declared in that way."""
    typed = {entry.name: (key, entry) for key, value in kept.items() if (entry := _property(key, value))}
    schema: dict[str, Json] = {key: value for key, value in kept.items() if _property(key, value) is None}
    for one in inputs:
        key, entry = typed.get(one.name, ("", None))
        if entry and (entry.description, entry.required) == (one.description, one.required):
            schema[key] = kept[key]
        elif one.required or one.description or one.default is None:
            description = " ".join(one.description.split("\n"))
            schema[one.name + ("" if one.required else "?")] = "string" + (f", {description}" if description else "")
    if schema.get("type") in _TYPES:  # would make it JSON Schema
        schema["type"] = f"{schema['type']}, type"
    return schema


def _properties(schema: Json) -> list[_Property]:
    if _is_pico(schema):
        return [one for key, value in schema.items() if (one := _property(key, value))]
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return []
    required = schema.get("required")
    required = required if isinstance(required, list) else []
    found = []
    for name, value in properties.items():
        description = value.get("description", "") if isinstance(value, dict) else ""
        if _is_name(name):
            said = description if isinstance(description, str) else ""
            found.append(_Property(name, "", said, name in required))
    return found


def _property(key: str, value: Json) -> _Property | None:
    """What one entry of Picoschema says; None where it is not about one variable."""
    parts = _KEY.fullmatch(key)
    if parts is None or not _is_name(parts[1]):
        return None
    said = _SAID.fullmatch(value) if isinstance(value, str) and not parts[3] else None
    kind, description = (parts[3], parts[4]) if parts[3] else (said[1], said[2]) if said else ("object", "")
    return _Property(parts[1], kind, description or "", not parts[2])


def _is_pico(schema: Json) -> bool:
    return isinstance(schema, dict) and not (schema.get("type") in _TYPES or isinstance(schema.get("properties"), dict))


def _is_name(name: str) -> bool:
    return names_in(f"{{{{{name}}}}}") == (name,)


def _unsaid(found: dict[str, Json], said: dict[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in found.items() if key not in said or said[key] != value}
