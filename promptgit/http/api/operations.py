"""Routes for monitoring: /healthz, /readyz, /metrics."""

from __future__ import annotations

from flask import Blueprint, Response

from promptgit.auth.tokens import Tokens
from promptgit.errors import NotReady, UnusableTokens
from promptgit.http.api import answers
from promptgit.http.api.openapi import answer, operation, refuses
from promptgit.http.api.refusals import headers
from promptgit.http.metrics import CONTENT_TYPE, Metrics
from promptgit.store.store import Store

_OK = {"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]}
_READY = {
    "type": "object",
    "properties": {
        "status": {"const": "ok"},
        "warnings": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What does not keep it from serving, but should not stay",
        },
    },
    "required": ["status", "warnings"],
}
_TOLD = headers("Cache-Control")
_FRESH = {"Cache-Control": "no-store"}


def blueprint(store: Store, metrics: Metrics, tokens: Tokens | None) -> Blueprint:
    """The routes, for one store; *tokens* is None where no token is needed."""
    routes = Blueprint("operations", __name__)

    @routes.get("/healthz")
    @operation("service", {200: answer("It is alive", answers.JSON, _OK, headers=_TOLD)}, security=[])
    def health() -> Response:
        """Alive: answers, and touches nothing."""
        return answers.json({"status": "ok"}, headers=_FRESH)

    @routes.get("/readyz")
    @operation("service", {200: answer("It can serve", answers.JSON, _READY, headers=_TOLD)}, security=[])
    @refuses(NotReady, UnusableTokens)
    def ready() -> Response:
        """Able to serve: repository and tokens can be read, and the index is at `main`, or was brought there."""
        store.expect_ready()
        if tokens is not None:
            tokens.expect_usable()
        warnings = store.warnings() + store.write_warnings() + store.rule_warnings()
        warnings += store.upstream.warnings() if store.upstream else []
        return answers.json({"status": "ok", "warnings": warnings}, headers=_FRESH)

    @routes.get("/metrics")
    @operation("service", {200: answer("All metrics", "text/plain", headers=_TOLD)})
    def scrape() -> Response:
        """All metrics, in Prometheus' text format."""
        return Response(metrics.text(), headers=_FRESH, content_type=CONTENT_TYPE)

    return routes
