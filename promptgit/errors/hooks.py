"""What is refused of webhooks."""

from __future__ import annotations

from promptgit.errors.base import PromptgitError


class HookNotFound(PromptgitError):
    """No hook has this id."""

    code = "hook_not_found"

    def __init__(self, hook_id: str) -> None:
        super().__init__(hook_id)
        self.hook_id = hook_id

    def __str__(self) -> str:
        return f"No hook has the id {self.hook_id[:60]!r}. See 'promptgit hook list'."


class UnusableHooks(PromptgitError):
    """The file of the hooks cannot be read; until it can, nothing is delivered."""

    code = "unusable_hooks"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"The hooks in {self.path} cannot be read: {self.reason}. Mend the file, or its owner."
