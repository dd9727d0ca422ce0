"""Who refers to what a form is about to remove or to rename."""

from __future__ import annotations

from promptgit.domain.models import Prompt
from promptgit.http.web.pages import service
from promptgit.service.references import UsedBy


def used_by(prompt: Prompt, label: str | None = None) -> list[UsedBy]:
    """The versions of other prompts that refer to a prompt, or to one label of it."""
    _, users = service().references.of(prompt)
    return [user for user in users if user.prompt.id != prompt.id and label in (None, user.reference.label)]
