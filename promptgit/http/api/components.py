"""What all routes share in the OpenAPI document: parameters, headers, security, the shape of problems."""

from __future__ import annotations

from typing import Any

from promptgit.domain.labels import PATTERN
from promptgit.http.api.request_schemas import LABEL

Json = dict[str, Any]

_ID = {"type": "string", "format": "uuid", "examples": ["3d798a29-5c6e-5ea1-806b-7b92197fa9b4"]}
_NUMBER = {"type": "integer", "minimum": 1, "examples": [1]}
_ETAG = '"0f3b1c8e5d7a9b2c4e6f8091a3b5c7d9e1f20314"'

INFO: Json = {
    "description": "Versions for prompts, kept in git: every prompt a file, every version a commit.\n\n"
    "JSON is UTF-8, times are UTC. Each error is a problem document (RFC 9457) with a `code` of its own; "
    "a method that an address does not have is 405, and `Allow` names those that it has.",
    "license": {"name": "MIT", "identifier": "MIT"},
}

_HEAD: Json = {"type": "string", "format": "promptgit-head", "pattern": "^[0-9]{1,18}-[0-9a-f]{40}$"}
PATH: dict[str, Json] = {
    "name": {
        "description": "The name of a prompt, its slashes as they are",
        "schema": {"type": "string", "format": "prompt-name", "maxLength": 200, "examples": ["support/greeting"]},
    },
    "prompt_id": {"description": "The id of a prompt; what is no UUID is the id of none: 404", "schema": _ID},
    "label": {
        "description": "The name of a label; `latest` is always the newest version",
        "schema": {"type": "string", "pattern": PATTERN, "examples": ["production"]},
    },
    "person_id": {
        "description": "The `id` of a person who has signed in; what is none: 404",
        "schema": {"type": "string", "minLength": 1, "examples": ["3b0c4f6a2d5e7f8091a2b3c4"]},
    },
    "token_id": {
        "description": "The id of a token, or the name of an active one",
        "schema": {"type": "string", "examples": ["5f3a9c01"]},
    },
    "check": {
        "description": "The name of a check",
        "schema": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_.-]{0,35}$", "examples": ["eval"]},
    },
    "release": {"description": "The number of a release; what is no such number: 404", "schema": _NUMBER},
    "number": {"description": "The number of a version, from 1 on; what is no such number: 404", "schema": _NUMBER},
}

MOVED_LABEL: Json = {
    "description": "The name of a label",
    "schema": {"type": "string", **LABEL},
}

# Where the answer to a creation has what other routes ask for (OpenAPI 3.1, "Runtime Expressions").
LINKED = {
    "prompt_id": "$response.body#/id",
    "number": "$response.body#/version_number",
    "from": "$response.body#/version_number",
    "to": "$response.body#/version_number",
}


def _request_header(name: str, description: str, schema: Json | None = None, **examples: str) -> Json:
    shown = {"examples": {key: {"value": value} for key, value in examples.items()}} if examples else {}
    return {"name": name, "in": "header", "description": description, "schema": schema or {"type": "string"}, **shown}


IF_MATCH = _request_header(
    "If-Match",
    "Write only if this is the newest version still: its ETag, or its number, in quotes; else 412. "
    "A weak ETag never matches (RFC 9110, 13.1.1)",
    etag=_ETAG,
    number='"3"',
    any="*",
)
IF_MATCH_RULES = _request_header(
    "If-Match", "Write only if these are the rules still: their ETag; else 412 (RFC 9110, 13.1.1)", etag=_ETAG, any="*"
)
IDEMPOTENCY_KEY = _request_header(
    "Idempotency-Key",
    "Makes this write repeatable: for 24 hours the same request with this key gets the first answer, "
    "and writes nothing more. Another request with it gets 409. A random UUID is a good key",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
    uuid="0b5e2ba1-9d3f-4b0a-8f64-3a1f8f6f0b9c",
)
HEAD = _request_header(
    "Promptgit-Head",
    "Answer from this commit or a later one: the highest that an answer had. 409 if `main` lost it",
    _HEAD,
    head=f"7-{_ETAG.strip(chr(34))}",
)
WANTS = _request_header(
    "Promptgit-Wants",
    "For the sake of which version this is asked for, for the counts of usage alone: `label=` or `version=`. "
    "What is neither, and what is not there, is not counted",
    label="label=production",
    version="version=3",
)
CREATE_ONLY = _request_header(
    "If-None-Match",
    "Only `*`: create, and overwrite nothing; else 412 (RFC 9110, 13.1.2)",
    {"type": "string", "enum": ["*"]},
)
IF_NONE_MATCH = _request_header(
    "If-None-Match", "Answer with 304 if this is what there is still (RFC 9110, 13.1.2)", etag=_ETAG
)


def _header(description: str, schema: Json | None = None, *, always: bool = True, example: object = None) -> Json:
    shown = {} if example is None else {"example": example}
    return {"description": description, "required": always, "schema": schema or {"type": "string"}, **shown}


HEADERS: dict[str, Json] = {
    "ETag": _header("What to send back in If-Match or If-None-Match", example=_ETAG),
    "Cache-Control": _header("How long the answer may be kept", example="private, no-cache"),
    "Location": _header("Where what was made is", example="/api/prompts/3d798a29-5c6e-5ea1-806b-7b92197fa9b4"),
    "Link": _header(
        'The next page, where there is one: `rel="next"` (RFC 8288)',
        always=False,
        example='</api/prompts?limit=100&after=support%2Fgreeting>; rel="next"',
    ),
    "X-Total-Count": _header("How many versions the prompt has", {"type": "integer", "minimum": 1}, example=3),
    "X-Last-Commit": _header(
        "The commit from which to go on: the next `after`",
        {"type": "string", "pattern": "^[0-9a-f]{40}$"},
        example=_ETAG.strip('"'),
    ),
    "Vary": _header("The answer depends on this header of the request", example="Accept"),
    "Promptgit-Dropped": _header(
        "With `format`: what of the prompt the file cannot say, a JSON array of texts; absent where that is nothing",
        always=False,
        example='["config.prompty"]',
    ),
    "Retry-After": _header("After how many seconds to try again", {"type": "integer", "minimum": 0}, example=1),
    "Promptgit-Head": _header(
        "The commit of `main` that the answer reflects: its place in the first-parent history, and its id",
        _HEAD,
        always=False,
        example=f"7-{_ETAG.strip(chr(34))}",
    ),
    "WWW-Authenticate": _header("How to prove who calls (RFC 9110, 11.6.1)", example='Basic realm="promptgit"'),
}

SECURITY_SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token in `Authorization: Bearer`"},
    "basic": {"type": "http", "scheme": "basic", "description": "A token as the password, as git sends it"},
}
# Any of them; none where the service is open to all.
SECURITY: list[Json] = [{}, {"bearer": []}, {"basic": []}]

PROBLEM: Json = {
    "description": "What was refused, and what to do about it (RFC 9457). Each kind has a `code` of its own.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "The kind of problem, as a URI"},
        "title": {"type": "string", "description": "The status in words"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status"},
        "detail": {"type": "string", "description": "A sentence that says what to do"},
        "code": {"type": "string", "description": "A fixed word for the kind of problem"},
        "request_id": {"type": "string", "description": "Of a 5xx: the server's log says more under this id"},
        "errors": {"$ref": "#/components/schemas/FieldErrors"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
# A component of its own: generators name an object that has no name after its parent, and drop what has the same name.
FIELD_ERRORS: Json = {
    "description": "What is wrong, by field; a field inside another is `author.name`",
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}, "minItems": 1},
}
CHANGE_ERRORS: Json = {
    "description": "What is refused, by the index of the change, from 0 on",
    "type": "object",
    "additionalProperties": {"$ref": "#/components/schemas/Problem"},
}
SHAPES: dict[str, Json] = {"Problem": PROBLEM, "FieldErrors": FIELD_ERRORS, "ChangeErrors": CHANGE_ERRORS}
