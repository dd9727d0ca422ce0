"""The shapes of Langfuse's requests and answers (api.reference.langfuse.com, "Prompts")."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Response
from marshmallow import fields, validate

from promptgit.domain.front_matter import PromptFile
from promptgit.domain.labels import LATEST
from promptgit.domain.messages import prompt_of
from promptgit.domain.models import Prompt, Version
from promptgit.domain.references import Node, PutIn
from promptgit.http.api.fields import Number, Request

_PROJECT = "promptgit"  # there is one
_MOST = 10**9  # well within SQLite's integers


class _Lenient(Request):
    """Ignores fields that are not known here: new releases of the SDKs add some."""

    class Meta:
        unknown = ma.EXCLUDE


class NewPromptSchema(_Lenient):
    """A version to publish."""

    name = fields.String(required=True)
    prompt = fields.Raw(required=True)
    type = fields.String(
        load_default="text",
        allow_none=True,
        validate=validate.OneOf(["text", "chat"], error="is neither 'text' nor 'chat'."),
    )
    config = fields.Raw(load_default=None, allow_none=True)
    labels = fields.List(fields.String(), load_default=list, allow_none=True)
    tags = fields.List(fields.String(), load_default=None, allow_none=True)
    commitMessage = fields.String(load_default="", allow_none=True)  # noqa: N815  # Langfuse's word


class LabelsSchema(_Lenient):
    """Labels to point at a version."""

    newLabels = fields.List(fields.String(), required=True)  # noqa: N815  # Langfuse's word


class WhichSchema(_Lenient):
    """Which version of a prompt."""

    version = Number("Its number", validate=validate.Range(-_MOST, _MOST, error="is no number of a version."))
    label = fields.String()
    resolve = fields.Boolean(load_default=True)


class ListSchema(_Lenient):
    """Which prompts to list; an unknown filter is refused, as ignoring it would list too many."""

    name = fields.String()
    label = fields.String()
    tag = fields.String()
    page = Number("Which page", load_default=1, validate=validate.Range(1, _MOST, error="must be 1 or more."))
    limit = Number("Prompts a page", load_default=10, validate=validate.Range(1, 100, error="must be from 1 to 100."))


def prompt(found: Prompt, version: Version, file: PromptFile, tags: Sequence[str]) -> dict[str, Any]:
    """One version of a prompt; *found* says which one is the newest."""
    return {
        "id": version.id,
        "createdAt": _time(version.timestamp),
        "updatedAt": _time(version.timestamp),
        "projectId": _PROJECT,
        "createdBy": version.author.name,
        **_committer(version),
        "type": file.type,
        "name": found.name,
        "version": version.number,
        "config": file.config,
        "labels": labels(version, found.newest.number),
        "tags": tags,
        "prompt": prompt_of(file),
        "commitMessage": version.description,
        "resolutionGraph": None,
    }


def _committer(version: Version) -> dict[str, object]:
    """A key that Langfuse does not have: an author is not shown without whoever else stored the version."""
    return {} if version.committer is None else {"committer": version.committer._asdict()}


def labels(version: Version, newest: int) -> list[str]:
    """The labels of a version, `latest` among them where it is the newest one."""
    return [*version.labels, LATEST] if version.number == newest else list(version.labels)


def meta(
    found: Prompt, file: PromptFile, tags: Sequence[str], versions: list[int], pointed: list[str]
) -> dict[str, Any]:
    """A prompt in a list."""
    return {
        "name": found.name,
        "type": file.type,
        "versions": versions,
        "labels": pointed,
        "tags": tags,
        "lastUpdatedAt": _time(found.newest.timestamp),
        "lastConfig": file.config,
    }


def page(items: list[dict[str, Any]], number: int, limit: int, total: int) -> dict[str, Any]:
    """A page of a list."""
    return {
        "data": items,
        "meta": {"page": number, "limit": limit, "totalItems": total, "totalPages": -(-total // limit)},
    }


def projects() -> dict[str, Any]:
    """The one project, which `auth_check` of the SDK looks for."""
    named = {"id": _PROJECT, "name": _PROJECT}
    return {"data": [{**named, "organization": named, "metadata": {}, "retentionDays": None}]}


def answer(value: object, status: int = 200) -> Response:
    """*value* as JSON; written by the standard library, for a config may hold numbers of any size."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, content_type="application/json")


def graph(root: Node, put_in: Sequence[PutIn]) -> dict[str, Any] | None:
    """Which version refers to which, from *root* on; None if there are no references."""
    dependencies: dict[str, list[dict[str, Any]]] = {}
    for parent, _, node in put_in:
        listed = dependencies.setdefault(parent.id, [])
        if _named(node) not in listed:
            listed.append(_named(node))
    return {"root": _named(root), "dependencies": dependencies} if dependencies else None


def _named(node: Node) -> dict[str, Any]:
    return {"name": node.name, "version": node.version, "id": node.id}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
