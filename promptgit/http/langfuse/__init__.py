"""The prompts of Langfuse's public API, so that its SDKs work with nothing but another host."""

from promptgit.http.langfuse.problems import faced
from promptgit.http.langfuse.routes import blueprint

__all__ = ["blueprint", "faced"]
