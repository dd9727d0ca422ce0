"""The page that shows who wrote each line of a version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from flask import render_template
from markupsafe import Markup

from promptgit.domain.models import Version
from promptgit.http.web import shown
from promptgit.http.web.pages import blueprint, service
from promptgit.http.web.shown import Content
from promptgit.service.blaming import Lines

_LINES, _BYTES = 5_000, 1_000_000  # of one page


@dataclass(frozen=True, slots=True)
class Run:
    """Lines in a row that one version wrote; *first* is the number of the first one, from 1."""

    version: Version
    first: int
    lines: Sequence[Markup]


@blueprint.get("/prompts/<uuid:prompt_id>/versions/<number>/blame")
def blame(prompt_id: UUID, number: str) -> str:
    """Each line of a version beside the version that wrote it."""
    found, removal = service().find(str(prompt_id))
    one = service().version(found.id, number)
    content = Content(service().content(one))
    runs, omitted = _runs(service().blame.of(one), content.data)
    return render_template(
        "web/blame.html", prompt=found, removal=removal, version=one, content=content, runs=runs, omitted=omitted
    )


def _runs(blamed: Sequence[Lines], data: bytes) -> tuple[list[Run], int]:
    """As many lines as a page shows, and how many more there are. A CR is seen unless every line ends in CR LF."""
    end = b"\r\n" if data.count(b"\r") == data.count(b"\r\n") == data.count(b"\n") else b"\n"
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    room, shown_lines = _BYTES, 0
    for line in lines[:_LINES]:
        room -= len(line)
        if room < 0 and shown_lines:
            break
        shown_lines += 1
    texts = (shown.text((line + b"\n").removesuffix(end).decode(errors="replace")) for line in lines[:shown_lines])
    runs: list[Run] = []
    first = 1
    for length, version in blamed:
        if not (some := list(islice(texts, length))):
            break
        runs.append(Run(version, first, some))
        first += length
    return runs, len(lines) - shown_lines
