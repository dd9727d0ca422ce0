"""References that go around a gate: by `latest`, or by a label that is not gated, from a text that a release ships.

Whoever approves a text approves what it says. Such a reference changes that later, without a release.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from promptgit.domain import references
from promptgit.domain.references import MOST_LEVELS
from promptgit.domain.releases import Item
from promptgit.domain.rules import Rules
from promptgit.errors import Damaged
from promptgit.store.index import queries, version_queries

Read = Callable[[str], bytes]


def around(index: sqlite3.Connection, rules: Rules, item: Item, read: Read) -> Iterator[str]:
    """What a release lacks because of the references of an item: a sentence's part for each, in order.

    A version that the text names by its number is looked through as well, for its text is as fixed as the text itself.
    What a gated label points at has had a release of its own.
    """
    version = version_queries.version(index, item.prompt_id, item.number or 0)
    blobs = [] if version is None else [(version.blob, f"{item.name!r} v{item.number}")]
    seen: set[str] = set()
    for _ in range(MOST_LEVELS + 1):
        following = []
        for blob, where in blobs:
            for reference in _in_blob(blob, read):
                if reference.label is not None:
                    if rules.rule_for(reference.label, reference.name) is None:
                        yield (
                            f"in {where} a reference to {reference.name!r} by its number, or by a label that is gated "
                            f"for it, in the place of {reference.label!r}"
                        )
                    continue
                prompt = queries.prompt_by_name(index, reference.name)
                found = prompt and version_queries.version(index, prompt.id, reference.number or 0)
                if prompt and found and found.id not in seen:
                    seen.add(found.id)
                    following.append((found.blob, f"{prompt.name!r} v{found.number}, which {where} refers to,"))
        blobs = following


def _in_blob(blob: str, read: Read) -> list[references.Reference]:
    try:
        return references.in_file(read(blob))
    except Damaged:
        return []  # a release of a text that cannot be read is refused elsewhere: no read of it succeeds
