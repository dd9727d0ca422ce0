"""The routes under /api/public: what the SDKs ask for prompts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from promptgit.domain import names
from promptgit.domain.front_matter import PromptFile, parse, render
from promptgit.domain.labels import LATEST
from promptgit.domain.messages import file_of
from promptgit.domain.models import Prompt, Version
from promptgit.domain.references import Node
from promptgit.domain.usage import Served
from promptgit.errors import Invalid, LabelNotFound, NameNotFound
from promptgit.http.api import access
from promptgit.http.api.bodies import Parser
from promptgit.http.api.context import count_reads, service
from promptgit.http.api.repeats import requested
from promptgit.http.langfuse import shapes
from promptgit.http.langfuse.problems import PREFIX
from promptgit.service.writes import Attribution

PRODUCTION = "production"  # served where neither a version nor a label is named

blueprint = Blueprint("langfuse", __name__, url_prefix=PREFIX.rstrip("/"))
_PARSER = Parser()


@blueprint.get("/projects")
def projects() -> Response:
    """The one project that there is."""
    return shapes.answer(shapes.projects())


@blueprint.post("/v2/prompts")
def create() -> Response:
    """Publish a version of a prompt, new or not."""
    body = _PARSER.parse(shapes.NewPromptSchema(), request, location="json")
    tags = body["tags"]
    file = file_of(body["type"] or "text", body["prompt"], body["config"], tags or ())

    def make(newest: bytes | None) -> str:
        before = None if newest is None else parse(newest)
        if before and before.type != file.type:
            raise Invalid(
                "type", f"is {file.type!r}, and that of the versions before is {before.type!r}; choose another name"
            )
        kept = replace(file, tags=before.tags) if before and tags is None else file
        return render(kept).decode(errors="surrogatepass")

    name = names.check(body["name"])
    there = service().publishing.find(name)
    # A reference that cannot be resolved is refused now, not at the read.
    service().references.resolve(Node(there.id if there else "", name, 0, "", file))
    pointed = set(body["labels"] or ()) - {LATEST}  # which every new version has
    found, version = service().publishing.publish(
        name, make, pointed, attribution=_attribution(body["commitMessage"] or "")
    )
    return shapes.answer(_shown(found, version, _read(version)), 201)


@blueprint.get("/v2/prompts")
def index() -> Response:
    """List prompts by name, with their versions, labels, tags and newest config."""
    query: dict[str, Any] = _PARSER.parse(shapes.ListSchema(), request, location="query")
    number, limit = query.pop("page"), query.pop("limit")
    found, total = service().publishing.page(**query, offset=(number - 1) * limit, limit=limit)
    labelled = query.get("label", LATEST) != LATEST
    return shapes.answer(shapes.page([_meta(prompt, labelled) for prompt in found], number, limit, total))


def _meta(found: Prompt, labelled: bool) -> dict[str, Any]:
    """A prompt in a list; where it is found by a label, only the version that has it counts."""
    file = _read(found.newest)
    if not labelled:
        return shapes.meta(found, file, file.tags, list(range(1, found.newest.number + 1)), [*found.labels, LATEST])
    newest = service().get(found.id).newest
    pointed = shapes.labels(found.newest, newest.number)
    return shapes.meta(found, file, _read(newest).tags, [found.newest.number], pointed)


@blueprint.get("/v2/prompts/<path:name>")
def show(name: str) -> Response:
    """One version of a prompt: by number, by label, else the one in production."""
    query: dict[str, Any] = _PARSER.parse(shapes.WhichSchema(), request, location="query")
    if "version" in query and "label" in query:
        raise Invalid("label", "is given in addition to a version; give one of them")
    found, version = _at(name, query.get("version"), query.get("label", PRODUCTION))
    count_reads(Served(found.id, version.number, "" if "version" in query else query.get("label", PRODUCTION)))
    file, graph = _read(version), None
    if query["resolve"]:
        root = Node(found.id, found.name, version.number, version.id, file)
        said, put_in = service().references.resolve(root)
        file, graph = replace(file, prompt=said), shapes.graph(root, put_in)
    return shapes.answer(_shown(found, version, file) | {"resolutionGraph": graph})


@blueprint.patch("/v2/prompts/<path:name>/versions/<number>")
def point(name: str, number: str) -> Response:
    """Point labels at a version, which keeps the labels that it has."""
    body = _PARSER.parse(shapes.LabelsSchema(), request, location="json")
    found = _find(name)
    target = service().version(found.id, number).number
    found, version = service().labels.point_all(found.id, body["newLabels"], target, attribution=_attribution())
    return shapes.answer(_shown(found, version, _read(version)))


@blueprint.delete("/v2/prompts/<path:name>")
def delete(name: str) -> Response:
    """Delete a prompt; its versions stay in the history."""
    query: dict[str, Any] = _PARSER.parse(shapes.WhichSchema(), request, location="query")
    for field in ("version", "label"):
        if field in query:
            raise Invalid(field, "cannot be given: git keeps single versions; delete the whole prompt")
    service().delete(_find(name).id, attribution=_attribution())
    return Response(status=204)


def _at(name: str, number: int | str | None, label: str) -> tuple[Prompt, Version]:
    """A prompt, and its version of this number, or else the one that has the label."""
    found = _find(name)
    if number is None:
        number = found.newest.number if label == LATEST else found.labels.get(label)
    if number is None:
        raise LabelNotFound(found.name, label)
    return found, service().version(found.id, number)


def _find(name: str) -> Prompt:
    found = service().publishing.find(name)
    if found is None:
        raise NameNotFound(name)
    return found


def _read(version: Version) -> PromptFile:
    return parse(service().content(version))


def _shown(found: Prompt, version: Version, file: PromptFile) -> dict[str, Any]:
    """One version in an answer; the tags in the file of the newest version hold for all."""
    tags = file.tags if version.number == found.newest.number else _read(found.newest).tags
    return shapes.prompt(found, version, file, tags)


def _attribution(description: str = "") -> Attribution:
    caller = access.who_asks()
    return Attribution(description, committer=caller.committer, rights=caller.rights, request=requested())
