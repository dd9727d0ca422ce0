"""Two versions compared, in the way that the reader chooses, which the session keeps."""

from __future__ import annotations

from uuid import UUID

from flask import render_template, request, session

from promptgit.http.web.pages import blueprint, number_in, service
from promptgit.http.web.reading import between

_WAYS = {
    "view": {"split": "Side by side", "inline": "In one column"},
    "by": {"word": "By word", "line": "By line"},
    "space": {"shown": "All white space", "ignored": "White space ignored"},
}
"""Parameters of the page, their values, and what the page calls them; the first of each is the default."""
_KEPT = "comparing"


@blueprint.get("/prompts/<uuid:prompt_id>/compare")
def compare(prompt_id: UUID) -> str:
    """What changed from one version to another."""
    found, removal = service().find(str(prompt_id))
    to = number_in(request.args.get("to", ""), found.newest.number)
    start = number_in(request.args.get("from", ""), max(to - 1, 1))
    old, new = (service().version(found.id, number) for number in (start, to))
    way = _way()
    return render_template(
        "web/compare.html",
        prompt=found,
        removal=removal,
        ways=_WAYS,
        way=way,
        checks=service().checks.of([old, new]),
        **between(old, new, by_word=way["by"] == "word", ignore_space=way["space"] == "ignored"),
    )


def _way() -> dict[str, str]:
    """How to compare: as the address says, or else as the reader chose last."""
    kept: dict[str, str] = session.get(_KEPT, {})
    way: dict[str, str] = {}
    for name, values in _WAYS.items():
        chosen = (request.args.get(name, ""), kept.get(name, ""), *values)
        way[name] = next(value for value in chosen if value in values)
    if kept != way and not _WAYS.keys().isdisjoint(request.args):
        session[_KEPT] = way
    return way
