"""The routes under /api/prompts/{id}: versions, reverts, differences."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from promptgit.errors import BlameTimeout, NameTaken, PathBlocked, Unresolvable, VersionNotFound
from promptgit.http.api import answer_schemas, answers, reads, request_schemas
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import attribution_of, conditional, service, uuid_of, wanted
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers

blueprint = Routes(
    "versions", __name__, url_prefix="/api/prompts/<prompt_id>", description="Commits, each a content of a prompt"
)


@blueprint.get("/versions")
@blueprint.arguments(request_schemas.VersionsQuerySchema(), location="query")
@blueprint.response(200, answer_schemas.VersionSchema(many=True), headers=headers("X-Total-Count", "Link"))
def index(query: dict[str, Any], prompt_id: str) -> Response:
    """All versions of a prompt, oldest first, streamed; or a page of them."""
    if "limit" in query:
        page = reads.page(service(), uuid_of(prompt_id), request.script_root + request.path, request.args.to_dict())
        return Response(page.body(), headers=page.headers)
    prompt, _ = service().find(uuid_of(prompt_id))
    newest_first = query["order"] == "desc"
    chunks = service().versions_json(
        prompt, after=query.get("after"), before=query.get("before"), newest_first=newest_first
    )
    return answers.json_array((text for text, _ in chunks), {reads.TOTAL: str(prompt.newest.number)})


@blueprint.get("/versions/<number>")
@blueprint.arguments(request_schemas.ResolveQuerySchema(), location="query")
@blueprint.response(200, answer_schemas.VersionWithContentSchema, headers=headers("ETag", "Cache-Control"))
@refuses(Unresolvable)
def show(query: dict[str, Any], prompt_id: str, number: str) -> Response:
    """A version with its content."""
    found = uuid_of(prompt_id)
    if query.get("resolve"):
        return conditional(reads.composed(service(), lambda: service().with_version(found, number), of_version=True))
    return conditional(reads.version(service(), service().version(found, number), wanted()))


@blueprint.get("/versions/<number>/content")
@blueprint.arguments(request_schemas.ContentQuerySchema(), location="query")
@blueprint.response(
    200,
    {"type": "string"},
    content_type="text/plain",
    headers=headers("ETag", "Cache-Control", reads.DROPPED),
)
@refuses(Unresolvable)
def content(query: dict[str, Any], prompt_id: str, number: str) -> Response:
    """The very bytes of a version's file.

    With `resolve=true` those with its references replaced, with `format` the prompt as a file of dotprompt or Prompty.
    """
    found = uuid_of(prompt_id)
    if query.get("resolve"):
        read = reads.content_composed(service(), lambda: service().with_version(found, number))
    else:
        read = reads.content(service(), service().version(found, number))
    return conditional(reads.content_as(read, query["format"]) if "format" in query else read)


@blueprint.get("/versions/<number>/blame")
@blueprint.response(200, answer_schemas.LinesSchema(many=True), headers=headers("ETag", "Cache-Control"))
@refuses(BlameTimeout, PathBlocked)
def blame(prompt_id: str, number: str) -> Response:
    """Who wrote each line of a version, and in which version: what `git blame` finds, through renames.

    The lines are counted, in order, so that all counts together are the lines of the text. A line ends at LF; the last
    one needs none. An empty text has no lines, and the answer then is `[]`.
    """
    return conditional(reads.blame(service(), service().version(uuid_of(prompt_id), number)))


@blueprint.post("/versions/<number>/revert")
@blueprint.arguments(request_schemas.ReasonSchema(), required=False)
@blueprint.response(200, answer_schemas.RevertedSchema, headers=headers("ETag"))
@refuses(NameTaken, PathBlocked)
def revert(body: dict[str, Any], prompt_id: str, number: str) -> Response:
    """Make an older version's content the newest, as a new version."""
    prompt = service().revert(uuid_of(prompt_id), number, attribution=attribution_of(body))
    return answers.json(
        {
            "message": f"Reverted to version {int(number)} successfully.",
            "prompt_id": prompt.id,
            "version_number": prompt.newest.number,
            "commit": prompt.newest.commit,
        },
        headers={"ETag": f'"{answers.etag(prompt)}"'},
    )


@blueprint.get("/diff")
@blueprint.arguments(request_schemas.DiffQuerySchema(), location="query")
@blueprint.response(200, answer_schemas.DiffSchema, headers=headers("Vary"))
@blueprint.response(200, {"type": "string"}, content_type="text/x-diff")
@refuses(VersionNotFound)
def diff(query: dict[str, Any], prompt_id: str) -> Response:
    """What changed from one version to another."""
    text = service().diff(uuid_of(prompt_id), query["from_"], query["to"])
    headers = {"Vary": "Accept"}
    if request.accept_mimetypes.best_match(["application/json", "text/x-diff"]) == "text/x-diff":
        return Response(text, headers=headers, mimetype="text/x-diff")
    additions, deletions = _count(text)
    return answers.json(
        {
            "from": query["from_"],
            "to": query["to"],
            "diff": text.decode(errors="replace"),
            "additions": additions,
            "deletions": deletions,
        },
        headers=headers,
    )


def _count(diff: bytes) -> tuple[int, int]:
    """The lines that a diff of one file adds, and those that it takes away."""
    _, _, hunks = diff.partition(b"\n@@ ")
    lines = hunks.split(b"\n")[1:]
    return sum(line.startswith(b"+") for line in lines), sum(line.startswith(b"-") for line in lines)
