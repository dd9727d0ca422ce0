"""The address that LiteLLM's generic prompt management asks (docs.litellm.ai, "Generic Prompt Management API")."""

from __future__ import annotations

import json
import re
from functools import lru_cache, partial
from typing import Any
from urllib.parse import unquote_plus

from flask import Response
from marshmallow import fields

from promptgit.domain import front_matter, labels
from promptgit.domain.litellm_templates import template_of
from promptgit.domain.models import Prompt, Version
from promptgit.domain.names import revision_of
from promptgit.domain.usage import Served
from promptgit.errors import (
    LabelNotFound,
    NameNotFound,
    PromptDeleted,
    Unresolvable,
    Untranslatable,
    VersionNotFound,
)
from promptgit.http.api import answers, reads
from promptgit.http.api.bodies import Routes
from promptgit.http.api.context import conditional, service
from promptgit.http.api.fields import AnswerSchema, Number, Query, Strict, described
from promptgit.http.api.openapi import refuses
from promptgit.http.api.refusals import headers
from promptgit.service.references import Composed
from promptgit.service.service import Service

ADDRESS = "/beta/litellm_prompt_management"
_KEPT_BYTES = 1 << 14  # of a file whose answer is kept: of 256 files, 4 MiB at most
_QUICK = re.compile(r"prompt_id=([^&=]+)(?:&label=([^&=]+)|&version=([1-9][0-9]{0,8}))?", re.ASCII)

blueprint = Routes("litellm", __name__, description="Prompts for LiteLLM")


class _WhichSchema(Strict):
    prompt_id = Query("A name, `name@label`, `name@3`; a name that has an @ ends in another one", required=True)
    label = Query("The label that is meant where neither `prompt_id` nor `version` says which version")
    version = Number("The version that is meant where `prompt_id` names neither a label nor a version")


class _MessageSchema(AnswerSchema):
    role = fields.String(metadata=described("Who says it; `system` where the prompt is a text", "system"))
    content = fields.String(metadata=described("What is said, with `{name}` for variables", "Hello {name}!"))


class TemplateSchema(AnswerSchema):
    """A prompt as LiteLLM takes it."""

    prompt_id = fields.String(metadata=described("As it was asked for", "support/greeting@production"))
    prompt_template = fields.List(fields.Nested(_MessageSchema), metadata=described("The messages"))
    prompt_template_model = fields.String(
        allow_none=True, metadata=described("`model` in the prompt's config; null: the call says which", "gpt-4o")
    )
    prompt_template_optional_params = fields.Dict(
        metadata=described("What the prompt's config says of the parameters of the call", {"temperature": 0.2})
    )


@blueprint.get(ADDRESS)
@blueprint.arguments(_WhichSchema(), location="query")
@blueprint.response(200, TemplateSchema, headers=headers("ETag", "Cache-Control"))
@refuses(NameNotFound, PromptDeleted, VersionNotFound, LabelNotFound, Unresolvable, Untranslatable)
def show(query: dict[str, Any]) -> Response:
    """A version of a prompt for LiteLLM's generic prompt management: the newest, or that of a label or a number."""
    return conditional(_read(query["prompt_id"], *_find(service(), **query)))


def quick(service: Service, query: str) -> reads.Read | None:
    """The same for `Direct`, from a query as LiteLLM sends it; None: it is unusual, or the file takes long to parse."""
    asked = _QUICK.fullmatch(query)
    if asked is None:
        return None
    prompt_id, label = unquote_plus(asked[1]), asked[2] and unquote_plus(asked[2])
    if not f"{prompt_id}{label}".isprintable() or "\ufffd" in f"{prompt_id}{label}":
        return None
    found, by = _find(service, prompt_id, label, int(asked[3]) if asked[3] else None)
    return None if len(found.data) > _KEPT_BYTES else _read(prompt_id, found, by)


def _find(
    service: Service, prompt_id: str, label: str | None = None, version: int | None = None
) -> tuple[Composed, str]:
    """What is asked for, and by which label; "": by its number."""
    name, revision = revision_of(prompt_id)
    is_number = False
    if revision:
        is_number = revision.isascii() and revision.isdigit()
    elif version is not None:
        revision, is_number = str(version), True
    else:
        revision = label or labels.LATEST
    found = service.references.compose(partial(_version, service, name, revision, is_number=is_number))
    return found, "" if is_number else revision


def _version(service: Service, name: str, revision: str, *, is_number: bool) -> tuple[Prompt, Version]:
    """A prompt and its version of a number, or else of a label."""
    prompt = service.named(name)
    if revision == labels.LATEST and not is_number:
        return prompt, prompt.newest
    if not is_number and revision not in prompt.labels:
        raise LabelNotFound(prompt.name, revision)
    return prompt, service.version(prompt.id, revision if is_number else prompt.labels[revision])


def _read(prompt_id: str, found: Composed, label: str) -> reads.Read:
    tag = answers.composed_etag(found.version.commit, found.put_in)
    template = _kept_template if len(found.data) <= _KEPT_BYTES else _template
    return reads.Read(
        reads.cached(tag, "private, no-cache", answers.JSON),
        lambda: b'{"prompt_id":%b,%b' % (json.dumps(prompt_id).encode(), template(found.data)),
        (Served(found.prompt.id, found.version.number, label),),
    )


def _template(data: bytes) -> bytes:
    """The end of the answer, behind `prompt_id`: what a prompt's file says."""
    template = template_of(front_matter.parse(data))
    answer = {
        "prompt_template": template.messages,
        "prompt_template_model": template.model,
        "prompt_template_optional_params": template.parameters,
    }
    return json.dumps(answer, separators=(",", ":"))[1:].encode()  # a config may hold numbers of any size


_kept_template = lru_cache(maxsize=256)(_template)
