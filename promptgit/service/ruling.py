"""The rules: which labels are gated, and what a release of them takes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from promptgit.domain import labels, rules
from promptgit.domain.rules import Rules
from promptgit.errors import Invalid, RulesNotFound, StaleRules
from promptgit.service.plans import Plan
from promptgit.service.writes import Attribution, Writes
from promptgit.store.index.release_rows import read_rules
from promptgit.store.store import Store


class RulesFile(NamedTuple):
    """What `rules.toml` holds (with U+FFFD for what is no UTF-8), what it says, and the commit that changed it last."""

    content: str
    rules: Rules
    commit: str


class Ruling:
    """The rules of one store."""

    def __init__(self, store: Store, writes: Writes) -> None:
        self._store = store
        self._writes = writes

    def get(self) -> RulesFile:
        """The rules that hold.

        Raises:
            RulesNotFound: there is no file.
        """
        return self._store.index.read(_expect)

    def current(self) -> Rules:
        """The rules that hold; without a file they gate nothing."""
        return self._store.index.read(lambda index: read_rules(index)[0])

    def put(
        self,
        content: str,
        *,
        seen: Callable[[str], bool] | None = None,
        create_only: bool = False,
        attribution: Attribution,
    ) -> RulesFile:
        """Write `rules.toml`. What it holds already writes nothing.

        *seen* says of the commit that changed the file last whether the caller has seen it; with *create_only* there
        must be no file.

        Raises:
            Invalid: the rules would not be understood, or name a label or a check that nobody can set.
            StaleRules: the caller has not seen those that hold.
            (and those of `Writer.submit`)
        """
        data = _checked(content)

        def plan(index: sqlite3.Connection) -> Plan | None:
            _, before, commit = read_rules(index)
            if commit is None:
                if seen is not None:
                    raise StaleRules
            elif create_only or (seen is not None and not seen(commit)):
                raise StaleRules
            return None if commit is not None and before == data else Plan({rules.PATH: data}, "Change the rules")

        def recall(_index: sqlite3.Connection, commit: str) -> RulesFile:
            return RulesFile(content, rules.parse(data), commit)

        return self._writes.run(plan, _expect, recall, attribution)


def _checked(content: str) -> bytes:
    """The rules as a file, which is understood, and whose labels and checks somebody can set.

    Raises:
        Invalid
    """
    try:
        data = content.encode()
    except UnicodeEncodeError as error:
        raise Invalid("content", f"has a lone surrogate at place {error.start + 1}, which is no character") from None
    found = rules.parse(data)
    if problems := found.problems():
        raise Invalid("content", f"is not taken. {problems[0].removesuffix('.')}")
    for name in dict.fromkeys([*found.labels, *(check for rule in found.labels.values() for check in rule.checks)]):
        try:
            labels.expect_portable(name)
        except Invalid as error:
            why = "No label or check can be set by this name, for"
            raise Invalid("content", f"names {name!r}. {why} it {error.reason}") from None
    return data


def _expect(index: sqlite3.Connection) -> RulesFile:
    found, content, commit = read_rules(index)
    if commit is None:
        raise RulesNotFound
    return RulesFile((content or b"").decode(errors="replace"), found, commit)
