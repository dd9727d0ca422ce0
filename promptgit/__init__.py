"""Git-backed versions for prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptgit.client import AsyncClient as AsyncClient
    from promptgit.client import Client as Client

__all__ = ["AsyncClient", "Client"]


def __getattr__(name: str) -> object:
    """The clients, imported when they are asked for: the server needs none (PEP 562)."""
    if name in __all__:
        from promptgit import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
