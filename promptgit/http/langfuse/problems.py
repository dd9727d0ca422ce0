"""Errors as Langfuse's SDKs know them: 404 takes a prompt out of their caches, 409 and 5xx are sent again."""

from __future__ import annotations

import orjson
from flask import Response, request

PREFIX = "/api/public/"

# Langfuse has neither tombstones nor 422; and what conflicts now will conflict again.
_STATUS = {409: 400, 410: 404, 412: 400, 415: 400, 422: 400}
_NAMES = {
    401: "UnauthorizedError",
    403: "ForbiddenError",
    404: "LangfuseNotFoundError",
    405: "MethodNotAllowedError",
}


def faced(problem: Response) -> Response:
    """*problem*, a problem document; below Langfuse's addresses, an error as its SDKs read it."""
    if not request.path.startswith(PREFIX):
        return problem
    told = orjson.loads(problem.data)
    problem.status_code = status = _STATUS.get(told["status"], told["status"])
    name = _NAMES.get(status, "InternalServerError" if status >= 500 else "InvalidRequestError")
    problem.set_data(orjson.dumps({"message": told["detail"], "error": name}))
    problem.content_type = "application/json"
    return problem
