"""The verbs of the API that read, as steps: what is sent, and what the answers mean. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, urlsplit

from promptgit.client.errors import refusal
from promptgit.client.reference_values import References
from promptgit.client.retries import Retries, expect
from promptgit.client.steps import Page, Request, Response, Steps, T
from promptgit.client.values import (
    At,
    Diff,
    FeedEntry,
    Label,
    LabelMove,
    Lines,
    OtherFile,
    Prompt,
    Usage,
    Version,
    moment,
)
from promptgit.domain.labels import is_label
from promptgit.domain.names import parse_id
from promptgit.errors import HeadLost, LabelNotFound, NameNotFound, PromptDeleted, PromptNotFound

ALL, NAMES = "/api/prompts", "/api/names"
HEAD = "Promptgit-Head"
_DROPPED = "promptgit-dropped"
_WANTS = "Promptgit-Wants"
_ANSWER_SECONDS = 30.0  # for an answer, in addition to the seconds for which the server was asked to wait

# Named here, because a class with a method `list` has no `list` to annotate with.
Labels: TypeAlias = list[Label]
LabelMoves: TypeAlias = list[LabelMove]
Blamed: TypeAlias = list[Lines]
Used: TypeAlias = list[Usage]


class Lookups:
    """Reads of prompts. Each verb takes a prompt's name or id, and raises the service's errors (promptgit.errors)."""

    def __init__(self, retries: Retries, clock: Callable[[], float]) -> None:
        self._retries = retries
        self._clock = clock
        self._head = ""  # the highest Promptgit-Head that an answer had

    def find(self, prompt: str, *, at: At | None = None) -> Steps[str]:
        """The id of a prompt, deleted or not: of the one that has the name, or that had it last; or had it as of *at*.

        *at* is a commit's full id or a time (RFC 3339, or aware), here and in the other verbs.
        """
        known = parse_id(prompt)
        if known is not None:
            return known
        answer = yield from self._answer(Request("GET", address_of(prompt), _as_of(at), headers={_WANTS: "id"}))
        try:
            with not_found_as(prompt):
                return str(expect(answer).json()["id"])
        except PromptDeleted as deleted:
            return deleted.prompt_id

    def newest(
        self, prompt: str, etag: str = "", *, at: At | None = None, resolve: bool = False, wants: str = ""
    ) -> Steps[tuple[Prompt, str] | None]:
        """A prompt with its newest content, and its ETag; None if its ETag is still *etag*.

        With *resolve*, here and below, prompts within it are put in. *wants* is the version for whose sake it is asked
        for, as the server counts it: `label=NAME` or `version=N`.
        """
        query = _as_of(at) | _resolving(resolve)
        headers = ({"If-None-Match": etag} if etag else {}) | ({_WANTS: wants} if wants else {})
        with not_found_as(prompt):
            answer = yield from self._send("GET", address_of(prompt), query=query, headers=headers)
        return None if answer.status == 304 else (Prompt.of(answer.json()), answer.headers.get("etag", ""))

    def version(self, prompt: str, number: int, *, resolve: bool = False) -> Steps[Version]:
        """One version with its content, also of a deleted prompt. Not cached."""
        where = yield from self._at(prompt, "versions", str(number))
        return Version.of((yield from self._send("GET", where, query=_resolving(resolve))).json())

    def at_label(self, prompt_id: str, label: str, *, at: At | None = None) -> Steps[Version]:
        """The version that a label points at, or pointed at, with prompts within it put in."""
        query = _as_of(at) | _resolving(True)
        where = f"{ALL}/{prompt_id}/labels/{quote(label, safe='')}"
        return Version.of((yield from self._send("GET", where, query=query)).json())

    def references(self, prompt: str) -> Steps[References]:
        """Which prompts a prompt uses, and where it is used: in newest and labelled versions of prompts."""
        where = yield from self._at(prompt, "references")
        return References.of((yield from self._send("GET", where)).json())

    def wanted(self, prompt_id: str, number: int, wants: str) -> Steps[Version]:
        """A version that `newest` was asked for with *wants*, so that the server counts one read."""
        return Version.of(
            (yield from self._send("GET", f"{ALL}/{prompt_id}/versions/{number}", headers={_WANTS: wants})).json()
        )

    def usage(self, prompt: str) -> Steps[Used]:
        """Who has read a prompt, deleted or not: which version, by which label, and how often on which day."""
        where = yield from self._at(prompt, "usage")
        return [Usage.of(value) for value in (yield from self._send("GET", where)).json()]

    def content(self, prompt: str, number: int) -> Steps[bytes]:
        """The bytes of a version, as they are: those of a version that was made with git need not be UTF-8."""
        where = yield from self._at(prompt, "versions", str(number), "content")
        return (yield from self._send("GET", where)).body

    def file_as(self, prompt: str, number: int, format: str) -> Steps[OtherFile]:  # noqa: A002  # as the API names it
        """A version as a file of another format: `dotprompt` or `prompty`."""
        where = yield from self._at(prompt, "versions", str(number), "content")
        answer = yield from self._send("GET", where, query={"format": format})
        return OtherFile(answer.body, tuple(json.loads(answer.headers.get(_DROPPED, "[]"))))

    def blame(self, prompt: str, number: int) -> Steps[Blamed]:
        """Which version wrote each line of a version, in order: so many lines, and who wrote them.

        Lines end at LF alone, so `content(...).splitlines()` can have more.
        """
        where = yield from self._at(prompt, "versions", str(number), "blame")
        return [Lines.of(value) for value in (yield from self._send("GET", where)).json()]

    def diff(self, prompt: str, old: int, new: int) -> Steps[Diff]:
        """What changed from one version to another."""
        where = yield from self._at(prompt, "diff")
        value = (yield from self._send("GET", where, query={"from": str(old), "to": str(new)})).json()
        return Diff(value["diff"], value["additions"], value["deletions"])

    def list(
        self,
        *,
        prefix: str | None = None,
        q: str | None = None,
        label: str | None = None,
        content: bool = False,
        resolve: bool = False,
        at: At | None = None,
        page: int = 100,
    ) -> Steps[Page[Prompt]]:
        """The prompts, sorted by name; with *label*, those that have the label, each at the version it points at.

        *q* is searched for in names and contents, and not in those as of *at*. *page* is how many prompts one answer
        has, at most 1,000.
        """
        asked = {"prefix": prefix, "q": q, "label": label, "include": "content" if content or resolve else None}
        query = {key: value for key, value in asked.items() if value} | _as_of(at) | _resolving(resolve)
        query |= {"limit": str(page)}
        return (yield from self._page(ALL, query, Prompt.of))

    def versions(
        self,
        prompt: str,
        *,
        newest_first: bool = False,
        after: int | None = None,
        before: int | None = None,
        page: int = 500,
    ) -> Steps[Page[Version]]:
        """The versions of a prompt, deleted or not, between two numbers (both exclusive), without contents."""
        where = yield from self._at(prompt, "versions")
        edges = {key: str(value) for key, value in (("after", after), ("before", before)) if value is not None}
        query = {"limit": str(page), "order": "desc" if newest_first else "asc"} | edges
        return (yield from self._page(where, query, Version.of))

    def labels(self, prompt: str, *, at: At | None = None) -> Steps[Labels]:
        """Where the labels of a prompt point, or pointed as of *at*."""
        prompt_id = yield from self.find(prompt, at=at)
        answer = yield from self._send("GET", f"{ALL}/{prompt_id}/labels", query=_as_of(at))
        return [Label.of(value) for value in answer.json()]

    def label_history(self, prompt: str, label: str) -> Steps[LabelMoves]:
        """Every move of a label, oldest first."""
        if not is_label(label):
            raise LabelNotFound(prompt, label)
        where = yield from self._at(prompt, "labels", label, "history")
        return [LabelMove.of(value) for value in (yield from self._send("GET", where)).json()]

    def changes(
        self, *, after: str | None = None, commits: bool = False, wait: int = 0, page: int = 100
    ) -> Steps[Page[FeedEntry]]:
        """What was done after the commit *after* (None: ever), in order, up to now; with *commits*, whole commits.

        If there is nothing yet, the server waits for it for *wait* seconds, at most 30. *page* is how many changes, or
        commits, one answer has, at most 1,000. Types that this client does not know come too.

        Raises:
            CommitNotFound: `main` does not have *after*, or has it no more.
        """
        query = {"limit": str(page), "wait": str(wait)}
        query |= {"after": after} if after else {}
        query |= {"group": "commit"} if commits else {}
        return (yield from self._page("/api/changes", query, FeedEntry.of, wait + _ANSWER_SECONDS if wait else None))

    def _at(self, prompt: str, *below: str) -> Steps[str]:
        prompt_id = yield from self.find(prompt)
        return "/".join([ALL, prompt_id, *(quote(part, safe="") for part in below)])

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Steps[Response]:
        request = Request(method, path, query or {}, body, headers or {}, timeout)
        return expect((yield from self._answer(request)))

    def _answer(self, request: Request) -> Steps[Response]:
        """The answer to a request, from the state of the server that this client has seen, or a later one."""
        headed = replace(request, headers={**request.headers, HEAD: self._head}) if self._head else request
        answer = yield from self._retries.answer(headed, self._clock)
        if headed is not request and answer.status == 409 and isinstance(refusal(409, answer.body), HeadLost):
            self._head = ""  # `main` was rewritten: what this client has seen is gone
            answer = yield from self._retries.answer(request, self._clock)
        self._head = max(self._head, answer.headers.get(HEAD.lower(), ""), key=_place)
        return answer

    def _page(
        self, path: str, query: Mapping[str, str], of: Callable[[Mapping[str, Any]], T], timeout: float | None = None
    ) -> Steps[Page[T]]:
        answer = yield from self._send("GET", path, query=query, timeout=timeout)
        following = _next(answer.headers.get("link", ""))
        more = None if following is None else lambda: self._page(path, following, of, timeout)
        return Page([of(value) for value in answer.json()], more)


def _as_of(at: At | None) -> dict[str, str]:
    return {} if at is None else {"at": moment(at)}


def _resolving(resolve: bool) -> dict[str, str]:
    return {"resolve": "true"} if resolve else {}


def _next(link: str) -> dict[str, str] | None:
    """The query of the next page (RFC 8288). Its host is left out: a proxy may have another."""
    address, _, relation = link.partition(">")
    if 'rel="next"' not in relation:
        return None
    return dict(parse_qsl(urlsplit(address.lstrip("<")).query, keep_blank_values=True))


def _place(head: str) -> int:
    """The number of the commit in a Promptgit-Head; -1: it has none."""
    place = head.partition("-")[0]
    return int(place) if place.isascii() and place.isdigit() else -1


def address_of(prompt: str) -> str:
    """The address of a prompt by its name or id.

    Raises:
        PromptNotFound: no prompt can have this name, and as a part of an address it would lead elsewhere.
    """
    known = parse_id(prompt)
    if known is not None:
        return f"{ALL}/{known}"
    if {"", ".", ".."} & set(prompt.split("/")):
        raise PromptNotFound(prompt)
    return f"{NAMES}/{quote(prompt)}"


@contextmanager
def not_found_as(prompt: str) -> Iterator[None]:
    """Within, turn the server's NameNotFound into the PromptNotFound that an unknown id raises."""
    try:
        yield
    except NameNotFound:
        raise PromptNotFound(prompt) from None
