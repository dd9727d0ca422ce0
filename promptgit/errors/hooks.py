"""What is refused of webhooks."""

from __future__ import annotations

from dataclasses import dataclass

from promptgit.errors.base import PromptgitError


@dataclass(eq=False)
class HookNotFound(PromptgitError):
    """No hook has this id."""

    code = "hook_not_found"
    hook_id: str

    def __str__(self) -> str:
        return f"No hook has the id {self.hook_id[:60]!r}. See 'promptgit hook list'."


@dataclass(eq=False)
class UnusableHooks(PromptgitError):
    """The file of the hooks cannot be read; until it can, nothing is delivered."""

    code = "unusable_hooks"
    sentence = "The hooks in {self.path} cannot be read: {self.reason}. Fix the file, or its owner."
    path: str
    reason: str
