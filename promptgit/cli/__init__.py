"""The command line."""

from promptgit.cli import histories, serve, tokens
from promptgit.cli.base import main

__all__ = ["histories", "main", "serve", "tokens"]
