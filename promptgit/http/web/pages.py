"""What all pages share: the blueprint, its headers, what templates can use."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, request

from promptgit.domain import times, usage
from promptgit.domain.models import Author
from promptgit.domain.usage import Usage
from promptgit.http.web import access, shown
from promptgit.service.catalogue import Catalogue
from promptgit.service.service import Service
from promptgit.store.store import COMMITTER
from promptgit.usage.counters import Counters

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # Flask-WTF checks the Referer of forms over TLS
}
_FOREVER = "public, max-age=31536000, immutable"  # a changed file has another address
_OFFERED = ("application/problem+json", "application/json", "text/html")  # where no route matches
_NUMBER = re.compile(r"0|[1-9][0-9]{0,16}", re.ASCII)
_STATIC = Path(__file__).with_name("static")

blueprint = Blueprint(
    "web", __name__, template_folder="templates", static_folder=_STATIC.name, static_url_path="/static"
)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the pages get what they show."""

    service: Service
    catalogue: Catalogue


def service() -> Service:
    """The service that the application was made with."""
    sources: Sources = current_app.extensions["promptgit.web"]
    return sources.service


def catalogue() -> Catalogue:
    """The catalogue that the application was made with."""
    sources: Sources = current_app.extensions["promptgit.web"]
    return sources.catalogue


def counters() -> Counters:
    """What the application has counted."""
    found: Counters = current_app.extensions["promptgit.usage"]
    return found


def told(reads: Iterable[Usage]) -> str | None:
    """What to know of reads before something is taken away; None: there are none."""
    return usage.summary(reads, datetime.now(UTC))


def asked(name: str) -> str:
    """A parameter of the address; empty if it is not there."""
    return request.args.get(name, "").replace("\0", "")


def number_in(text: str, default: int) -> int:
    """The number that a text is, if it is one that SQLite takes."""
    return int(text) if _NUMBER.fullmatch(text) else default


def is_asked_for() -> bool:
    """True if the request is for a page, or is a browser's and matches no route."""
    if request.url_rule is not None:
        return request.blueprint == blueprint.name
    if request.path.startswith("/api/"):
        return False
    # Not its `best`: that is the most specific one, and Chromium names one with a parameter, at the end.
    return request.accept_mimetypes.best_match(_OFFERED) == "text/html"


@blueprint.after_request
def dress(response: Response) -> Response:
    """Set the headers of a page: it is private to one person, and asked for again each time."""
    response.headers.update(_HEADERS)
    is_file = request.endpoint == f"{blueprint.name}.static"
    if not response.cache_control.no_store:
        response.headers["Cache-Control"] = _FOREVER if is_file and "v" in request.args else "private, no-cache"
    return response


_STYLES, _SCRIPTS = (sorted(path.name for path in _STATIC.glob(f"*.{kind}")) for kind in ("css", "js"))
_FINGERPRINT = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_STATIC.iterdir()))).hexdigest()[:12]


@blueprint.app_context_processor
def _shared() -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "fingerprint": _FINGERPRINT,
        "styles": _STYLES,
        "scripts": _SCRIPTS,
        "person": access.person(),
        "last_read": lambda reads: usage.last(reads, now),
        "ago": lambda then: times.ago(then, now),
        "exact": times.exact,
        "invisible": shown.FOR_SCRIPTS,
    }


blueprint.add_app_template_filter(shown.line)
blueprint.add_app_template_filter(shown.rows)
blueprint.add_app_template_filter(shown.named)


@blueprint.app_template_test("the_service")
def _is_the_service(committer: Author | None) -> bool:
    """True of the committer of what nobody's credential has stored."""
    return committer == COMMITTER


@blueprint.app_template_filter("git_log")
def _git_log(path: str) -> str:
    """The command that shows a prompt's history in a clone, by its present path: through renames."""
    return f"{_follow(path)} -p -- {shlex.quote(path)}"


@blueprint.app_template_filter("git_version")
def _git_version(path: str, number: int) -> str:
    """The command that prints the commit of a prompt's version in a clone."""
    return f"{_follow(path)} --diff-filter=AM --format=%H -- {shlex.quote(path)} | tac | sed -n {number}p"


def _follow(path: str) -> str:
    literal = "--literal-pathspecs " if any(character in path for character in "*?[\\") else ""
    return f"git {literal}log --first-parent --follow -M100%"
