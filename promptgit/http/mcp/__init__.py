"""The prompts of the Model Context Protocol, without sessions, for clients of its revisions of 2025 and of 2026."""

from promptgit.http.mcp.routes import blueprint

__all__ = ["blueprint"]
