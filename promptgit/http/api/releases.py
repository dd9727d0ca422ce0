"""The routes under /api/releases."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, request

from promptgit.domain.releases import Deed
from promptgit.errors import (
    LabelNotGated,
    LabelProtected,
    PathBlocked,
    PromptDeleted,
    PromptNotFound,
    ReleaseClosed,
    ReleaseNotFound,
    ReleaseNotReady,
    ReleaseOutdated,
    RollbackRefused,
    SelfApproval,
    VersionNotFound,
)
from promptgit.http.api import answers, request_schemas
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import attribution_of, expect_no_precondition, service
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers
from promptgit.http.api.release_schemas import NewReleaseSchema, ReleaseSchema, ReleasesQuerySchema, RollbackSchema
from promptgit.service.readiness import Judged
from promptgit.service.release_plans import Wanted
from promptgit.service.writes import Attribution

blueprint = Routes(
    "releases", __name__, url_prefix="/api/releases", description="Requests to move gated labels, with approvals"
)

_NUMBER = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)  # as in the paths of releases


def _deed(deed: Deed) -> dict[str, object]:
    return {"by": deed.by, "owner": deed.owner, "timestamp": answers.moment(deed.at), "description": deed.description}


def shown(judged: Judged) -> dict[str, object]:
    """A release as the API shows it."""
    release = judged.release
    return {
        "number": release.number,
        "label": release.label,
        "state": judged.state,
        "description": release.description,
        "when_ready": release.when_ready,
        "rollback_of": release.rollback_of,
        "opened": _deed(release.opened),
        "closed": None if release.closed is None else _deed(release.closed),
        "items": [
            {"prompt_id": item.prompt_id, "name": item.name, "from": item.before, "to": item.number}
            for item in release.items
        ],
        "approvals": [_deed(deed) | {"counts": deed in judged.counting} for deed in release.approvals],
        "checks": [
            {
                "prompt_id": item.prompt_id,
                "version_number": item.number,
                "check": check,
                "state": found.state if found else None,
                "summary": found.summary if found else None,
                "url": found.url if found else None,
            }
            for item, check, found in judged.checks
        ],
        "missing": judged.missing,
    }


def number_of(text: str) -> int:
    """The number in the address of a release.

    Raises:
        ReleaseNotFound: it is none.
    """
    if not _NUMBER.fullmatch(text):
        raise ReleaseNotFound(text[:20])
    return int(text)


def _attribution(body: dict[str, Any]) -> Attribution:
    expect_no_precondition("a release is outdated by itself as soon as a label of its items has moved")
    return attribution_of(body)


def _location(judged: Judged) -> dict[str, str]:
    return {"Location": f"{request.script_root}/api/releases/{judged.release.number}"}


@blueprint.post("")
@blueprint.arguments(NewReleaseSchema())
@blueprint.response(201, ReleaseSchema, headers=headers("Location"))
@refuses(LabelNotGated, PromptNotFound, PromptDeleted, VersionNotFound, PathBlocked)
def open_(body: dict[str, Any]) -> Response:
    """Open a release: ask for a gated label to be moved."""
    items = body.get("items")
    judged = service().releases.open(
        body["label"],
        None if items is None else [Wanted(item["prompt_id"], item["version_number"]) for item in items],
        source=body.get("from_"),
        prefix=body.get("prefix", ""),
        when_ready=body.get("when_ready", False),
        attribution=_attribution(body),
    )
    return answers.json(shown(judged), 201, _location(judged))


@blueprint.get("")
@blueprint.arguments(ReleasesQuerySchema(), location="query")
@blueprint.response(200, ReleaseSchema(many=True), headers=headers("Link"))
def index(query: dict[str, Any]) -> Response:
    """List releases, newest first."""
    states = [query["state"]] if "state" in query else []
    found = service().releases.page(
        states=states, label=query.get("label"), before=query.get("after"), limit=query["limit"] + 1
    )
    page = found[: query["limit"]]
    link = (
        answers.next_link(request.script_root + request.path, request.args, after=page[-1].release.number)
        if len(found) > len(page)
        else {}
    )
    return answers.json([shown(judged) for judged in page], headers=link)


@blueprint.get("/<release>")
@blueprint.response(200, ReleaseSchema)
def show(release: str) -> Response:
    """A release, with what it lacks."""
    return answers.json(shown(service().releases.get(number_of(release))))


@blueprint.post("/<release>/approve")
@blueprint.arguments(request_schemas.ReasonSchema(), required=False)
@blueprint.response(200, ReleaseSchema)
@refuses(ReleaseClosed, ReleaseOutdated, SelfApproval, LabelProtected, PathBlocked)
def approve(body: dict[str, Any], release: str) -> Response:
    """Approve a release. It counts once for each owner of tokens, and not for who wrote what it ships."""
    return answers.json(shown(service().releases.approve(number_of(release), attribution=_attribution(body))))


@blueprint.post("/<release>/reject")
@blueprint.arguments(request_schemas.ReasonSchema(), required=False)
@blueprint.response(200, ReleaseSchema)
@refuses(ReleaseClosed, LabelProtected)
def reject(body: dict[str, Any], release: str) -> Response:
    """Reject a release, which closes it."""
    return answers.json(shown(service().releases.reject(number_of(release), attribution=_attribution(body))))


@blueprint.post("/<release>/withdraw")
@blueprint.arguments(request_schemas.ReasonSchema(), required=False)
@blueprint.response(200, ReleaseSchema)
@refuses(ReleaseClosed)
def withdraw(body: dict[str, Any], release: str) -> Response:
    """Withdraw a release that you have opened."""
    return answers.json(shown(service().releases.withdraw(number_of(release), attribution=_attribution(body))))


@blueprint.post("/<release>/release")
@blueprint.arguments(request_schemas.ReasonSchema(), required=False)
@blueprint.response(200, ReleaseSchema)
@refuses(ReleaseClosed, ReleaseOutdated, ReleaseNotReady, LabelProtected, PathBlocked)
def release_(body: dict[str, Any], release: str) -> Response:
    """Point the label at all items, in one commit."""
    return answers.json(shown(service().releases.release(number_of(release), attribution=_attribution(body))))


@blueprint.post("/<release>/rollback")
@blueprint.arguments(RollbackSchema())
@blueprint.response(200, ReleaseSchema, headers=headers("Location"))
@refuses(ReleaseOutdated, RollbackRefused, LabelProtected, PathBlocked)
def rollback(body: dict[str, Any], release: str) -> Response:
    """Return each label to the version before, which was released before: a release of its own, at `Location`."""
    judged = service().releases.roll_back(number_of(release), attribution=_attribution(body))
    return answers.json(shown(judged), headers=_location(judged))
