"""What routes have in common: the service, who asks and why, preconditions, answers about prompts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, current_app, request

from promptgit.domain.models import Author, Prompt, Version
from promptgit.domain.names import parse_id
from promptgit.domain.past import AsOf
from promptgit.domain.usage import Served
from promptgit.errors import Invalid, WeakETag
from promptgit.http.api import access, answers, reads
from promptgit.http.api.problems import no_id
from promptgit.http.api.repeats import requested
from promptgit.http.observed import SERVED
from promptgit.service.checks import Precondition
from promptgit.service.past import Past
from promptgit.service.service import Service
from promptgit.service.writes import Attribution

_SUFFIX = re.compile(r"(?<=^[0-9a-f]{40})[.-].*", re.ASCII)


def service() -> Service:
    """The service that the application was made with."""
    found: Service = current_app.extensions["promptgit"]
    return found


def uuid_of(text: str) -> str:
    """The prompt's id in an address, in its canonical form.

    Raises:
        PromptNotFound: it is not a UUID.
    """
    found = parse_id(text)
    if found is None:
        raise no_id(text)
    return found


def source_of(query: Mapping[str, Any]) -> tuple[Service | Past, bool]:
    """Where the state that a query asks for is read; and whether it is that of a commit, which stays as it is.

    Raises:
        CommitNotFound
    """
    at: AsOf | None = query.get("at")
    return (service(), False) if at is None else (service().as_of(at), isinstance(at, str))


def newest_of(query: Mapping[str, Any], find: Callable[[Service | Past], Prompt]) -> Response:
    """The prompt that *find* finds where a query says, with its newest content, as the query wants it."""
    source, is_fixed = source_of(query)
    if not query.get("resolve"):
        return conditional(reads.newest(service(), find(source), wanted(), is_fixed=is_fixed))

    def look() -> tuple[Prompt, Version]:
        prompt = find(source)
        return prompt, prompt.newest

    return conditional(reads.composed(service(), look, past_of(source), is_fixed=is_fixed))


def past_of(source: Service | Past) -> Past | None:
    """What `source_of` gives, if it is a state of the past."""
    return source if isinstance(source, Past) else None


def attribution_of(body: dict[str, Any]) -> Attribution:
    """The attribution of the write that Flask's request asks for.

    Its description and author are in the body, its precondition and idempotency key in headers; its committer and its
    rights are those of the credential.
    """
    who = body.get("author")
    author = Author(**who) if who else None
    caller = access.who_asks()
    return Attribution(
        body.get("description", ""),
        author,
        precondition(),
        caller.committer,
        caller.rights,
        body.get("override", False),
        requested(),
        body.get("force", False),
    )


def precondition() -> Precondition | None:
    """The precondition in the request's If-Match (RFC 9110, 13.1.1); None: there is no such header.

    A strong tag matches if it is the prompt's ETag, or the number of the prompt's newest version.
    """
    if "If-Match" not in request.headers:
        return None
    tags = request.if_match
    strong, both = (set(filter(None, tags.as_set(include_weak))) for include_weak in (False, True))

    def matches(prompt: Prompt) -> bool:
        newest = str(prompt.newest.number), prompt.newest.commit
        if tags.star_tag or any(_version_in(tag) in newest for tag in strong):
            return True
        if any(_version_in(tag) in newest for tag in both):
            raise WeakETag(prompt.name, prompt.newest.number)
        return False

    return matches


def must_create() -> bool:
    """True for `If-None-Match: *` (RFC 9110, 13.1.2).

    Raises:
        Invalid: it names versions.
    """
    if "If-None-Match" not in request.headers:
        return False
    if not request.if_none_match.star_tag:
        raise Invalid("If-None-Match", "can only be * in a write, which creates only; If-Match names a version")
    return True


def expect_no_precondition(instead: str) -> None:
    """Refuse If-Match and If-None-Match, which would say nothing of a request about many prompts.

    Raises:
        Invalid
    """
    for header in ("If-Match", "If-None-Match"):
        if header in request.headers:
            raise Invalid(header, f"says nothing here: {instead}")


def _version_in(tag: str) -> str:
    """The version that an ETag names: its commit, or its number.

    After a commit, '.' and a digest stand for a rename or labels, which make no newer version; '-gzip' and the like are
    appended by Apache's mod_deflate.
    """
    return _SUFFIX.sub("", tag)


def wanted() -> str | None:
    """For the sake of which version the request is sent, for the counts of usage alone; None: it does not say."""
    return request.headers.get("Promptgit-Wants")


def count_reads(*served: Served) -> None:
    """Count what the answer has as read, once it is answered with 200 or 304."""
    request.environ[SERVED] = request.environ.get(SERVED, ()) + served


def conditional(read: reads.Read) -> Response:
    """A read, or 304 if the client has it already (RFC 9110, 13.1.2)."""
    count_reads(*read.served)
    if request.if_none_match.contains_weak(read.headers["ETag"][1:-1]):
        return Response(status=304, headers=read.headers)
    return Response(read.body(), headers=read.headers)


def whole(prompt: Prompt, content: bytes | str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A prompt with its newest content."""
    body = answers.prompt(prompt) | answers.content(content)
    return answers.json(body, status, {"ETag": f'"{answers.etag(prompt)}"'} | (headers or {}))
