"""A prompt that items of one request are about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from promptgit.domain import names
from promptgit.domain.history import Event, FileChange
from promptgit.domain.models import Prompt, Removal
from promptgit.errors import NameNotFound
from promptgit.service import checks
from promptgit.service.items import Item, Save
from promptgit.service.plans import Files, Plan
from promptgit.store.git.hashing import object_id
from promptgit.store.git.objects import BLOB


@dataclass(eq=False, slots=True)
class Subject:
    """A prompt that items are about, as it is before the commit, and what the commit does to it.

    *name*, *number* and *lives* are as the commit leaves them; *event* is what it is meant to be in the history.
    """

    before: str
    prompt: Prompt | None
    removal: Removal | None
    name: str
    number: int
    lives: bool
    main: int | None = None
    pointed: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    plan: Plan | None = None
    event: Event | None = None
    labels: Files = field(default_factory=dict)
    checks: Files = field(default_factory=dict)

    @property
    def is_named_anew(self) -> bool:
        """True if the commit gives it a name that was free before."""
        return self.plan is not None and self.lives and (not self.was_living or self.name != self.before)

    @property
    def was_living(self) -> bool:
        """True if it is there before the commit."""
        return self.prompt is not None and self.removal is None

    def about_itself(self) -> list[int]:
        """The index of the item that saves, renames, deletes or restores it, if there is one."""
        return [] if self.main is None else [self.main]

    @property
    def files(self) -> Files:
        """All files of it that the commit changes."""
        return (self.plan.files if self.plan else {}) | self.labels | self.checks

    def file_changes(self) -> Iterator[FileChange]:
        """What the commit does to the prompt's own file, as the history sees it."""
        for path, content in self.plan.files.items() if self.plan else ():
            if path.startswith(names.ROOT):
                old = self.prompt.newest.blob if self.prompt and self.was_living and path == self.prompt.path else None
                yield FileChange(
                    path.encode(), old, object_id(BLOB, content) if isinstance(content, bytes) else content
                )

    def expect_living(self) -> Prompt:
        """The prompt, which is there before the commit."""
        assert self.prompt is not None
        return checks.expect_living(self.prompt, self.removal)

    def expect_seen(self, item: Item) -> None:
        """Refuse an item whose caller has not seen this state.

        Raises:
            StaleVersion: it is there in another version, or is there at all.
            PromptDeleted, NameNotFound: it is not there.
        """
        if item.if_match is None:
            return
        if item.if_match == 0:
            if self.was_living:
                checks.expect_seen(self.expect_living(), lambda _: False)
            return
        if self.prompt is None:
            raise NameNotFound(self.before)
        if isinstance(item.action, Save):
            self.expect_living()
        checks.expect_seen(self.prompt, lambda prompt: prompt.newest.number == item.if_match)
