"""The pages that read: deleted prompts, one prompt, one version."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import render_template
from werkzeug.wrappers import Response

from promptgit.domain.models import Version
from promptgit.http.web import differences, moments, releases, timeline, views
from promptgit.http.web.history import VERSIONS
from promptgit.http.web.pages import asked, blueprint, catalogue, counters, number_in, service
from promptgit.http.web.shown import Content
from promptgit.service.catalogue import Entry

_PROMPTS = 50


def _number(name: str, default: int) -> int:
    return number_in(asked(name), default)


@blueprint.get("/deleted")
def deleted() -> str:
    """The prompts that were deleted, to be looked at and restored."""
    found = catalogue().removed(after=asked("after") or None, limit=_PROMPTS + 1)
    following = found[_PROMPTS - 1][0].id if len(found) > _PROMPTS else None
    return render_template("web/deleted.html", removed=found[:_PROMPTS], following=following)


@blueprint.get("/prompts/<uuid:prompt_id>")
def prompt(prompt_id: UUID) -> tuple[str, int]:
    """A prompt's content and its history; of a deleted one, the last content."""
    moment = moments.asked_for()
    source = service() if moment is None else moment.past
    found, removal = source.find(str(prompt_id))
    before = _number("before", found.newest.number + 1)
    entries = [
        Entry(found.labelled(entry.version), entry.repeats)
        for entry in catalogue().history(found, before=before, limit=VERSIONS)
    ]
    is_now = moment is None and removal is None
    uses, used_by = service().references.of(found) if is_now else ([], [])
    numbers = (entries[-1].version.number, entries[0].version.number) if entries else (0, 0)
    page = render_template(
        "web/prompt.html",
        prompt=found,
        removal=removal,
        reading=views.reading(service().content(found.newest)),
        entries=entries,
        per_page=VERSIONS,
        is_first=before > found.newest.number,
        newer=entries[0].version.number + VERSIONS + 1 if entries else found.newest.number + 1,
        timeline=timeline.draw(catalogue().timeline(found, timeline.MOST)),
        pointers=[] if removal else source.labels.all(found.id),
        moment=moment,
        uses=uses,
        used_by=used_by,
        waiting=releases.waiting(found) if moment is None else [],
        checks=service().checks.of([entry.version for entry in entries]) if moment is None else {},
        reads=counters().last(found.id, numbers) if moment is None else {},
    )
    return page, 410 if removal else 200


@blueprint.get("/prompts/<uuid:prompt_id>/versions/<number>")
def version(prompt_id: UUID, number: str) -> str:
    """One version."""
    found, removal = service().find(str(prompt_id))
    one = service().version(found.id, number)
    (entry,) = catalogue().history(found, before=one.number + 1, limit=1)
    return render_template(
        "web/version.html",
        prompt=found,
        removal=removal,
        version=one,
        repeats=entry.repeats,
        checks=service().checks.of([one]).get(one.id, []),
        reading=views.reading(service().content(one)),
    )


@blueprint.get("/prompts/<uuid:prompt_id>/versions/<number>/raw")
def raw(prompt_id: UUID, number: str) -> Response:
    """The bytes of the file; the API has them too, but accepts no session."""
    one = service().version(str(prompt_id), number)
    return Response(service().content(one), content_type="text/plain; charset=utf-8")


def between(old: Version, new: Version, **ways: bool) -> dict[str, Any]:
    """The values of a template that shows a difference, in the *ways* of `differences.compare`."""
    contents = [Content(service().content(one)) for one in (old, new)]
    return {
        "old": old,
        "new": new,
        "old_content": contents[0],
        "new_content": contents[1],
        "difference": differences.compare(contents[0].data, contents[1].data, **ways),
    }
