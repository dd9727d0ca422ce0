"""The web pages: see the history, compare, edit, revert."""

from __future__ import annotations

from flask import Flask

from promptgit.http.web import (
    access,
    activity,
    authors,
    blame,
    comparing,
    history,
    labelling,
    listing,
    names,
    people,
    promoting,
    proposing,
    reading,
    releases,
    sign_in,
    steps,
    tokens,
    writing,
)
from promptgit.http.web.pages import Sources, blueprint
from promptgit.service.catalogue import Catalogue
from promptgit.service.service import Service

_WITH_ROUTES = (
    activity,
    authors,
    blame,
    comparing,
    history,
    labelling,
    listing,
    names,
    people,
    promoting,
    proposing,
    reading,
    releases,
    sign_in,
    steps,
    tokens,
    writing,
)
"""The modules that give the blueprint its routes when they are imported."""


def register(app: Flask, service: Service, catalogue: Catalogue, key: bytes, door: access.Door) -> None:
    """Put the pages into *app*; *key* signs its cookies and forms."""
    app.extensions["promptgit.web"] = Sources(service, catalogue)
    app.extensions["promptgit.web.door"] = door
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME="promptgit",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,  # the API takes no cookies; the pages check for themselves
        WTF_CSRF_TIME_LIMIT=None,  # a page may stay open over night
        MAX_FORM_MEMORY_SIZE=app.config["MAX_CONTENT_LENGTH"],
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    access.csrf.init_app(app)
    app.register_blueprint(blueprint)
    app.session_interface = sign_in.Sessions()
    app.before_request(sign_in.resume)
