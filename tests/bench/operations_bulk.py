"""Many prompts: importing them, finding some, fetching hundreds."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from tests.bench import histories
from tests.bench.connection import Failed, build, fetch
from tests.bench.floors import BareReads, timed
from tests.bench.lab import Lab, Operation
from tests.bench.report import Figures, Row, compare, figures
from tests.bench.samples import COMMON, marker, text
from tests.bench.server import PROMPTGIT, Server, promptgit

_LINES, _IMPORTED = 10_000, 1_000
_PROMPTS = 10_000
_SEARCHES = 100
_PAGE = 500
_PROMOTED = 1_000


def operations(lab: Lab) -> list[Operation]:
    """Everything that is measured here."""
    prompts = lab.some(_PROMPTS)
    return [
        Operation(f"import {lab.some(_LINES):,} lines", _import),
        Operation(f"search {prompts:,} prompts, 1 finds", partial(_search, q=marker(prompts // 2), found=1, limit=100)),
        Operation(f"search {prompts:,} prompts, most find", partial(_search, q=COMMON, found=100, limit=100)),
        Operation(f"{_PAGE} prompts with content", _contents),
        Operation(f"promote {lab.some(_PROMOTED):,} prompts in one commit", _promote),
    ]


def _import(lab: Lab, name: str) -> Iterator[Row]:
    saves = list(histories.many_prompts(lab.some(_IMPORTED), _LINES // _IMPORTED))
    lines, stream = lab.fresh(), lab.fresh()
    with open(lines, "w", encoding="utf-8") as file:
        file.writelines(_line(save) for save in saves)
    with open(stream, "wb") as binary:
        histories.write_stream(binary, saves, onto_main=False)

    def own() -> Figures:
        return Figures(rate=len(saves) / timed([PROMPTGIT, "import", lines, "--data", lab.fresh()]))

    def bare() -> Figures:
        repository = lab.fresh()
        timed(["git", "init", "--quiet", "--bare", repository])
        command = ["git", f"--git-dir={repository}", "-c", "core.fsync=all", "fast-import", "--quiet"]
        return Figures(rate=len(saves) / timed(command, stdin=stream))

    yield compare(name, "git fast-import of the same", "rate", own, bare)


def _line(save: histories.Save) -> str:
    name, email = save.author
    entry = {
        "name": save.name,
        "op": "write",
        "content": text(save.number),
        "description": save.description,
        "author_name": name,
        "author_email": email,
        "timestamp": datetime.fromtimestamp(save.seconds, UTC).isoformat().replace("+00:00", "Z"),
    }
    return json.dumps(entry, ensure_ascii=False) + "\n"


def _search(lab: Lab, name: str, *, q: str, found: int, limit: int) -> Iterator[Row]:
    query = urlencode({"q": q, "limit": limit})
    grep = [
        "git",
        f"--git-dir={_many(lab) / 'prompts.git'}",
        "grep",
        "-l",
        "-i",
        "-F",
        "-e",
        q,
        "main",
        "--",
        "prompts",
    ]

    def bare() -> Figures:
        return figures([timed(grep) for _ in range(3)])

    yield _compare(lab, name, query, found, "git grep", bare)


def _promote(lab: Lab, name: str) -> Iterator[Row]:
    """A label of all prompts goes to and fro between two versions; beside one save, which is one commit too."""
    count = lab.some(_PROMOTED)
    with promptgit(lab.fresh()) as server:
        for content in ("first", "second"):
            saves = [{"name": f"many/p{at}", "content": f"{content} {at}"} for at in range(count)]
            moves = [{"name": one["name"], "label": content, "version_number": "new"} for one in saves]
            for changes in (saves, moves):
                fetch(server.address, "/api/commits", method="POST", body={"changes": changes})
        fetch(server.address, "/api/prompts", method="POST", body={"name": "one", "content": "first"})
        turns = itertools.count()

        def own() -> Figures:
            source = ("first", "second")[next(turns) % 2]
            return figures([_timed(server, "/api/labels/production/promote", {"from": source, "prefix": "many/"})])

        def floor() -> Figures:
            body = {"changes": [{"name": "one", "content": f"text {next(turns)}"}]}
            return figures([_timed(server, "/api/commits", body)])

        own()
        yield compare(name, "one save", "p50", own, floor)


def _timed(server: Server, path: str, body: dict[str, object]) -> float:
    start = time.perf_counter()
    fetch(server.address, path, method="POST", body=body)
    return time.perf_counter() - start


def _contents(lab: Lab, name: str) -> Iterator[Row]:
    reads = BareReads(_many(lab) / "prompts.git", _PAGE)
    count = lab.some(_SEARCHES)
    query = urlencode({"include": "content", "limit": _PAGE})
    floor = "pygit2 reads them, json.dumps"
    yield _compare(lab, name, query, _PAGE, floor, lambda: figures([reads.seconds() for _ in range(count)]))


def _compare(lab: Lab, name: str, query: str, found: int, floor: str, bare: Callable[[], Figures]) -> Row:
    requests = [build("GET", f"/api/prompts?{query}")] * lab.some(_SEARCHES)
    with promptgit(_many(lab)) as server:
        # The first search takes all contents in: it is no figure of searching.
        answer = json.loads(fetch(server.address, f"/api/prompts?{query}")[1])
        if len(answer) != found:
            raise Failed(f"{query} found {len(answer)} prompts, not {found}")
        return compare(name, floor, "p50", lambda: lab.load.run(server, requests, 1), bare)


def _many(lab: Lab) -> Path:
    """A data folder of many prompts, made once."""
    folder = lab.folder / "many"
    if not folder.exists():
        histories.make(folder, histories.many_prompts(lab.some(_PROMPTS)))
    return folder
