"""The answers to the hottest reads, for the views and for `direct`: headers, and a function that makes the body."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from promptgit.domain import prompt_formats
from promptgit.domain.labels import LATEST
from promptgit.domain.models import Prompt, Version
from promptgit.domain.usage import Served
from promptgit.http.api import answers
from promptgit.service.past import Past
from promptgit.service.service import Service

TOTAL = "X-Total-Count"  # of all versions
DROPPED = "Promptgit-Dropped"  # what a file of another format cannot say
_HEADER_BYTES = 2_000
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_KEPT = "private, max-age=31536000, immutable"  # for a year: the bytes of a commit, and what it left, never change
_ASKED_AGAIN = "private, no-cache"  # what later commits change: labels, names, the newest version


class Read(NamedTuple):
    """The answer to a GET that finds what it asks for; *body* is not called for a 304.

    *served* is what counts as read.
    """

    headers: dict[str, str]
    body: Callable[[], bytes]
    served: tuple[Served, ...] = ()


def newest(service: Service, prompt: Prompt, wanted: str | None = None, *, is_fixed: bool = False) -> Read:
    """A prompt with its newest content; *is_fixed*: as of a commit, so that nothing changes it.

    *wanted* is the request's `Promptgit-Wants`: the label or the number of a version for whose sake it is asked for.
    """
    return Read(
        cached(answers.etag(prompt), _KEPT if is_fixed else _ASKED_AGAIN, answers.JSON),
        lambda: answers.dumps(answers.prompt(prompt) | answers.content(service.content(prompt.newest))),
        (Served(prompt.id, prompt.newest.number, LATEST),) if wanted is None else _wanted(prompt, wanted),
    )


def _wanted(prompt: Prompt, wanted: str) -> tuple[Served, ...]:
    kind, _, which = wanted.partition("=")
    if kind == "label" and which in prompt.labels:
        return (Served(prompt.id, prompt.labels[which], which),)
    if kind == "version" and _NUMBER.fullmatch(which) and int(which) <= prompt.newest.number:
        return (Served(prompt.id, int(which), ""),)
    return ()


def version(
    service: Service, found: Version, wanted: str | None = None, *, label: str = "", is_fixed: bool = False
) -> Read:
    """A version with its content; *is_fixed*: with the labels as of a commit, so that nothing changes it.

    *label* is the one that it was asked for by. With `Promptgit-Wants` it was counted with its prompt's newest version.
    """
    return Read(
        cached(answers.version_etag(found), _KEPT if is_fixed else _ASKED_AGAIN, answers.JSON),
        lambda: answers.dumps(answers.version(found) | answers.content(service.content(found))),
        (Served(found.prompt_id, found.number, label),) if wanted is None else (),
    )


def composed(
    service: Service,
    look: Callable[[], tuple[Prompt, Version]],
    past: Past | None = None,
    *,
    of_version: bool = False,
    label: str = "",
    is_fixed: bool = False,
) -> Read:
    """The same as `newest`, or *of_version*, of what *look* finds, now or in *past*, with all its references replaced.

    Raises:
        Unresolvable: they cannot be replaced.
    """
    found = service.references.compose(look, past)
    shown = answers.version(found.version) if of_version else answers.prompt(found.prompt)
    tag = answers.version_etag(found.version) if of_version else answers.etag(found.prompt)
    served = Served(found.version.prompt_id, found.version.number, label if of_version else LATEST)
    return Read(
        cached(answers.composed_etag(tag, found.put_in), _KEPT if is_fixed else _ASKED_AGAIN, answers.JSON),
        lambda: answers.dumps(shown | answers.content(found.data) | answers.resolved(found.put_in)),
        (served,),
    )


def content_composed(service: Service, look: Callable[[], tuple[Prompt, Version]]) -> Read:
    """The same as `content`, with all its references replaced.

    Raises:
        Unresolvable: they cannot be replaced.
    """
    found = service.references.compose(look)
    tag = answers.composed_etag(found.version.commit, found.put_in)
    served = Served(found.version.prompt_id, found.version.number, "")
    return Read(cached(tag, _ASKED_AGAIN, "text/plain; charset=utf-8"), lambda: found.data, (served,))


def content(service: Service, found: Version) -> Read:
    """The bytes of a version's file."""
    return Read(
        cached(found.commit, _KEPT, "text/plain; charset=utf-8"),
        lambda: service.content(found),
        (Served(found.prompt_id, found.number, ""),),
    )


def content_as(read: Read, name: str) -> Read:
    """A content as another prompt file, of the format *name*. It is asked for again: a later promptgit may say more.

    Raises:
        Invalid: no such file can say the prompt.
    """
    data, dropped = prompt_formats.written(read.body(), name)
    told = {DROPPED: _list(dropped)} if dropped else {}
    digest = hashlib.sha256(data + repr(dropped).encode()).hexdigest()
    tag = f"{read.headers['ETag'][1:-1]}.{name}-{digest[:16]}"
    return Read(cached(tag, _ASKED_AGAIN, "text/plain; charset=utf-8") | told, lambda: data, read.served)


def _list(texts: Sequence[str]) -> str:
    """A JSON array in ASCII, of as many texts as a header holds."""
    told: list[str] = []
    for text in texts:
        more = f"and {len(texts) - len(told)} more"
        if len(json.dumps([*told, text, more])) > _HEADER_BYTES:
            return json.dumps([*told, more])
        told.append(text)
    return json.dumps(told)


def blame(service: Service, found: Version) -> Read:
    """Who wrote each line of a version."""
    return Read(
        cached(found.commit, _KEPT, answers.JSON),
        lambda: answers.dumps([answers.lines(lines) for lines in service.blame.of(found)]),
    )


def page(service: Service, prompt_id: str, path: str, query: dict[str, str]) -> Read:
    """A page of a prompt's versions; *path* and *query* are those of the request, with a limit."""
    prompt, _ = service.find(prompt_id)
    newest_first = query.get("order") == "desc"
    after, before = (int(query[edge]) if edge in query else None for edge in ("after", "before"))
    found = list(
        service.versions_json(prompt, after=after, before=before, limit=int(query["limit"]), newest_first=newest_first)
    )
    headers = {"Content-Type": answers.JSON, TOTAL: str(prompt.newest.number)}
    if found and (last := found[-1][1]) is not None:
        headers |= answers.next_link(path, query, **{"before" if newest_first else "after": last})
    return Read(headers, lambda: b"[" + ",".join(text for text, _ in found).encode() + b"]")


def cached(tag: str, cache_control: str, media_type: str) -> dict[str, str]:
    """The headers of an answer that a client can ask for again with its ETag, *tag*."""
    return {"Content-Type": media_type, "ETag": f'"{tag}"', "Cache-Control": cache_control}
