"""Where a label, or `latest`, points below a folder of names: what promotions and releases take from it."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from promptgit.domain import labels, names
from promptgit.domain.models import Prompt
from promptgit.errors import Invalid, InvalidName
from promptgit.store.index import queries


class Source(NamedTuple):
    """A label to follow, or `latest`, and the beginning of the names of the prompts for which it is; "" for all."""

    label: str
    folder: str

    def ahead_of(self, index: sqlite3.Connection, label: str) -> list[Prompt]:
        """The prompts that *label* does not show as the source does, by name, each at the version of the source."""
        where = queries.Where(prefix=self.folder or None, label=None if self.label == labels.LATEST else self.label)
        found = queries.list_prompts(index, where, limit=queries.ALL)
        return [prompt for prompt in found if prompt.labels.get(label) != prompt.newest.number]


def source(label: str, prefix: str) -> Source:
    """A label to follow, and a folder of names (which may end in `/`) below which it is followed; "" for all.

    Raises:
        Invalid: there can be no such label, or no name begins so.
    """
    if not labels.is_label(label):
        raise Invalid("from", "is no label; give one, such as 'staging', or 'latest'")
    if not prefix:
        return Source(label, "")
    try:
        return Source(label, names.check(prefix.removesuffix("/")) + "/")
    except InvalidName as error:
        raise Invalid("prefix", error.reason) from None
