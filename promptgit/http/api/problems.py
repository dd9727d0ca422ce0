"""Errors as problem documents (RFC 9457), and the one table from error to status."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as Answer

from promptgit import errors, logs
from promptgit.domain.names import parse_id
from promptgit.http.api.bodies import MalformedBody

log = logging.getLogger(__name__)

STATUS: dict[type[errors.PromptgitError], int] = {
    MalformedBody: 400,
    errors.PromptNotFound: 404,
    errors.MalformedHead: 400,
    errors.MalformedPath: 400,
    errors.HeadLost: 409,
    errors.NameNotFound: 404,
    errors.VersionNotFound: 404,
    errors.LabelNotFound: 404,
    errors.CommitNotFound: 404,
    errors.PromptDeleted: 410,
    errors.Invalid: 422,
    errors.ContentTooLarge: 413,
    errors.DuplicateChange: 422,
    errors.AmbiguousChange: 409,
    errors.NameTaken: 409,
    errors.PathBlocked: 409,
    errors.KeyReused: 409,
    errors.Unresolvable: 409,
    errors.Referenced: 409,
    errors.Untranslatable: 409,
    errors.StaleVersion: 412,
    errors.MalformedGitRequest: 400,
    errors.PushRefused: 403,
    errors.SmartProtocolOnly: 403,
    errors.GitRequestTooLarge: 413,
    errors.Unavailable: 503,
    errors.StorageFull: 507,
    errors.UnusableRepository: 503,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.LabelProtected: 403,
    errors.OutsidePrefix: 403,
    errors.CrossOrigin: 403,
    errors.MalformedHost: 400,
    errors.ForeignHost: 421,
    errors.TooManyFailures: 429,
    errors.TokenNotFound: 404,
    errors.TokenNameTaken: 409,
    errors.UnusableTokens: 503,
    errors.ManagedElsewhere: 409,
    errors.LabelGated: 403,
    errors.CheckProtected: 403,
    errors.SelfApproval: 403,
    errors.CheckNotFound: 404,
    errors.RulesNotFound: 404,
    errors.PersonNotFound: 404,
    errors.SignInRefused: 403,
    errors.UserHeaderRefused: 400,
    errors.ReleaseNotFound: 404,
    errors.LabelNotGated: 409,
    errors.ReleaseClosed: 409,
    errors.ReleaseNotReady: 409,
    errors.ReleaseOutdated: 409,
    errors.RollbackRefused: 409,
    errors.StaleRules: 412,
}

_DETAILS = {
    400: "The request cannot be understood. Send JSON in UTF-8.",
    404: "Nothing is at this address. Prompts are at /api/prompts.",
    408: "The body came too slowly. Send it faster, or raise PROMPTGIT_CLIENT_TIMEOUT.",
    413: (
        "The body is larger than six times PROMPTGIT_MAX_CONTENT_BYTES and 1 MiB. "
        "Shorten it, send fewer changes at once, or raise that setting."
    ),
    415: "The body is not plain JSON. Send it unpacked, with 'Content-Type: application/json'.",
    500: "Something went wrong here; nothing in the request is to blame. The server's log says more under request_id.",
}
FAULT = _DETAILS[500]
MEDIA_TYPE = "application/problem+json"
# A name, with its slashes, in the place of an id; without the parts of the path that follow an id.
_NAMED = re.compile(r"/api/prompts/([^/]+/.+?)(?:/(?:versions|labels|diff)(?:/.*)?)?", re.DOTALL)
_CHALLENGES = 'Basic realm="promptgit", Bearer'  # git and curl understand Basic only
_RETRY_SECONDS = 10  # seconds, where a person has to repair something first


def document(status: int, detail: str, code: str | None = None, **members: object) -> bytes:
    """A problem document, in JSON. Without a code of its own an error has that of its HTTP status.

    A 5xx also has the id of the request, under which the log says more.
    """
    if status >= 500 and (request_id := logs.request_id.get()) is not None:
        members["request_id"] = request_id
    return orjson.dumps(
        {
            "type": f"urn:promptgit:problem:{code}" if code else "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "code": code or f"http_{HTTPStatus(status).name.lower()}",
            **members,
        }
    )


def _answer(status: int, problem: bytes) -> Response:
    return Response(problem, status, content_type=MEDIA_TYPE)


def register(app: Flask, face: Callable[[Response], Answer]) -> None:
    """Answer every error of *app* with a problem document, which *face* may replace, such as by a page."""
    app.register_error_handler(errors.PromptgitError, lambda error: face(refusal(error)))
    app.register_error_handler(HTTPException, lambda error: face(_http(error)))
    app.register_error_handler(Exception, lambda error: face(of_exception(error, request.method, request.path)))


def status_of(kind: type[errors.PromptgitError]) -> int:
    """The status of a kind of error: its own in the table, or that of the nearest kind above it."""
    return next((STATUS[parent] for parent in kind.__mro__ if parent in STATUS), 500)


def of_error(error: errors.PromptgitError) -> bytes:
    """The problem document of an error, with the members of its kind."""
    match error:
        case errors.Invalid(field=field, reason=reason):
            members: dict[str, object] = {"errors": {field: [reason]}}
        case errors.ChangesRefused(refusals=refusals):
            members = {"errors": {str(at): orjson.loads(of_error(one)) for at, one in refusals.items()}}
        case errors.NameTaken(prompt_id=str(prompt_id)):
            members = {"prompt_id": prompt_id}
        case errors.StaleVersion(current=current):
            members = {"current_version": current}
        case errors.PromptDeleted(prompt_id=prompt_id, newest=newest, name=name):
            members = {"prompt_id": prompt_id, "version_number": newest, "name": name}
        case errors.Referenced(by=by):
            members = {"referenced_by": list(by)}
        case errors.ReleaseNotReady(missing=missing):
            members = {"missing": list(missing)}
        case _:
            members = {}
    return document(_status(error), str(error), error.code, **members)


def _status(error: errors.PromptgitError) -> int:
    """The status of an error; of several changes, that of the first refusal."""
    return status_of(type(error.first if isinstance(error, errors.ChangesRefused) else error))


def of_status(status: int) -> bytes:
    """The problem document of an error that has only an HTTP status."""
    return document(status, _DETAILS.get(status) or f"{HTTPStatus(status).description}.")


def refusal(error: errors.PromptgitError) -> Response:
    """The answer to a refusal."""
    status = _status(error)
    answer = _answer(status, of_error(error))
    if status == 401:
        answer.headers["WWW-Authenticate"] = _CHALLENGES
    if status in (429, 503):
        answer.headers["Retry-After"] = str(getattr(error, "retry_after", _RETRY_SECONDS))
    if status >= 500:
        log.warning("%s: %s", error.code, error)
    return answer


def no_id(text: str) -> errors.PromptNotFound:
    """The refusal of an address without a UUID in the place of the prompt's id; most likely it has the name."""
    shown = quote(text[:200], errors="replace")
    return errors.PromptNotFound(
        text, f"An id is a UUID; 'GET /api/prompts?name={shown}' finds the prompt of a name, and its id."
    )


def _http(error: HTTPException) -> Response:
    """The answer to an error of the router, of the parser of bodies, or of werkzeug."""
    status = error.code or 500
    if status == 422:
        by_field = _by_field(getattr(error, "data", {}).get("messages", {}))  # webargs leaves them there
        detail = " ".join(f"The field {field} {' '.join(messages)}" for field, messages in by_field.items())
        return _answer(422, document(422, detail, errors.Invalid.code, errors=by_field))
    detail = _DETAILS.get(status) or error.description or HTTPStatus(status).phrase
    if status == 404 and (named := _NAMED.fullmatch(request.path)) and parse_id(named[1].partition("/")[0]) is None:
        detail = str(no_id(named[1]))
    if isinstance(error, MethodNotAllowed):
        detail = f"{request.method} is not possible here. Possible: {', '.join(sorted(error.valid_methods or ()))}."
    answer = _answer(status, document(status, detail))
    for key, value in error.get_headers():
        if key.lower() not in ("content-type", "content-length"):
            answer.headers[key] = value
    return answer


def of_exception(error: Exception, method: str, path: str) -> Response:
    """The answer to an exception that a request raised; one that is not a PromptgitError is logged, and a 500."""
    if isinstance(error, errors.PromptgitError):
        return refusal(error)
    log.error("%s %s failed", method, path, exc_info=error)
    return _answer(500, document(500, FAULT))


def _by_field(messages: object, prefix: str = "") -> dict[str, list[str]]:
    """Marshmallow's nested messages, flat: {"author.name": [...]}; the outermost key is webargs' location."""
    if not isinstance(messages, dict):
        return {
            prefix or "body": [str(message) for message in messages] if isinstance(messages, list) else [str(messages)]
        }
    flat: dict[str, list[str]] = {}
    for key, value in messages.items():
        # The client has chosen the key, which may have lone surrogates.
        name = str(key).encode("utf-8", "backslashreplace").decode()
        inner = prefix if key in ("json", "query", "_schema") else f"{prefix}.{name}" if prefix else name
        flat |= _by_field(value, inner)
    return flat
