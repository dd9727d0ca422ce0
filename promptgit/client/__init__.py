"""The Python client: the verbs of the HTTP API, with the service's own errors.

Generators that do no I/O say what is sent to the server and what its answers mean (`verbs`, `reads`);
`Client` and `AsyncClient` do the I/O for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from promptgit.client.changes import Changes
from promptgit.client.commit_values import ChangeResult, Committed, Promoted, Promotion
from promptgit.client.errors import HttpError, MissingVariable, ServerAway, UnknownVariable
from promptgit.client.reference_values import References, Use, UsedBy
from promptgit.client.release_values import Approval, AskedCheck, Check, Deed, Gate, Release, Rules
from promptgit.client.retries import Retries
from promptgit.client.synchronous import Client
from promptgit.client.values import (
    Diff,
    FeedEntry,
    Label,
    LabelMove,
    Lines,
    OtherFile,
    Prompt,
    ReleaseItem,
    ResolvedReference,
    Usage,
    Version,
)
from promptgit.domain.inputs import Input
from promptgit.domain.models import Author

if TYPE_CHECKING:
    from promptgit.client.asynchronous import AsyncClient as AsyncClient

__all__ = [
    "Approval",
    "AskedCheck",
    "AsyncClient",
    "Author",
    "ChangeResult",
    "Changes",
    "Check",
    "Client",
    "Committed",
    "Deed",
    "Diff",
    "FeedEntry",
    "Gate",
    "HttpError",
    "Input",
    "Label",
    "LabelMove",
    "Lines",
    "MissingVariable",
    "OtherFile",
    "Promoted",
    "Promotion",
    "Prompt",
    "References",
    "Release",
    "ReleaseItem",
    "ResolvedReference",
    "Retries",
    "Rules",
    "ServerAway",
    "UnknownVariable",
    "Usage",
    "Use",
    "UsedBy",
    "Version",
]


def __getattr__(name: str) -> object:
    """AsyncClient, imported at its first use: asyncio takes a third of the time in which a command is imported."""
    if name == "AsyncClient":
        from promptgit.client import asynchronous

        return asynchronous.AsyncClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
