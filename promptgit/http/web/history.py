"""The way to a version in a prompt's history, by its number or by a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from promptgit.domain.models import Prompt
from promptgit.errors import Invalid, VersionNotFound
from promptgit.http.web import moments
from promptgit.http.web.pages import blueprint, catalogue, number_in, service

VERSIONS = 50
"""Versions on one page of a history."""


@blueprint.get("/prompts/<uuid:prompt_id>/history")
def history(prompt_id: UUID) -> Response:
    """Lead to where a version stands in the history: number `version`, or the newest one of a `day`, in UTC."""
    moment = moments.asked_for()
    found, _ = (service() if moment is None else moment.past).find(str(prompt_id))
    newest = found.newest.number
    number = _asked_for(found)
    pages = (newest - number) // VERSIONS  # newer ones
    before = newest + 1 - pages * VERSIONS if pages else None
    at = moment and moment.asked
    return redirect(url_for("web.prompt", prompt_id=found.id, at=at, before=before, _anchor=f"v{number}"), 303)


def _asked_for(prompt: Prompt) -> int:
    newest = prompt.newest.number
    if version := request.args.get("version", "").strip():
        number = number_in(version, 0)
        if not 1 <= number <= newest:
            raise VersionNotFound(prompt.name, version, newest)
        return number
    if day := request.args.get("day", "").strip():
        try:
            end = datetime.combine(date.fromisoformat(day), time.max, UTC)
        except ValueError as error:
            raise Invalid("day", f"is {day[:60]!r}, which is no day such as 2026-11-01") from error
        return max(catalogue().number_at(prompt, int(end.timestamp())), 1)
    return newest
