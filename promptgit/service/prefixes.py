"""Which prompts a credential may write to: those below its prefixes. `Writes` asks, under the write lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from promptgit.domain import labels, names
from promptgit.domain.rights import Rights
from promptgit.errors import OutsidePrefix
from promptgit.store.index import queries


def expect_below(index: sqlite3.Connection, about: Sequence[str] | None, rights: Rights) -> None:
    """Refuse a write that speaks, by id or name, of a prompt outside the prefixes, or of no prompt at all.

    An id that no prompt has is left to the plan, which refuses it. With None for *about* nothing is refused here: the
    plan compares its prompts itself.

    Raises:
        OutsidePrefix
    """
    if rights.prefixes is None or about is None:
        return
    if not about:
        raise OutsidePrefix(None, rights.prefixes)
    for one in about:
        if not names.is_uuid(one):
            expect_name_below(one, rights)
        elif (found := queries.prompt_by_id(index, one)) is not None:
            expect_name_below(found[0].name, rights)


def expect_files_below(paths: Iterable[str], rights: Rights) -> None:
    """Refuse to change a file of a prompt, or of its labels, outside the prefixes.

    Raises:
        OutsidePrefix
    """
    if rights.prefixes is None:
        return
    for path in paths:
        _, name = labels.parse(path) or (None, names.name_of(path))
        if name is not None:
            expect_name_below(name, rights)


def expect_name_below(name: str, rights: Rights) -> None:
    """Refuse to write to the prompt of a name outside the prefixes.

    Raises:
        OutsidePrefix
    """
    if not rights.may_write_to(name):
        raise OutsidePrefix(name, rights.prefixes or ())
