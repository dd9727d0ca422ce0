"""Problem documents become the service's own exceptions; and the errors that only a client has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from promptgit import errors
from promptgit.errors import PromptgitError, Unavailable, UnusableRepository

GATEWAY = (502, 503, 504)
"""Statuses with which a proxy, or the service, says that it cannot answer now."""


@dataclass(eq=False)
class ServerAway(Unavailable):
    """The server cannot be reached, or does not answer; *sent*: it may have received the request."""

    code = "server_away"
    sentence = "The server does not answer: {self.reason}"
    reason: str
    sent: bool = True


@dataclass(eq=False)
class HttpError(PromptgitError):
    """The server answers with an error that has no exception of its own; `code` is the server's word for it."""

    sentence = "{self.detail}"
    status: int
    detail: str
    code: str = "http_error"


@dataclass(eq=False)
class MissingVariable(PromptgitError):
    """A prompt was compiled without some of its variables."""

    code = "missing_variable"
    name: str
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name!r} needs a value for {', '.join(self.missing)}."


@dataclass(eq=False)
class UnknownVariable(PromptgitError):
    """A prompt was compiled, with `strict`, with values for variables that it does not have."""

    code = "unknown_variable"
    name: str
    unknown: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name!r} has no variable {', '.join(self.unknown)}."


KINDS: dict[str, type[PromptgitError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, PromptgitError) and kind is not PromptgitError
}
"""The exceptions of the service, by the code in a problem document."""

# Which member of a problem document is which attribute of the exception.
_MEMBERS = {
    "current_version": "current",
    "version_number": "newest",
    "prompt_id": "prompt_id",
    "name": "name",
    "missing": "missing",
    "referenced_by": "by",
}


class _Reported(PromptgitError):
    """An exception of the service, made from a problem document; it has only the data that the document has."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        self.problem = problem
        self.status, self.detail = problem.get("status"), str(problem.get("detail", ""))
        for member, attribute in _MEMBERS.items():
            if member in problem:
                setattr(self, attribute, problem[member])
        for self.field, reasons in dict(problem.get("errors") or {}).items():
            self.reason = " ".join(map(str, reasons))

    def __str__(self) -> str:
        return self.detail

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.problem!r})"

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
        _ = problem["code"], problem["detail"], int(problem["status"])
    except (ValueError, KeyError, TypeError):  # from a proxy, or from another service
        if status in GATEWAY:
            return ServerAway(f"it is answered with {status} in its place.")
        return HttpError(status, f"The server answers with {status}: {_first_line(body)}")
    if isinstance(told := problem.get("errors"), dict) and told and all(isinstance(one, dict) for one in told.values()):
        return errors.ChangesRefused({int(at): _of_problem(one) for at, one in told.items()})
    return _of_problem(problem)


def _of_problem(problem: Mapping[str, Any]) -> PromptgitError:
    code = str(problem["code"])
    return _reported(problem) if code in KINDS else HttpError(int(problem["status"]), str(problem["detail"]), code)


def is_away(error: PromptgitError) -> bool:
    """True if an error says nothing about the prompt, but that the server cannot answer now."""
    return isinstance(error, Unavailable | UnusableRepository) or (isinstance(error, HttpError) and error.status >= 500)


def _first_line(body: bytes) -> str:
    lines = body[:1000].decode(errors="replace").strip().splitlines()
    return lines[0][:200] if lines else "no text."
