"""The hottest reads, answered without Flask, which would take three quarters of their time.

Anything unusual (another query, a list of ETags) is left to the full application; this module has no rule of its own.
An error of a read that is understood here is answered here, so that nothing is looked up twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from promptgit.deferral import AT_ONCE, Deferred
from promptgit.domain.formats import SUFFIXES
from promptgit.domain.models import Prompt, Version
from promptgit.http.api import litellm, problems, reads
from promptgit.http.api.context import uuid_of
from promptgit.http.observed import ROUTE, SERVED
from promptgit.service.service import Service

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PATH = re.compile(
    r"/api/(?:names/([^/].*)|prompts/([0-9a-f-]{36})(?:/(versions)(?:/([1-9][0-9]*)(/content)?)?)?)",
    re.ASCII | re.DOTALL,
)
_PAGE = re.compile(
    r"limit=(?:[1-9][0-9]{0,2}|1000)(?:&order=(?:asc|desc))?(?:&(?:after|before)=(?:0|[1-9][0-9]{0,8}))?", re.ASCII
)


_SHORT = 1 << 13  # bytes of a content that is converted here
_FORMATS = {f"format={name}": name for name in SUFFIXES}
_RESOLVED = "resolve=true"


def is_quick(environ: WSGIEnvironment) -> bool:
    """True if `Direct` may answer this request: a server can then ask AT_ONCE, on its event loop."""
    path = environ["PATH_INFO"]
    if path.endswith(litellm.ADDRESS):
        return bool(environ["REQUEST_METHOD"] == "GET")
    begin = max(path.find("/api/"), 0)  # a proxy may have left its URL prefix before it
    return environ["REQUEST_METHOD"] == "GET" and _PATH.fullmatch(path, begin) is not None


class Direct:
    """WSGI middleware that answers the hottest reads, and leaves all other requests to *rest*."""

    def __init__(self, rest: WSGIApplication, service: Service) -> None:
        self._rest = rest
        self._service = service

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer what can be answered here (PEP 3333)."""
        at_once = bool(environ.get(AT_ONCE))
        if at_once and environ["QUERY_STRING"] == _RESOLVED:
            raise Deferred  # many texts with much front matter may take a second
        path = environ["PATH_INFO"]
        address = _PATH.fullmatch(path)
        if environ["REQUEST_METHOD"] == "GET" and (address or path == litellm.ADDRESS):
            route = _route(address) if address else path
            try:
                with self._service.without_waiting() if at_once else nullcontext():
                    answer = self._answer(address, environ)
            except Exception as error:
                environ[ROUTE] = route
                return problems.of_exception(error, "GET", path)(environ, start_response)
            if answer is not None:
                environ[ROUTE] = route
                status, headers, body = answer
                start_response(status, headers)
                return [body]
        if at_once:
            raise Deferred  # the rest may block, which an event loop must not
        return self._rest(environ, start_response)

    def _answer(
        self, address: re.Match[str] | None, environ: WSGIEnvironment
    ) -> tuple[str, list[tuple[str, str]], bytes] | None:
        read = self._read(address, environ) if address else litellm.quick(self._service, environ["QUERY_STRING"])
        if read is None:
            return None
        condition = environ.get("HTTP_IF_NONE_MATCH") if "ETag" in read.headers else None
        if condition is not None and condition != read.headers["ETag"]:
            return None
        environ[SERVED] = read.served
        if condition is not None:
            return "304 NOT MODIFIED", [header for header in read.headers.items() if header[0] != "Content-Type"], b""
        body = read.body()
        return "200 OK", [*read.headers.items(), ("Content-Length", str(len(body)))], body

    def _read(self, address: re.Match[str], environ: WSGIEnvironment) -> reads.Read | None:
        name, given, versions, number, content = address.groups()
        query, wanted = environ["QUERY_STRING"], environ.get("HTTP_PROMPTGIT_WANTS")
        prompt_id = "" if name else uuid_of(given)
        if versions and not number:
            if not _PAGE.fullmatch(query):
                return None
            path = environ.get("SCRIPT_NAME", "") + address.string
            return reads.page(self._service, prompt_id, path, dict(parse_qsl(query)))
        if content and (format_ := _FORMATS.get(query)):
            read = reads.content(self._service, self._service.version(prompt_id, number))
            # A long one could hold the event loop for a second.
            return reads.content_as(read, format_) if len(read.body()) <= _SHORT else None
        resolve = query == _RESOLVED
        if query and not resolve:
            return None
        if resolve:
            return self._composed(name, prompt_id, number, is_content=bool(content))
        if number:
            version = self._service.version(prompt_id, number)
            return reads.content(self._service, version) if content else reads.version(self._service, version, wanted)
        prompt = self._service.named(_text(name)) if name else self._service.get(prompt_id)
        return reads.newest(self._service, prompt, wanted)

    def _composed(self, name: str | None, prompt_id: str, number: str | None, *, is_content: bool) -> reads.Read:
        def look() -> tuple[Prompt, Version]:
            prompt = self._service.named(_text(name)) if name else self._service.get(prompt_id)
            return prompt, prompt.newest

        if not number:
            return reads.composed(self._service, look)
        version = partial(self._service.with_version, prompt_id, number)
        if is_content:
            return reads.content_composed(self._service, version)
        return reads.composed(self._service, version, of_version=True)


def _text(path: str) -> str:
    """A part of PATH_INFO, which has its bytes in Latin-1 (PEP 3333)."""
    return path.encode("latin-1").decode(errors="replace")


def _route(address: re.Match[str]) -> str:
    """The rule of an address, as Flask would have it."""
    name, _, versions, number, content = address.groups()
    if name:
        return "/api/names/<path:name>"
    return f"/api/prompts/<prompt_id>{'/versions' if versions else ''}{'/<number>' if number else ''}{content or ''}"
