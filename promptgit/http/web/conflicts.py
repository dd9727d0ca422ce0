"""A form that was opened at an older version than the newest one: their change, my text, and both as one.

The page of a conflict offers three texts: mine, theirs, and a merge where both changed different lines. Its form keeps
mine, and the version that mine was made from, until something is saved.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from promptgit.domain.models import Prompt, Version
from promptgit.errors import VersionNotFound
from promptgit.http.web import lines
from promptgit.http.web.forms import field
from promptgit.http.web.pages import service
from promptgit.http.web.reading import between
from promptgit.http.web.shown import Content
from promptgit.store.git.merging import merged


def opened(prompt: Prompt) -> Version:
    """The version that the page showed when the form was opened; the newest version if the form does not name one."""
    if (version := _version(prompt, field("version"))) and version.commit == field("commit"):
        return version
    return prompt.newest


@dataclass(frozen=True, slots=True)
class Conflict:
    """What a person wrote on top of version *base*, while others saved *newest*.

    *texts* are those to choose from: `mine`, `theirs`, and `both` where they can be merged. *chosen* is the one that
    the text area begins with; None: what it had.
    """

    base: Version
    newest: Version
    texts: dict[str, str]
    chosen: str | None

    @property
    def change(self) -> dict[str, Any]:
        """Their change, as the values of a template that shows a difference."""
        return between(self.base, self.newest)


def found(prompt: Prompt, sent: str) -> Conflict | None:
    """The conflict between a form, which sent *sent* as its text, and the prompt's newest version; None: there is none.

    It is new if the newest version is not the one that the form was opened at. Otherwise it is the one that the form
    was already shown with, if any.
    """
    seen, base, take = opened(prompt), _version(prompt, field("base")), field("take")
    is_new = seen.commit != prompt.newest.commit and not (base and take)  # who takes another text gives up the area's
    if is_new:
        base = seen
    if base is None or base.commit == prompt.newest.commit:
        return None
    old, theirs = (Content(service().content(version)) for version in (base, prompt.newest))
    texts = {"mine": sent if is_new else lines.restored(field("mine"), old.text), "theirs": theirs.text}
    if old.is_utf8 and theirs.is_utf8:
        both = merged(old.data, texts["mine"].encode(), theirs.data)
        if both is not None:
            texts["both"] = both.decode()
    chosen = ("both" if "both" in texts else "mine") if is_new else take
    return Conflict(base, prompt.newest, texts, chosen if chosen in texts else None)


def _version(prompt: Prompt, number: str) -> Version | None:
    with suppress(VersionNotFound):
        return service().version(prompt.id, number)
    return None
