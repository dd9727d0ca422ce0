"""What the OpenAPI document says of refusals: a schema and an example for each kind, made by the code that answers."""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson

from promptgit import errors, logs
from promptgit.http.api import problems
from promptgit.http.api.bodies import MalformedBody
from promptgit.http.api.components import PROBLEM


@dataclass(frozen=True)
class OfChange:
    """A kind of error of one change among several, which refuses them all with its status and its code."""

    kind: type[errors.PromptgitError]


Kind = type[errors.PromptgitError] | int | OfChange
"""A kind of error; or the status of one that the router or werkzeug answers with."""


def of_change(*kinds: type[errors.PromptgitError]) -> list[OfChange]:
    """Kinds of errors, each as that of one change among several."""
    return [OfChange(kind) for kind in kinds]


_REQUEST_ID = "5f3a9c01d2e4b678"
_ID, _NAME = "3d798a29-5c6e-5ea1-806b-7b92197fa9b4", "support/greeting"
EXAMPLES: dict[type[errors.PromptgitError], errors.PromptgitError] = {
    type(error): error
    for error in (
        MalformedBody("The body is not JSON: Expecting value at line 1, column 13."),
        errors.PromptNotFound(_ID, "List the prompts to find it."),
        errors.MalformedHead(),
        errors.MalformedPath(),
        errors.HeadLost("0f3b1c8e5d7a9b2c4e6f8091a3b5c7d9e1f20314"),
        errors.NameNotFound(_NAME),
        errors.VersionNotFound(_NAME, "7", 3),
        errors.LabelNotFound(_NAME, "production"),
        errors.CommitNotFound("1999-12-31T23:59:59Z", "All of its commits were stored later."),
        errors.PromptDeleted(_ID, _NAME, 3, datetime(2026, 1, 31, 12, tzinfo=UTC)),
        errors.Invalid("content", "has a NUL at place 3; a prompt is text"),
        errors.InvalidName("has ':' U+003A at place 2: which Windows does not allow in a file name", ":", 2),
        errors.ContentTooLarge(2_000_000, 1 << 20),
        errors.NameTaken(_NAME, _NAME, _ID),
        errors.PathBlocked("prompts/support/greeting.md"),
        errors.DuplicateChange(_NAME, "saves, renames, deletes or restores"),
        errors.AmbiguousChange(_NAME, "renamed"),
        errors.Unresolvable(
            _NAME, "leads in a circle with its reference '@@@langfusePrompt:name=tone|label=latest@@@'"
        ),
        errors.Referenced(_NAME, "production", ["support/goodbye"]),
        errors.KeyReused(),
        errors.Untranslatable(
            "it has the variable {{name}} and the text {name} as well, which LiteLLM would fill in, too"
        ),
        errors.StaleVersion(_NAME, 3),
        errors.WeakETag(_NAME, 3),
        errors.LockTimeout(10),
        errors.TooManyWriters(),
        errors.WriteContended(),
        errors.MainLocked("data/prompts.git/refs/heads/main.lock"),
        errors.OutcomeUnknown(),
        errors.Damaged("9e5d1a2c7b3f4e6088a1c2d3e4f5061728394a5b", "object not found"),
        errors.IndexBusy(),
        errors.StorageFailed("Input/output error"),
        errors.StorageFull(),
        errors.SigningFailed("key", "the agent has no such key"),
        errors.NotReady("the repository data/prompts.git cannot be read"),
        errors.Unauthenticated(presented=False),
        errors.TooManyFailures(3),
        errors.Forbidden("This takes a token of the scope 'write', and 'ci' has the scope 'read'."),
        errors.LabelProtected("production"),
        errors.OutsidePrefix(_NAME, ("sales/",)),
        errors.MalformedHost("is missing"),
        errors.ForeignHost("evil.example"),
        errors.CrossOrigin(),
        errors.TokenNotFound("5f3a9c01"),
        errors.TokenNameTaken("build-bot", "Build Bot", "build-bot@promptgit"),
        errors.UnusableTokens("data/tokens.json", "Permission denied"),
        errors.SignInRefused("Your account has no role that lets you in here. Ask who runs this service for one."),
        errors.UserHeaderRefused("X-Forwarded-Email", "comes with '_' for '-'"),
        errors.ProviderUnavailable("https://login.example.org", "Connection refused"),
        errors.PersonNotFound("ada@example.org"),
        errors.ManagedElsewhere("tokens"),
        errors.LabelGated("production", _NAME),
        errors.LabelNotGated("staging", _NAME),
        errors.CheckProtected("eval"),
        errors.CheckNotFound(_NAME, 3, "eval"),
        errors.RulesNotFound(),
        errors.StaleRules(),
        errors.ReleaseNotFound("12"),
        errors.ReleaseClosed(12, "released"),
        errors.ReleaseNotReady(12, ["1 approval"]),
        errors.ReleaseOutdated(12, "production", _NAME),
        errors.RollbackRefused(12, "it is open"),
        errors.SelfApproval(12, "ada@example.org", 5, "support/greeting"),
        errors.UpstreamUnavailable("Could not resolve host: git.example.org"),
        errors.UpstreamRefused("remote: error: GH006: Protected branch update failed for refs/heads/main."),
        errors.HeadNotReached("0f3b1c8e5d7a9b2c4e6f8091a3b5c7d9e1f20314"),
        errors.BlameTimeout(10),
        errors.ClonesBusy(4),
        errors.PushRefused(),
        errors.SmartProtocolOnly(),
        errors.MalformedGitRequest("is empty"),
        errors.GitRequestTooLarge(32 << 20),
        errors.UnusableRepository("data/prompts.git", "it is not owned by the user that runs the service"),
    )
}
_HEADERS = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}
_MEMBERS: dict[str, dict[str, object]] = {
    "missing": {"type": "array", "items": {"type": "string"}, "description": "What the release lacks"},
    "referenced_by": {
        "type": "array",
        "items": {"type": "string"},
        "description": "The names of the prompts that refer",
    },
    "name": {"type": "string", "description": "The name that the prompt had"},
    "prompt_id": {"type": "string", "format": "uuid", "description": "The prompt that has, or had, the name"},
    "current_version": {"type": "integer", "minimum": 1, "description": "The number of the prompt's newest version"},
    "version_number": {"type": "integer", "minimum": 1, "description": "The number of the prompt's newest version"},
}


def headers(*names: str) -> dict[str, dict[str, str]]:
    """Headers of an answer, by their names in the document's components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def status_of(kind: Kind) -> int:
    """The HTTP status of a kind of refusal."""
    if isinstance(kind, OfChange):
        kind = kind.kind
    return kind if isinstance(kind, int) else problems.status_of(kind)


def describe(kinds: Iterable[Kind], components: dict[str, Any]) -> dict[str, Any]:
    """The responses, by status, of an operation with these refusals; adds their schemas to *components*."""
    by_status: dict[int, list[Kind]] = {}
    all_kinds = dict.fromkeys(kinds)
    of_changes = {kind.kind for kind in all_kinds if isinstance(kind, OfChange)}
    for kind in all_kinds:
        if kind in of_changes and kind is not errors.Invalid:
            continue  # it is always told of a change; invalid can also be what the changes have in common
        by_status.setdefault(status_of(kind), []).append(kind)
    return {str(status): _response(status, by_status[status], components) for status in sorted(by_status)}


def _response(status: int, kinds: list[Kind], components: dict[str, Any]) -> dict[str, str]:
    named = {_name(kind): kind for kind in sorted(kinds, key=_name)}
    for name, kind in named.items():
        if name not in components["schemas"]:
            components["schemas"][name], components["examples"][name] = _schema(kind), {"value": _example(kind)}
    refs = [{"$ref": f"#/components/schemas/{name}"} for name in named]
    key = "_".join(named)
    components["responses"][key] = {
        "description": " ".join(_meaning(kind) for kind in named.values()),
        "headers": headers(*_HEADERS.get(status, ())),
        "content": {
            problems.MEDIA_TYPE: {
                "schema": refs[0] if len(refs) == 1 else {"oneOf": refs},
                "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in named},
            }
        },
    }
    return {"$ref": f"#/components/responses/{key}"}


def _name(kind: Kind) -> str:
    if isinstance(kind, OfChange):
        return f"{kind.kind.__name__}OfChange"
    return HTTPStatus(kind).phrase.title().replace(" ", "") if isinstance(kind, int) else kind.__name__


def _meaning(kind: Kind) -> str:
    if isinstance(kind, int):
        return f"{HTTPStatus(kind).phrase}."
    if isinstance(kind, OfChange):
        return f"Of one of the changes: {_meaning(kind.kind)}"
    return (kind.__doc__ or "").partition("\n")[0]


def _example(kind: Kind) -> dict[str, Any]:
    example: dict[str, Any] = orjson.loads(copy_context().run(_problem, kind))
    return example


def _problem(kind: Kind) -> bytes:
    logs.request_id.set(_REQUEST_ID)  # not the id of the request for the document
    if isinstance(kind, OfChange):
        return problems.of_error(errors.ChangesRefused({0: EXAMPLES[kind.kind]}))
    return problems.of_status(kind) if isinstance(kind, int) else problems.of_error(EXAMPLES[kind])


def _schema(kind: Kind) -> dict[str, object]:
    """The schema of the problem document of this kind: its status, its code, and its own members.

    Written out, not as "allOf" with the common schema: generators of clients drop a schema that narrows another one.
    """
    example = _example(kind)
    fixed = {key: {"const": example[key]} for key in ("type", "title", "status", "code")}
    shared = PROBLEM["properties"]
    described = {key: {"description": shared[key]["description"]} | value for key, value in fixed.items()}
    own = {key: (shared | _MEMBERS)[key] for key in example if key not in fixed and key != "request_id"}
    if isinstance(kind, OfChange):
        own["errors"] = {"$ref": "#/components/schemas/ChangeErrors"}
    optional = {"request_id": shared["request_id"]} if status_of(kind) >= 500 else {}
    return {
        "description": _meaning(kind),
        "type": "object",
        "properties": described | own | optional,
        "required": [*fixed, *own],
    }
