"""The command line."""

from promptgit.cli import backups, histories, serve, tokens, upkeep, verify
from promptgit.cli.base import main

__all__ = ["backups", "histories", "main", "serve", "tokens", "upkeep", "verify"]
