"""The web pages, of many prompts and of one with a long history, by one client."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from promptgit.domain.names import id_of
from tests.bench import histories
from tests.bench.connection import build
from tests.bench.lab import Lab, Operation
from tests.bench.report import FLASK, Figures, Row, compare
from tests.bench.server import bare_flask, promptgit

_PROMPTS = 10_000
_VERSIONS = 100_000
_PAGES = 100
_WARM_UP = 10
_LISTS = ["/", "/?folder=team-0050", "/?sort=change", "/?sort=change&author=Author+7", "/?q=prompt-0050"]
_PROMPT = f"/prompts/{id_of(histories.HISTORY)}"


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    prompts, versions = lab.some(_PROMPTS), lab.some(_VERSIONS)
    many, middle = f"of {prompts:,} prompts", versions // 2
    long = {
        f"web page: a prompt of {versions:,} versions": _PROMPT,
        f"web page: the middle of {versions:,} versions": f"{_PROMPT}?before={middle}",
        "web page: a version": f"{_PROMPT}/versions/{middle}",
        "web page: two versions compared": f"{_PROMPT}/compare?from={middle}&to={middle + 1}",
        "web page: a form to edit": f"{_PROMPT}/edit",
    }
    return [
        Operation(f"web page: the list {many}", partial(_many, pages=_LISTS)),
        *(Operation(name, partial(_long, versions=versions, page=page)) for name, page in long.items()),
    ]


def _many(lab: Lab, name: str, *, pages: list[str]) -> Iterator[Row]:
    folder = lab.fresh()
    histories.make(folder, histories.many_prompts(lab.some(_PROMPTS)), at_once=True)
    yield from (_measure(lab, f"{name}, {page}", folder, page) for page in pages)


def _long(lab: Lab, name: str, *, versions: int, page: str) -> Iterator[Row]:
    yield _measure(lab, name, lab.history(versions), page)


def _measure(lab: Lab, name: str, folder: Path, page: str) -> Row:
    requests, bare = [build("GET", page)] * lab.some(_PAGES), [build("GET", "/")] * lab.some(_PAGES)
    with promptgit(folder) as server, bare_flask(lab.log) as floor:
        lab.load.run(server, requests[:_WARM_UP], 1)
        lab.load.run(floor, bare[:_WARM_UP], 1)

        def own() -> Figures:
            return lab.load.run(server, requests, 1)

        return compare(name, FLASK, "p50", own, lambda: lab.load.run(floor, bare, 1))
