"""Errors as pages: what the API tells in a problem document, told to a person."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response, g, render_template, request

from promptgit.web import pages

_NOWHERE = "There is no page at this address."


def faced(problem: Response) -> Response:
    """*problem*, an error as a problem document, or a page in its place for whoever looks with a browser."""
    if not _is_for_a_person():
        return problem
    told: dict[str, Any] = orjson.loads(problem.data)
    html = g.pop("page", None)
    if html is None:
        detail = _NOWHERE if told["code"] == "http_not_found" else told["detail"]
        html = render_template(
            "web/error.html",
            title=told["title"],
            detail=detail,
            status=told["status"],
            prompt_id=(request.view_args or {}).get("prompt_id") if told["status"] != 404 else None,
        )
    problem.set_data(html)
    problem.content_type = "text/html; charset=utf-8"
    return pages.dress(problem)


def _is_for_a_person() -> bool:
    """Whether a page was asked for, or an address of nobody's by a browser."""
    if request.url_rule is not None:
        return request.blueprint == pages.blueprint.name
    return not request.path.startswith("/api/") and request.accept_mimetypes.best == "text/html"
