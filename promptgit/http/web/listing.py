"""The list of prompts: by folder, found by text, filtered by label, author and tag, sorted by name or by change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from flask import render_template, url_for

from promptgit.domain.labels import LATEST
from promptgit.domain.models import Prompt
from promptgit.http.web import hits, moments
from promptgit.http.web.pages import asked, blueprint, catalogue, number_in, service
from promptgit.service.catalogue import MOST_COUNTED, Choices
from promptgit.store.index.selections import Selection

_PROMPTS = 50
_LEVELS = 50  # of folders
_COLUMNS = 3  # of labels, in addition to `latest`
_BY_CHANGE = "change"
_FILTERS = {"label": "Label", "author": "Changed by", "tag": "Tag"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; *filters* are those of `_FILTERS` that are set, by the name of their parameter."""

    folder: str
    q: str
    filters: Mapping[str, str]
    is_by_change: bool
    after: str
    moment: moments.Moment | None

    @property
    def selection(self) -> Selection:
        """The prompts that are asked for."""
        return Selection(prefix=self.folder or None, q=self.q or None, **self.filters)

    def address(self, **changed: str | None) -> str:
        """The address of this list from its start, with some parameters changed; None: without one."""
        parameters = {
            "folder": self.folder[:-1],
            "q": self.q,
            **self.filters,
            "sort": _BY_CHANGE if self.is_by_change else None,
            "at": self.moment and self.moment.asked,
        }
        wanted: dict[str, Any] = {name: value for name, value in (parameters | changed).items() if value}
        return url_for("web.index", **wanted)


def _asked_for() -> Asked:
    folder = f"{path}/" if (path := asked("folder")[:1000].strip("/")) else ""
    moment = moments.asked_for()
    if moment is not None:  # only the newest texts can be searched, and what is now can be filtered and sorted
        return Asked(folder, "", {}, False, asked("after"), moment)
    filters = {
        name: value for name in _FILTERS if (value := asked(name).strip()) and (name, value) != ("label", LATEST)
    }
    return Asked(folder, asked("q").strip(), filters, asked("sort") == _BY_CHANGE, asked("after"), None)


@blueprint.get("/")
def index() -> str:
    """The folder tree and a list of prompts."""
    wanted = _asked_for()
    found = _found(wanted)
    prompts = found[:_PROMPTS]
    is_narrowed = bool(wanted.q or wanted.filters)
    levels = ["", *accumulate(f"{segment}/" for segment in wanted.folder.split("/")[:-1])][:_LEVELS]
    columns = [] if wanted.q else _columns(prompts)
    return render_template(
        "web/list.html",
        prompts=prompts,
        following=_mark(prompts[-1], wanted) if len(found) > _PROMPTS else None,
        count=catalogue().count(wanted.selection) if wanted.moment is None else None,
        folder=wanted.folder,
        tree={level: catalogue().folders(level) for level in levels} if wanted.moment is None else {"": []},
        most_counted=MOST_COUNTED,
        q=wanted.q,
        filters=wanted.filters,
        filter_names=_FILTERS,
        choices=catalogue().choices() if wanted.moment is None else Choices([], [], []),
        is_by_change=wanted.is_by_change,
        is_narrowed=is_narrowed,
        after=wanted.after,
        moment=wanted.moment,
        address=wanted.address,
        columns=columns,
        others={prompt.id: sorted(set(prompt.labels) - {*columns}) for prompt in prompts},
        name_of=lambda prompt: hits.in_name(prompt.name, wanted.q),
        hit_in=_hits(wanted.q),
    )


def _found(wanted: Asked) -> list[Prompt]:
    """The prompts of the page, and one more if more follow."""
    limit = _PROMPTS + 1
    if wanted.moment is not None:
        return wanted.moment.past.list(prefix=wanted.folder or None, after=wanted.after or None, limit=limit)
    if not wanted.is_by_change:
        return catalogue().by_name(wanted.selection, after=wanted.after or None, limit=limit)
    seconds, _, name = wanted.after.partition(" ")
    number = number_in(seconds.removeprefix("-"), -1)
    after = (-number if seconds.startswith("-") else number, name) if number >= 0 else None
    return catalogue().by_change(wanted.selection, after=after, limit=limit)


def _mark(last: Prompt, wanted: Asked) -> str:
    """Where the next page begins: behind a name, or a time and a name; it stays there if that prompt changes."""
    return f"{last.newest.seconds} {last.name}" if wanted.is_by_change else last.name


def _columns(prompts: Sequence[Prompt]) -> list[str]:
    """The labels that have columns: those that most of the prompts have, sorted by how many."""
    counted = Counter(label for prompt in prompts for label in prompt.labels)
    return sorted(counted, key=lambda label: (-counted[label], label))[:_COLUMNS]


def _hits(q: str) -> Callable[[Prompt], Any]:
    return lambda prompt: hits.found(service().content(prompt.newest).decode(errors="replace"), q) if q else None
