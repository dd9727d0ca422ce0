"""Every route and every kind of caller: who is let in where.

The table names each rule of the application's URL map. A route that it does not name fails the first test, so that
nobody adds one without saying what it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from promptgit.auth.tokens import Scope
from tests.callers import Callers, callers_of
from tests.faults import attempts
from tests.providers import Provider

ANYBODY = None
READ, WRITE, ADMIN = Scope.READ, Scope.WRITE, Scope.ADMIN

# A rule of the URL map -> what each of its methods takes.
TABLE: dict[str, dict[str, Scope | None]] = {
    "/healthz": {"GET": ANYBODY},
    "/readyz": {"GET": ANYBODY},
    "/metrics": {"GET": READ},
    "/openapi.json": {"GET": ANYBODY},
    "/docs": {"GET": ANYBODY},
    "/docs/<file>": {"GET": ANYBODY},
    "/api/prompts": {"GET": READ, "POST": WRITE},
    "/api/prompts/<prompt_id>": {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": WRITE},
    "/api/prompts/<prompt_id>/versions": {"GET": READ},
    "/api/prompts/<prompt_id>/versions/<number>": {"GET": READ},
    "/api/prompts/<prompt_id>/versions/<number>/content": {"GET": READ},
    "/api/prompts/<prompt_id>/versions/<number>/blame": {"GET": READ},
    "/api/prompts/<prompt_id>/versions/<number>/revert": {"POST": WRITE},
    "/api/prompts/<prompt_id>/checks": {"GET": READ},
    "/api/prompts/<prompt_id>/versions/<number>/checks": {"GET": READ},
    "/api/prompts/<prompt_id>/versions/<number>/checks/<check>": {"GET": READ, "PUT": WRITE},
    "/api/prompts/<prompt_id>/usage": {"GET": READ},
    "/api/prompts/<prompt_id>/diff": {"GET": READ},
    "/api/prompts/<prompt_id>/references": {"GET": READ},
    "/api/prompts/<prompt_id>/labels": {"GET": READ},
    "/api/prompts/<prompt_id>/labels/<label>": {"GET": READ, "PUT": WRITE, "DELETE": WRITE},
    "/api/prompts/<prompt_id>/labels/<label>/history": {"GET": READ},
    "/api/names/<path:name>": {"GET": READ, "PUT": WRITE},
    "/api/changes": {"GET": READ},
    "/api/rules": {"GET": READ, "PUT": ADMIN},
    "/api/releases": {"GET": READ, "POST": WRITE},
    "/api/releases/<release>": {"GET": READ},
    "/api/releases/<release>/approve": {"POST": WRITE},
    "/api/releases/<release>/reject": {"POST": WRITE},
    "/api/releases/<release>/withdraw": {"POST": WRITE},
    "/api/releases/<release>/release": {"POST": WRITE},
    "/api/releases/<release>/rollback": {"POST": WRITE},
    "/api/commits": {"POST": WRITE},
    "/api/labels/<label>/promote": {"POST": WRITE},
    "/api/tokens": {"GET": ADMIN, "POST": ADMIN},
    "/api/tokens/<token_id>": {"DELETE": ADMIN},
    "/api/access-log": {"GET": ADMIN},
    "/api/people": {"GET": ADMIN},
    "/api/people/<person_id>/sessions": {"DELETE": ADMIN},
    "/api/public/projects": {"GET": READ},
    "/api/public/v2/prompts": {"GET": READ, "POST": WRITE},
    "/api/public/v2/prompts/<path:name>": {"GET": READ, "DELETE": WRITE},
    "/api/public/v2/prompts/<path:name>/versions/<number>": {"PATCH": WRITE},
    "/mcp": {"POST": READ},  # nothing there writes
    "/beta/litellm_prompt_management": {"GET": READ},
    "/prompts.git/": {"GET": READ},
    "/prompts.git/<path:_path>": {"GET": READ},
    "/prompts.git/info/refs": {"GET": READ},
    "/prompts.git/git-upload-pack": {"POST": READ},
    "/prompts.git/git-receive-pack": {"POST": READ},  # who may read is told that nobody can push
    "/hooks/upstream": {"POST": ANYBODY},  # a signature of the host is asked for
    "/static/<path:filename>": {"GET": ANYBODY},
    "/sign-in": {"GET": ANYBODY, "POST": ANYBODY},
    "/sign-in/account": {"GET": ANYBODY},
    "/sign-in/callback": {"GET": ANYBODY},
    "/sign-out": {"POST": ANYBODY},
    "/tokens": {"GET": READ, "POST": READ},
    "/tokens/<token_id>/end": {"POST": READ},
    "/people": {"GET": ADMIN},
    "/people/<person_id>/end": {"POST": ADMIN},
    "/": {"GET": READ},
    "/deleted": {"GET": READ},
    "/activity": {"GET": READ},
    "/activity/<commit>": {"GET": READ},
    "/activity.atom": {"GET": READ},
    "/authors": {"GET": READ},
    "/authors/<path:person>": {"GET": READ},
    "/promote": {"GET": WRITE, "POST": WRITE},
    "/new": {"GET": WRITE, "POST": WRITE},
    "/names/<path:name>": {"GET": READ},
    "/prompts/<uuid:prompt_id>": {"GET": READ},
    "/prompts/<uuid:prompt_id>/versions/<number>": {"GET": READ},
    "/prompts/<uuid:prompt_id>/versions/<number>/raw": {"GET": READ},
    "/prompts/<uuid:prompt_id>/versions/<number>/blame": {"GET": READ},
    "/prompts/<uuid:prompt_id>/versions/<number>/revert": {"GET": WRITE, "POST": WRITE},
    "/prompts/<uuid:prompt_id>/versions/<number>/propose": {"GET": WRITE, "POST": WRITE},
    "/releases": {"GET": READ},
    "/releases/new": {"GET": WRITE, "POST": WRITE},
    "/releases/<release>": {"GET": READ},
    "/releases/<release>/approve": {"GET": WRITE, "POST": WRITE},
    "/releases/<release>/reject": {"GET": WRITE, "POST": WRITE},
    "/releases/<release>/withdraw": {"GET": WRITE, "POST": WRITE},
    "/releases/<release>/release": {"GET": WRITE, "POST": WRITE},
    "/releases/<release>/rollback": {"GET": WRITE, "POST": WRITE},
    "/prompts/<uuid:prompt_id>/compare": {"GET": READ},
    "/prompts/<uuid:prompt_id>/history": {"GET": READ},
    "/prompts/<uuid:prompt_id>/labels/<label>": {"GET": READ},
    "/prompts/<uuid:prompt_id>/labels/<label>/remove": {"GET": WRITE, "POST": WRITE},
    "/prompts/<uuid:prompt_id>/point": {"GET": WRITE, "POST": WRITE},
    "/prompts/<uuid:prompt_id>/edit": {"GET": WRITE, "POST": WRITE},
    "/prompts/<uuid:prompt_id>/rename": {"GET": WRITE, "POST": WRITE},
    "/prompts/<uuid:prompt_id>/delete": {"GET": WRITE, "POST": WRITE},
}
# 403 also to those whose scope is enough: nobody pushes, and the repository's files are no pages.
REFUSES_ALL = {"/prompts.git/git-receive-pack", "/prompts.git/", "/prompts.git/<path:_path>"}
QUERIES = {"/prompts.git/info/refs": "service=git-upload-pack"}  # without it git's oldest protocol is meant, a 403
EVERYWHERE = ("nobody", "read", "write", "admin")  # the callers that ask every route in each form
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass
class Gatekeeper:
    """An application with callers of each kind; each request comes from a network of its own.

    Wrong tokens are counted by network, so none is refused for what another request did.
    """

    callers: Callers
    _requests: Iterator[int] = field(default_factory=lambda: iter(range(1, 1 << 16)))

    @property
    def app(self) -> Flask:
        return self.callers.site.app

    def ask(self, method: str, rule: Rule, caller: str, spelt: Callable[[str], str] = str) -> int:
        """The status of a request for a rule's address, as *spelt* writes it."""
        _, path = rule.build(dict.fromkeys(rule.arguments, "1") | _uuid(rule)) or ("", "")
        environ: dict[str, Any] = {"REMOTE_ADDR": f"2001:db8:0:{next(self._requests):x}::1"}
        answer = self.app.test_client(use_cookies=False).open(
            spelt(path),
            query_string=QUERIES.get(rule.rule, ""),
            method=method,
            headers=self.callers.headers[caller],
            environ_base=environ,
            buffered=True,
        )
        return answer.status_code


def _uuid(rule: Rule) -> dict[str, str]:
    return {name: NOBODY for name in rule.arguments if name in ("prompt_id", "token_id")}


@pytest.fixture(scope="module")
def gatekeeper(tmp_path_factory: pytest.TempPathFactory, shared_provider: Provider) -> Gatekeeper:
    return Gatekeeper(callers_of(tmp_path_factory.mktemp("table"), shared_provider))


def _methods(rule: Rule) -> set[str]:
    return (rule.methods or set()) - {"HEAD", "OPTIONS"}


def _refusal(rule: Rule, method: str, *, is_known: bool) -> int:
    if is_known:
        return 403
    leads_to_form = rule.endpoint.startswith("web.") and rule.rule != "/activity.atom" and method in ("GET", "HEAD")
    return 303 if leads_to_form else 401


def test_the_table_names_every_route(gatekeeper: Gatekeeper) -> None:
    """A new route, or a new method of one, is in the table with the scope that it takes."""
    routes: dict[str, set[str]] = {}
    for rule in gatekeeper.app.url_map.iter_rules():
        routes.setdefault(rule.rule, set()).update(_methods(rule))
    assert routes == {rule: set(methods) for rule, methods in TABLE.items()}


def test_everybody_is_let_in_where_they_belong_and_nowhere_else(
    gatekeeper: Gatekeeper, record_property: Callable[[str, object], None]
) -> None:
    """401 without a usable credential (a page leads to where one signs in), 403 where its scope is too small.

    Every method of every route, by every caller of `tests.callers`: what is not allowed is refused. In the short form
    most callers ask a sixth of the routes, each another one.
    """
    tried, step = 0, attempts(6, 1, 1)
    rules = list(gatekeeper.app.url_map.iter_rules())
    for at, caller in enumerate(gatekeeper.callers.headers):
        for rule in rules if caller in EVERYWHERE else rules[at % step :: step]:
            is_page = rule.endpoint.startswith("web.")
            had = (
                gatekeeper.callers.scopes.get(caller) if is_page or caller not in gatekeeper.callers.on_pages else None
            )
            for method in (rule.methods or set()) - {"OPTIONS"}:
                takes = TABLE[rule.rule]["GET" if method == "HEAD" else method]
                status = gatekeeper.ask(method, rule, caller)
                enough = takes is ANYBODY or (had is not None and had >= takes)
                if not enough or rule.rule in REFUSES_ALL:
                    assert status == _refusal(rule, method, is_known=had is not None), (caller, method, rule.rule)
                elif takes is ANYBODY:
                    assert status != 401 and status < 500, (caller, method, rule.rule, status)
                else:
                    assert status not in (401, 403) and status < 500, (caller, method, rule.rule, status)
                tried += 1
    record_property("combinations of a route, a method and a caller", tried)
    assert tried > attempts(800, 3_000, 3_000)


SPELLINGS: tuple[Callable[[str], str], ...] = (
    lambda path: f"/{path}",
    lambda path: f"{path}/",
    lambda path: f"/.{path}",
    lambda path: f"/x/..{path}",
    lambda path: f"/%2e%2e{path}",
    lambda path: path.swapcase(),
    lambda path: f"{path};a=b",
    lambda path: f"{path}%00",
    lambda path: path.replace("/", "%2F"),
    lambda path: path.replace("/", "\\"),
)


def test_no_other_spelling_of_an_address_opens_it(
    gatekeeper: Gatekeeper, record_property: Callable[[str, object], None]
) -> None:
    """Nor does another method: what needs a credential gives nothing to those without one."""
    tried = 0
    for rule in gatekeeper.app.url_map.iter_rules():
        if ANYBODY in TABLE[rule.rule].values():
            continue
        asked: list[tuple[str, Callable[[str], str]]] = [("GET", spelt) for spelt in SPELLINGS]
        asked += [(method, str) for method in ("OPTIONS", "TRACE", "PROPFIND", "CONNECT", "get", "GET\x00")]
        for method, spelt in asked[tried % 4 :: attempts(5, 1, 1)]:
            status = gatekeeper.ask(method, rule, "nobody", spelt)
            assert status in (301, 303, 308, 400, 401, 404, 405), (method, spelt("/" + rule.rule), status)
            tried += 1
    record_property("other spellings without a credential", tried)
