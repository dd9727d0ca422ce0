"""The one table of scopes: what each route takes."""

from __future__ import annotations

from promptgit.auth.credentials import Scope

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""

# A path and all below it, the scope for safe methods, the scope for the others; None: no token is needed.
_SCOPES: tuple[tuple[str, Scope | None, Scope | None], ...] = (
    ("/healthz", None, None),
    ("/readyz", None, None),
    ("/openapi.json", None, None),
    ("/docs", None, None),
    ("/static", None, None),
    ("/hooks/upstream", None, None),  # it has a signature of its own
    ("/sign-in", None, None),
    ("/sign-out", None, None),
    ("/api/tokens", Scope.ADMIN, Scope.ADMIN),
    ("/api/rules", Scope.READ, Scope.ADMIN),
    ("/api/access-log", Scope.ADMIN, Scope.ADMIN),
    ("/api/people", Scope.ADMIN, Scope.ADMIN),
    ("/tokens", Scope.READ, Scope.READ),  # who may read makes tokens that read
    ("/people", Scope.ADMIN, Scope.ADMIN),
    ("/mcp", Scope.READ, Scope.READ),  # each message is a POST
    ("/prompts.git", Scope.READ, Scope.READ),  # git fetches with POST; a push is refused there
)


def scope_for(method: str, path: str) -> Scope | None:
    """The scope that a request needs; None: no token is needed."""
    for start, reading, writing in _SCOPES:
        if path.startswith(start) and path[len(start) : len(start) + 1] in ("", "/"):
            return reading if method in SAFE else writing
    return Scope.READ if method in SAFE else Scope.WRITE
