"""Git-backed versions for prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptgit.client import AsyncClient as AsyncClient
    from promptgit.client import Client as Client

__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> object:
    """The clients, which the server needs not, and the version, when they are asked for (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("promptgit-registry")
    if name in __all__:
        from promptgit import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
