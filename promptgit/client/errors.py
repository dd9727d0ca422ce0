"""What a server tells as a problem document becomes the service's own exception; and what only a client meets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from promptgit import errors
from promptgit.errors import PromptgitError, Unavailable, UnusableRepository

_GATEWAY = (502, 503, 504)


class ServerAway(Unavailable):
    """The server cannot be reached, or does not answer; *sent*: it may have got the request."""

    code = "server_away"

    def __init__(self, reason: str, sent: bool = True) -> None:
        super().__init__(reason, sent)
        self.reason, self.sent = reason, sent

    def __str__(self) -> str:
        return f"The server does not answer: {self.reason}"


class HttpError(PromptgitError):
    """The server refuses with an error that has no exception of its own; `code` is its word for it."""

    code = "http_error"

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(status, code, detail)
        self.status, self.code, self.detail = status, code, detail

    def __str__(self) -> str:
        return self.detail


class MissingVariable(PromptgitError):
    """A prompt was compiled without some of its variables."""

    code = "missing_variable"

    def __init__(self, name: str, missing: tuple[str, ...]) -> None:
        super().__init__(name, missing)
        self.name, self.missing = name, missing

    def __str__(self) -> str:
        return f"{self.name!r} needs a value for {', '.join(self.missing)}."


KINDS: dict[str, type[PromptgitError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, PromptgitError) and kind is not PromptgitError
}
"""The exceptions of the service, by the code in a problem document."""

# Which member of a problem document is which attribute of the exception.
_MEMBERS = {"current_version": "current", "version_number": "newest", "prompt_id": "prompt_id", "name": "name"}


class _Reported(PromptgitError):
    """An exception of the service as a server told of it: `status`, `detail`, and the data that was told."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        Exception.__init__(self, problem)
        self.problem = problem
        self.status, self.detail = problem.get("status"), str(problem.get("detail", ""))
        for member, attribute in _MEMBERS.items():
            if member in problem:
                setattr(self, attribute, problem[member])
        for self.field, reasons in dict(problem.get("errors") or {}).items():
            self.reason = " ".join(map(str, reasons))

    def __str__(self) -> str:
        return self.detail

    def __reduce__(self) -> tuple[Any, ...]:
        return _reported, (self.problem,)


@cache
def _reported_kind(code: str) -> type[_Reported]:
    kind = KINDS[code]
    return type(kind.__name__, (_Reported, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})


def _reported(problem: Mapping[str, Any]) -> PromptgitError:
    return _reported_kind(problem["code"])(problem)


def refusal(status: int, body: bytes) -> PromptgitError:
    """The exception for an answer that is an error."""
    try:
        problem = json.loads(body)
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):  # from a proxy, or from another service
        if status in _GATEWAY:
            return ServerAway(f"it is answered with {status} in its place.")
        return HttpError(status, HttpError.code, f"The server answers with {status}: {_first_line(body)}")
    return _reported(problem) if code in KINDS else HttpError(status, code, detail)


def is_away(error: PromptgitError) -> bool:
    """Whether an error says nothing about the prompt: the server cannot answer now."""
    return isinstance(error, Unavailable | UnusableRepository) or (isinstance(error, HttpError) and error.status >= 500)


def _first_line(body: bytes) -> str:
    lines = body[:1000].decode(errors="replace").strip().splitlines()
    return lines[0][:200] if lines else "no text."
