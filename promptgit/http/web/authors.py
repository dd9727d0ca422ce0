"""The page of a person: what somebody wrote, stored, approved and released."""

from __future__ import annotations

from functools import lru_cache

from flask import redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from promptgit.domain.models import Author
from promptgit.http.web.activity import activity, by_day, rows
from promptgit.http.web.pages import blueprint
from promptgit.service.activity import MOST_COUNTED, Wanted

_COMMITS = 20
_FOLDED = 20  # changes of a commit


@blueprint.app_template_global("author_address")
def address_of(author: Author) -> str | None:
    """The page of an author, by the address that they have in git, else by their name; None if they have neither."""
    person = author.email or author.name
    return _address(person, request.script_root) if person else None


@lru_cache(maxsize=1_000)  # a page names few people many times, and an address takes 45 us to build
def _address(person: str, root: str) -> str:  # noqa: ARG001  # addresses begin with it
    # Browsers and proxies follow dots, and drop what is empty, within a path.
    if {"", ".", ".."} & set(person.split("/")):
        return url_for("web.author_asked", person=person)
    return url_for("web.author", person=person)


@blueprint.get("/authors")
def author_asked() -> str | Response:
    """The person whom the query names; without one, the activity, where one can look for people."""
    person = request.args.get("person", "")
    return _page(person) if person else redirect(url_for("web.activity_page"))


@blueprint.get("/authors/<path:person>")
def author(person: str) -> str:
    """The person of an address or a name."""
    return _page(person)


def _page(asked: str) -> str:
    person = asked.replace("\0", "")
    found = activity().person(person)
    if found is None:
        raise NotFound("No commit has an author or a committer of this name or address.")
    latest = activity().page(Wanted(person=person), limit=_COMMITS, most=_FOLDED)
    return render_template(
        "web/author.html",
        asked=person,
        found=found,
        most=MOST_COUNTED,
        days=list(by_day(rows(latest.entries))),
        has_more=latest.older is not None,
    )
