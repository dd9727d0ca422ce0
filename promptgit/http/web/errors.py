"""Errors as pages, made from the problem documents of the API."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response, g, render_template, request
from werkzeug.wrappers import Response as Answer

from promptgit.http.web import activity, pages, sign_in

_DETAILS = {
    "http_not_found": "There is no page at this address.",
    "unauthenticated": "You are not signed in any more. Sign in in another window, and then load this page again: "
    "what you have sent comes back to you.",
}


def faced(problem: Response) -> Answer:
    """*problem*, a problem document; for a browser, a page in its place."""
    if not pages.is_asked_for() or request.endpoint == activity.FEED:
        return problem
    if problem.status_code == 401:
        if "page" not in g and request.method in ("GET", "HEAD"):
            return sign_in.to_sign_in()
        problem.headers["WWW-Authenticate"] = "Bearer"  # for Basic, browsers open a window of their own
    told: dict[str, Any] = orjson.loads(problem.data)
    html = g.pop("page", None)
    if html is None:
        detail = _DETAILS.get(told["code"], told["detail"])
        html = render_template(
            "web/error.html",
            title=told["title"],
            detail=detail,
            status=told["status"],
            about=(request.view_args or {}) if told["status"] != 404 else {},
        )
    problem.set_data(html)
    problem.content_type = "text/html; charset=utf-8"
    return pages.dress(problem)
