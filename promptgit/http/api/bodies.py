"""How request bodies and query strings are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import marshmallow as ma
from flask import Request, current_app, request
from flask_smorest import Blueprint
from webargs.core import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, RequestTimeout, UnsupportedMediaType

from promptgit import deferral
from promptgit.errors import PromptgitError
from promptgit.http.api.fields import Strict


@dataclass(eq=False)
class MalformedBody(PromptgitError):
    """The body is no JSON in UTF-8."""

    code = "malformed_body"
    sentence = "{self.reason}"
    reason: str


class Parser(FlaskParser):
    """Refuses a body that is not JSON in UTF-8, and a query with a field that its schema does not name.

    RFC 8259: JSON between systems is UTF-8; NaN and Infinity are not JSON.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Read the body, which may be left out where the schema requires nothing."""
        data = _plain(req)
        if not data and not _has_required(schema):
            return missing
        return _json(req, data)


class Routes(Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """Routes of the API: `Parser` reads their bodies and queries.

    A request with query parameters is refused (422) if its view declares no schema for the query.
    """

    ARGUMENTS_PARSER = Parser()

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.before_request(_expect_no_query)

    def arguments(self, schema: ma.Schema, *, location: str = "json", **keywords: Any) -> Callable[[Any], Any]:
        """Have a view called with what *schema* reads of the body, or of the query."""
        decorate = super().arguments(schema, location=location, **keywords)

        def mark(view: Any) -> Any:
            decorated = decorate(view)
            decorated.reads_query = location == "query" or getattr(view, "reads_query", False)
            return decorated

        return mark


def json_of(req: Request) -> Any:
    """The JSON in the body of a request, whatever it says.

    Raises:
        MalformedBody: it is no JSON in UTF-8.
        HTTPException: 413, or 415 for a body that is packed or of another type.
    """
    return _json(req, _plain(req))


def expect_body() -> None:
    """Refuse a request by its head alone if no body could make it valid; called before the body is read.

    Raises:
        HTTPException: the router's 404 or 405, or 413 for an announced length.
        Deferred: the server has yet to receive the body.
    """
    if request.routing_exception is not None:
        raise request.routing_exception
    if request.blueprint != "git" and (request.content_length or 0) > (request.max_content_length or 0):
        raise RequestEntityTooLarge
    if request.environ.get(deferral.HEAD_ALONE):
        raise deferral.Deferred


def _expect_no_query() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    if request.args and not getattr(view, "reads_query", False):
        Routes.ARGUMENTS_PARSER.parse(Strict(), request, location="query")


def _plain(req: Request) -> bytes:
    if req.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType  # a few compressed bytes can unpack to gigabytes
    return _read(req)


def _json(req: Request, data: bytes) -> Any:
    if req.mimetype != "application/json":
        raise UnsupportedMediaType
    try:
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise MalformedBody(f"The body is not UTF-8: byte {error.start + 1} cannot be read.") from None
    except json.JSONDecodeError as error:
        raise MalformedBody(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"The body is not JSON that can be read: {error}.") from None


def _read(req: Request) -> bytes:
    try:
        data = req.get_data()
    except HTTPException as error:
        if isinstance(error.__context__, TimeoutError):
            raise RequestTimeout from error
        raise
    except TimeoutError as error:
        raise RequestTimeout from error
    except Exception as error:  # whatever the server raises for a body that breaks HTTP's own rules
        raise MalformedBody(f"The body cannot be read: {type(error).__name__}.") from error
    if req.max_content_length is not None and len(data) >= req.max_content_length:
        raise RequestEntityTooLarge  # werkzeug truncates a chunked body there
    return data


def _has_required(schema: ma.Schema) -> bool:
    return any(field.required for field in schema.fields.values())


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")
