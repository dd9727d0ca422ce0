"""The route /hooks/upstream: a Git host says that somebody has pushed.

It takes the host's signature alone, and what it says is not used: the node fetches from the upstream that it has.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from flask import Blueprint, Response, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound

from promptgit.errors import Forbidden
from promptgit.http.api.openapi import operation, refuses


def blueprint(secret: str, nudge: Callable[[], object]) -> Blueprint:
    """The route; there is none without a *secret*. *nudge* is called for a push that is signed with it."""
    routes = Blueprint("upstream_hook", __name__)

    @routes.post("/hooks/upstream")
    @operation("service", {204: {"description": "The upstream is fetched from soon"}}, security=[])
    @refuses(Forbidden, 404)
    def tell() -> Response:
        """Told by GitHub, GitLab or Gitea of a push (its signature alone is looked at)."""
        if not secret:
            raise NotFound
        if not _is_signed(request.headers, request.get_data(), secret.encode()):
            raise Forbidden("The signature is missing, or was made with another secret than PROMPTGIT_UPSTREAM_SECRET.")
        nudge()
        return Response(status=204)

    return routes


def _is_signed(headers: Headers, body: bytes, secret: bytes) -> bool:
    """True if a host that knows the secret has sent it.

    GitHub and Gitea sign the body (HMAC with SHA-256, in hexadecimal); GitLab sends the secret itself.
    """
    digest = hmac.digest(secret, body, hashlib.sha256).hex()
    for name, expected in (
        ("X-Hub-Signature-256", f"sha256={digest}".encode()),
        ("X-Gitea-Signature", digest.encode()),
        ("X-Gitlab-Token", secret),
    ):
        if (sent := headers.get(name)) is not None:
            return hmac.compare_digest(sent.encode(), expected)
    return False
