"""`/openapi.json`, and `/docs`: Swagger UI from files on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from apispec import APISpec
from flask import Flask, Response, abort, redirect, request, send_file, url_for
from flask_smorest import Api
from werkzeug.wrappers import Response as Answer

from promptgit.http.api import commits, openapi
from promptgit.http.api.answers import JSON
from promptgit.http.api.bodies import Routes
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


class _Described(Api):  # type: ignore[misc]  # flask-smorest has no types
    DEFAULT_ERROR_RESPONSE_NAME = None  # `openapi` describes errors


def register(app: Flask, blueprints: Sequence[Routes]) -> None:
    """Serve the document and its page; the document has all routes of *app*, those of flask-smorest's *blueprints* too.

    It is made when it is first asked for, which takes about as long as all else that an application's start does.
    """

    @cache
    def built() -> Read:
        text = openapi.build(app, _spec(blueprints))
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


def _spec(blueprints: Sequence[Routes]) -> APISpec:
    described = Flask("promptgit")
    described.config.update(API_TITLE="promptgit", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    api = _Described(described)
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    commits.describe(api.spec)
    spec: APISpec = api.spec
    return spec


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
