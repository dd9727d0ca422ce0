"""The OpenAPI document: the routes of flask-smorest, the other views that declare themselves, and what holds for all.

Routes of flask-smorest have their answers from `blueprint.response`. Their errors follow from address and method, such
as 404 for an id; `refuses` adds the others:

    @blueprint.get("/<prompt_id>")
    @blueprint.response(200, answer_schemas.PromptSchema, headers=headers("ETag"))
    @refuses(PromptDeleted)
    def show(prompt_id): ...

Other views declare their answers with `operation`, and with `refuses` each of our errors that they raise:

    @operation("service", {200: answer("It is alive", "text/plain")}, security=[])
    def healthz(): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, TypeVar

import orjson
from apispec import APISpec
from flask import Flask
from flask_smorest.spec.plugins import FlaskPlugin
from werkzeug.routing import Rule

from promptgit import errors
from promptgit.http.api import components, request_schemas
from promptgit.http.api.bodies import MalformedBody
from promptgit.http.api.refusals import Kind, describe, headers

View = TypeVar("View", bound=Callable[..., Any])
Json = dict[str, Any]

_MISSING: dict[str, Kind] = {
    "check": errors.CheckNotFound,
    "name": errors.NameNotFound,
    "number": errors.VersionNotFound,
    "prompt_id": errors.PromptNotFound,
    "release": errors.ReleaseNotFound,
    "token_id": errors.TokenNotFound,
}
_PROMPT = {"name", "prompt_id"}  # what names one prompt, of which If-Match speaks
_BODY: list[Kind] = [MalformedBody, errors.Invalid, 413, 415]
_READ: list[Kind] = [errors.Damaged, errors.IndexBusy, errors.UnusableRepository]
_WRITE: list[Kind] = [
    *_READ,
    errors.LockTimeout,
    errors.TooManyWriters,
    errors.UpstreamRefused,
    errors.WriteContended,
    errors.MainLocked,
    errors.OutcomeUnknown,
    errors.SigningFailed,
    errors.StorageFailed,
    errors.StorageFull,
]
_GUARDED: list[Kind] = [
    errors.Unauthenticated,
    errors.Forbidden,
    errors.TooManyFailures,
    errors.UnusableTokens,
]
_EVERY: list[Kind] = [errors.MalformedHost, errors.CrossOrigin, errors.ForeignHost, 500]


def refuses(*kinds: Kind) -> Callable[[View], View]:
    """Declare the errors that a view can raise in addition to those that follow from its route, body and query."""

    def mark(view: View) -> View:
        view.refusals = kinds  # type: ignore[attr-defined]
        return view

    return mark


def operation(tag: str, responses: dict[int, Json], **members: Any) -> Callable[[View], View]:
    """Document a plain Flask view; *members* are those of OpenAPI's Operation Object, as they stand.

    `security=[]` is for a view that never asks who calls.
    """

    def mark(view: View) -> View:
        answers = {str(status): response for status, response in responses.items()}
        view.operation = {"tags": [tag], "responses": answers, **members}  # type: ignore[attr-defined]
        return view

    return mark


def answer(description: str, media_type: str, schema: Json | None = None, **members: Any) -> Json:
    """An answer of a plain Flask view; text, unless *schema* says otherwise."""
    return {"description": description, "content": {media_type: {"schema": schema or {"type": "string"}}}, **members}


def build(app: Flask, spec: APISpec) -> bytes:
    """The document of every documented route of *app*, in JSON."""
    document: Json = deepcopy(spec.to_dict())
    known = document["paths"]
    shapes = document["components"]["schemas"]
    for name in ("Error", "PaginationMetadata"):  # flask-smorest's own, which no answer uses
        shapes.pop(name, None)
    for name, restriction in request_schemas.RULES.items():
        shapes[name] |= restriction
    document["info"] |= components.INFO
    document["servers"] = [{"url": "/"}]
    document["security"] = components.SECURITY
    shared = document["components"] = {
        "schemas": shapes | components.SHAPES,
        "responses": {},
        "examples": {},
        "headers": components.HEADERS,
        "securitySchemes": components.SECURITY_SCHEMES,
    }
    paths: Json = {}
    for rule, method in _routes(app):
        view = app.view_functions[rule.endpoint]
        path = FlaskPlugin.flaskpath2openapi(rule.rule)
        described = known.get(path, {}).get(method)
        kinds = [*getattr(view, "refusals", ())]
        if described:
            kinds += _derived(rule, method)
            described["responses"].pop("422", None)  # flask-smorest's own
        elif hasattr(view, "operation"):
            described = _texts(view) | deepcopy(view.operation)
        else:
            continue
        described.setdefault("operationId", _operation_id(rule, method))
        _add_parameters(described, rule, method, kinds)
        _add_refusals(described, rule, kinds, shared)
        paths.setdefault(path, {})[method] = described
    document["paths"] = paths
    _add_links(paths)
    return orjson.dumps(document)


def _routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    """Each rule with each of its methods, except HEAD and OPTIONS, which Flask answers for every rule."""
    for rule in app.url_map.iter_rules():
        for method in _methods(rule):
            yield rule, method


def _methods(rule: Rule) -> list[str]:
    return sorted(method.lower() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})


def _operation_id(rule: Rule, method: str) -> str:
    name = rule.endpoint.replace(".", "_")
    return name if _methods(rule) == [method] else f"{name}_{method}"


def _derived(rule: Rule, method: str) -> list[Kind]:
    """The errors that follow from a route: what it names may be missing, and writes have preconditions."""
    kinds = [_MISSING[argument] for argument in rule.arguments & _MISSING.keys()]
    kinds.append(errors.Invalid)  # of a query that nobody reads, if of nothing else
    if method == "get":
        return kinds + _READ
    kinds += _WRITE
    if not rule.endpoint.startswith("tokens."):
        kinds += [errors.OutsidePrefix, errors.KeyReused]
        kinds += [errors.StaleVersion] if rule.arguments & _PROMPT and "check" not in rule.arguments else []
    return kinds


def _texts(view: Callable[..., Any]) -> Json:
    """Summary and description of an operation, from the docstring of its view."""
    summary, _, rest = inspect.cleandoc(view.__doc__ or "").partition("\n")
    return {"summary": summary} | ({"description": rest.strip()} if rest.strip() else {})


def _add_parameters(described: Json, rule: Rule, method: str, kinds: list[Kind]) -> None:
    parameters = described.setdefault("parameters", [])
    given = {parameter["name"] for parameter in parameters}
    known = components.PATH if method == "get" else components.PATH | {"label": components.MOVED_LABEL}
    parameters[:0] = [
        {"name": name, "in": "path", "required": True, **known.get(name, {"schema": {"type": "string"}})}
        for name in sorted(rule.arguments, key=rule.rule.index)
        if name not in given
    ]
    if errors.StaleVersion in kinds:
        parameters.append(components.IF_MATCH)
        kinds.append(errors.WeakETag)
    if rule.endpoint in ("names.put", "rules.put"):
        parameters.append(components.CREATE_ONLY)
    if errors.StaleRules in kinds:
        parameters.append(components.IF_MATCH_RULES)
    if rule.rule.startswith("/api/"):
        parameters.append(components.HEAD)
        kinds += [errors.MalformedHead, errors.HeadLost, errors.HeadNotReached, errors.UpstreamUnavailable]
        kinds += [] if method == "get" else [errors.MalformedPath]
    if method == "get" and rule.endpoint in ("names.show", "prompts.show", "versions.show"):
        parameters.append(components.WANTS)
    if errors.KeyReused in kinds:
        parameters.append(components.IDEMPOTENCY_KEY)
    answer = described["responses"].get("200", {})
    if method == "get" and "ETag" in answer.get("headers", {}):
        parameters.append(components.IF_NONE_MATCH)
        names = [name for name in ("ETag", "Cache-Control") if name in answer["headers"]]
        described["responses"]["304"] = {"description": "What the client has is up to date", "headers": headers(*names)}


def _add_links(paths: Json) -> None:
    """Link the creation of a prompt to the operations on that prompt."""
    created = paths["/api/prompts"]["post"]["responses"]["201"]["links"] = {}
    for operations in paths.values():
        for described in operations.values():
            names = [parameter["name"] for parameter in described["parameters"] if parameter.get("required")]
            if names and components.LINKED.keys() >= set(names):
                parameters = {name: components.LINKED[name] for name in names}
                created[described["operationId"]] = {"operationId": described["operationId"], "parameters": parameters}


def _add_refusals(described: Json, rule: Rule, kinds: list[Kind], shared: Json) -> None:
    if rule.arguments:
        kinds.append(404)  # an argument that contains '/' matches no route
    if "requestBody" in described:
        kinds += _BODY
    if described.get("security") != []:
        kinds += _GUARDED
    kinds += _EVERY
    responses = describe(kinds, shared) | described["responses"]
    described["responses"] = {status: responses[status] for status in sorted(responses)}
