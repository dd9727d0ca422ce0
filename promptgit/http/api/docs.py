"""`/openapi.json`, and `/docs`: Swagger UI from files on this machine."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from apispec import APISpec
from flask import Flask, Response, abort, redirect, request, send_file, url_for
from werkzeug.wrappers import Response as Answer

from promptgit.http.api import openapi
from promptgit.http.api.answers import JSON
from promptgit.http.api.context import conditional
from promptgit.http.api.openapi import answer, operation
from promptgit.http.api.reads import Read, cached
from promptgit.http.api.refusals import headers

_PAGE = Path(__file__).with_name("docs_page")
_OURS = ("docs.css", "docs.js")
_SWAGGER_UI = ("favicon-32x32.png", "swagger-ui-bundle.js", "swagger-ui.css")
# Swagger UI sets styles from its script, and draws with images in data: addresses.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def register(app: Flask, spec: APISpec) -> None:
    """Serve the document and its page; the document has all routes of *app*, later ones included."""

    @cache
    def built() -> Read:
        text = openapi.build(app, spec)
        return Read(cached(hashlib.sha256(text).hexdigest()[:40], "no-cache", JSON), lambda: text)

    @app.get("/openapi.json", endpoint="openapi")
    @operation(
        "documentation",
        {
            200: answer(
                "The document",
                JSON,
                {"type": "object", "additionalProperties": True},
                headers=headers("ETag", "Cache-Control"),
            )
        },
        security=[],
    )
    def document() -> Response:
        """The API in OpenAPI 3.1."""
        return conditional(built())

    app.add_url_rule("/docs", "docs", _page, strict_slashes=False)
    app.add_url_rule("/docs/<file>", "docs_file", _file)


@operation("documentation", {200: answer("The page", "text/html")}, security=[])
def _page() -> Response | Answer:
    """The API for reading and trying, in Swagger UI."""
    if request.path.endswith("/"):  # the page's relative links would be resolved below /docs/
        return redirect(url_for("docs"), 308)
    response = send_file(_PAGE / "index.html", etag=False, max_age=0)
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _file(file: str) -> Response:
    if file not in _files():
        abort(404)
    return send_file(_files()[file])


@cache
def _files() -> dict[str, Path]:
    """The files of the page, by name: ours, and those of Swagger UI in the package flask-swagger-ui."""
    swagger_ui = distribution("flask-swagger-ui").locate_file("flask_swagger_ui/dist")
    return {name: _PAGE / name for name in _OURS} | {name: Path(str(swagger_ui), name) for name in _SWAGGER_UI}
