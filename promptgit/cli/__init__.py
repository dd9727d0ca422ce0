"""The command line."""

from promptgit.cli.base import main

__all__ = ["main"]
