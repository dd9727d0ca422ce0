"""The one place where the parts are put together."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Flask, request

from promptgit import deferral
from promptgit.auth.accounts import Account
from promptgit.auth.everybody import Everybody
from promptgit.auth.people import People
from promptgit.auth.personal import bound_by
from promptgit.auth.tokens import Scope, tokens_of
from promptgit.auth.vouching import Vouching
from promptgit.domain.rights import NO_RIGHTS
from promptgit.errors import MalformedPath, PromptgitError, TooManyWriters
from promptgit.http import git_clone, langfuse, mcp, proxies, web
from promptgit.http.api import (
    access,
    access_log,
    bodies,
    changes,
    checks,
    commits,
    docs,
    labels,
    litellm,
    names,
    operations,
    people,
    problems,
    promotions,
    prompts,
    references,
    releases,
    rules,
    tokens,
    upstream_hook,
    usage,
    versions,
)
from promptgit.http.api.direct import Direct
from promptgit.http.api.headers import Protected
from promptgit.http.api.heads import Heads, expect_head
from promptgit.http.api.origins import Cors
from promptgit.http.api.scopes import SAFE
from promptgit.http.metrics import Metrics
from promptgit.http.observed import Observed
from promptgit.http.web import errors, keys
from promptgit.http.web.access import Door, Person
from promptgit.jobs import chores, deliveries, mirror, upstream
from promptgit.service.activity import Activity
from promptgit.service.catalogue import Catalogue
from promptgit.service.feed import Feed
from promptgit.service.readiness import NOBODY
from promptgit.service.service import Service
from promptgit.service.stores import store_of
from promptgit.settings import Settings
from promptgit.store.git.upload_pack import UploadPack
from promptgit.store.store import Store
from promptgit.usage.counters import Counters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# JSON writes a byte as six characters at worst (\u0000); the rest is room for the other fields.
_BODY_PER_CONTENT, _BODY_REST = 6, 1 << 20


_API = (
    prompts.blueprint,
    names.blueprint,
    versions.blueprint,
    references.blueprint,
    labels.blueprint,
    commits.blueprint,
    promotions.blueprint,
    changes.blueprint,
    checks.blueprint,
    checks.of_prompt,
    rules.blueprint,
    releases.blueprint,
    tokens.blueprint,
    access_log.blueprint,
    people.blueprint,
    litellm.blueprint,
    usage.blueprint,
)


def create_app(settings: Settings, *, catch_up: bool = True, clock: Callable[[], float] = time.time) -> Flask:
    """The WSGI application on one data folder, which is made if it is missing.

    Without *catch_up* the index is left to the first read. *clock*, in seconds since 1970, is that of sessions and of
    the counts of reads.
    """
    metrics = Metrics()
    store = store_of(settings, metrics.writer)
    store.open(catch_up=catch_up, follow=True)
    metrics.watch(store)
    _watch_chores(metrics, settings, store)
    app = Flask("promptgit", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_content_bytes * _BODY_PER_CONTENT + _BODY_REST,
        PROPAGATE_EXCEPTIONS=False,
        PUBLIC_URL=settings.public_url,
    )
    app.extensions["promptgit.store"] = store
    app.extensions["promptgit.metrics"] = metrics
    # The router would lead from //api to an absolute address with a scheme that it cannot know behind a proxy.
    app.url_map.merge_slashes = False
    people_seen = app.extensions["promptgit.people"] = People(settings.data, clock)
    known = app.extensions["promptgit.tokens"] = tokens_of(settings, bound_by(people_seen))
    known.file.settle()
    key = keys.secret_key(settings.data, settings.web_key)
    sign_ins = None
    if settings.oidc_issuer:
        from promptgit.auth.sign_ins import sign_ins_of  # Authlib: only where it is needed

        sign_ins = sign_ins_of(settings, people_seen, key)
    # Where nobody is told apart, no request needs the token file, which may be lost.
    credentials = NOBODY if settings.auth == "off" else Everybody(known, people_seen)
    service = Service(store, settings.max_content_bytes, settings.protected, credentials)
    app.extensions["promptgit"] = service
    counters = app.extensions["promptgit.usage"] = Counters(
        settings.data, days=settings.usage_days, is_on=settings.usage == "on", clock=clock
    )
    app.extensions["promptgit.activity"] = Activity(store)
    app.extensions["promptgit.feed"] = Feed(store, waiters=settings.threads // 2)
    problems.register(app, lambda problem: errors.faced(langfuse.faced(problem)))
    for blueprint in _API:
        app.register_blueprint(blueprint)
    app.register_blueprint(operations.blueprint(store, metrics, None if settings.auth == "off" else known))
    follower = upstream.Follower(store, settings.upstream_poll)
    app.extensions["promptgit.follower"] = follower
    app.register_blueprint(upstream_hook.blueprint(settings.upstream_secret if store.upstream else "", follower.nudge))
    app.register_blueprint(langfuse.blueprint)
    app.register_blueprint(mcp.blueprint)
    app.register_blueprint(git_clone.blueprint(UploadPack(store.repository.git, settings.data, settings.git_clones)))
    docs.register(app, _API)
    # From the outside in: the log and the metrics, what every answer says, what other sites' pages are told, who asks,
    # what needs no Flask.
    direct = Direct(app.wsgi_app, service)
    heads = Heads(direct, app.wsgi_app, store, seconds=settings.lock_timeout, waiters=max(settings.threads // 2, 1))
    gate = access.Gate(heads, app.wsgi_app, settings, known, sign_ins, _vouch(settings, people_seen))
    door = Door(
        who_asks=_who_asks,
        sign_in=lambda secret: gate.sign_in(request.environ, secret),
        sign_out=lambda ticket: gate.sign_out(request.environ, ticket),
        resume=lambda ticket: gate.resume(request.environ, ticket),
        leave=lambda following, silent: gate.leave(request.environ, following, silent=silent),
        come_back=lambda attempt, answer, ticket: gate.come_back(request.environ, attempt, answer, ticket),
        vouch=lambda: bool(settings.user_header) and gate.vouch(request.environ),
        provider=settings.provider_name,
        proxy=settings.user_header or None,
        is_secure=settings.public_url.startswith("https://"),
    )
    web.register(app, service, Catalogue(store), key, door)
    app.before_request(access.expect_scope)
    app.before_request(expect_head)
    app.before_request(_expect_room)
    app.before_request(_expect_path)
    app.before_request(bodies.expect_body)
    seen: WSGIApplication = Observed(Protected(Cors(gate, settings.cors)), metrics.request, counters.count)
    if settings.trusted_proxies or settings.url_prefix:
        seen = proxies.Proxies(seen, settings.trusted_proxies, settings.url_prefix)
    app.wsgi_app = seen  # type: ignore[assignment, method-assign]  # Flask's documented way
    store.close()  # neither SQLite nor libgit2 may go through a fork
    return app


def _vouch(settings: Settings, seen: People) -> Callable[[WSGIEnvironment], Account | None]:
    """Whom a trusted proxy names in a request."""
    if not settings.user_header:
        return lambda _environ: None
    vouching = Vouching(settings)
    return lambda environ: vouching.person_in(proxies.headers_of(environ), seen)


def is_write(environ: WSGIEnvironment) -> bool:
    """True if a request may have to wait for other writers. Clones and /mcp, which do not write, have POST."""
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    reads = method == "POST" and path.endswith(("/git-upload-pack", "/mcp"))
    return method not in SAFE and not reads


def _expect_room() -> None:
    """Refuse a request that the server has marked with `deferral.OVERLOADED`."""
    if request.environ.get(deferral.OVERLOADED):
        raise TooManyWriters


def _expect_path() -> None:
    """Refuse a write whose path is not UTF-8: Werkzeug would decode two such names as one, with U+FFFD in it."""
    if request.method not in SAFE:
        try:
            request.environ["PATH_INFO"].encode("latin-1").decode()
        except UnicodeDecodeError:
            raise MalformedPath from None


def create_local_app(settings: Settings) -> WSGIApplication:
    """The same for a process of whoever has the folder, who needs no token; without the server's log."""
    app = create_app(replace(settings.without_accounts, usage="off"))

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[access.CALLER] = access.OWNER
        return Flask.wsgi_app(app, environ, start_response)

    return serve


def _watch_chores(metrics: Metrics, settings: Settings, store: Store) -> None:
    upkeep = store.upkeep
    metrics.gauge("unpacked_objects", "Objects that no upkeep has seen yet.", lambda: upkeep.state().fresh_objects)
    metrics.gauge(
        "webhook_deliveries_waiting",
        "Changes that hooks are yet to be told of; 0 on a node that does not deliver.",
        deliveries.of(settings).waiting if settings.is_deliverer else lambda: 0,
    )
    metrics.gauge(
        "lost_tips",
        "Former tips of main that its first-parent history does not have any more.",
        lambda: len(store.lost_tips()),
    )
    if (followed := store.upstream) is not None:
        metrics.gauge(
            "upstream_behind_seconds",
            "How long ago the upstream last answered a fetch: so old may be what is read here. NaN before the first.",
            lambda: time.time() - (followed.fetches.read().reached_at or math.nan),
        )
        metrics.gauge(
            "upstream_push_interval_seconds",
            "How far apart pushes are, because the host has asked for fewer; 0: it has not.",
            lambda: followed.pushes.read().interval,
        )
        metrics.gauge(
            "upstream_vanished_tips",
            "Kept tips of main with commits that the upstream had accepted from this node and has no more.",
            lambda: len(followed.vanished()),
        )
    if settings.mirror:
        mirrored = mirror.of(settings)
        metrics.gauge(
            "mirror_lag_seconds",
            "Since when something waits to be pushed to the mirror; 0: nothing does.",
            lambda: mirrored.status().lag(time.time()),
        )
        metrics.gauge(
            "mirror_failures", "Pushes to the mirror that failed in a row.", lambda: mirrored.status().failures
        )


def _who_asks() -> Person:
    """Who the gate found, for the pages."""
    caller: access.Caller | PromptgitError = request.environ[access.CALLER]
    if isinstance(caller, PromptgitError):
        return Person(None, may_read=False, may_write=False, rights=NO_RIGHTS)
    return Person(caller.committer, may_read=True, may_write=caller.scope >= Scope.WRITE, rights=caller.rights)


def start_chores(settings: Settings, app: Flask) -> None:
    """Begin what one worker does for all; call it after the fork, with what `create_app` has made."""
    app.extensions["promptgit.usage"].start()
    mirror.start(settings)
    if settings.upstream:
        chores.start("upstream", settings.data, app.extensions["promptgit.follower"].turn)
    if settings.is_deliverer:
        deliveries.start(settings)
    if settings.upkeep_interval:
        store = store_of(settings)

        def tend() -> float:
            if store.upkeep.pays():
                store.upkeep.run()
            return settings.upkeep_interval

        chores.start("upkeep", settings.data, tend)
