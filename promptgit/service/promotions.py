"""The use case of promoting: a label to where another one points, for many prompts in one commit."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from promptgit.domain import labels
from promptgit.service import checks, prefixes, sources
from promptgit.service.plans import Files, Plan
from promptgit.service.reasons import listed
from promptgit.service.sources import Source
from promptgit.service.writes import Attribution, Writes
from promptgit.store.index import change_queries, repeats


class Move(NamedTuple):
    """A label of a prompt goes from version *before* (None: nowhere) to version *number*."""

    prompt_id: str
    name: str
    before: int | None
    number: int


class Promoted(NamedTuple):
    """The commit, None where nothing had to move, and the moves, by name."""

    commit: str | None
    moves: list[Move]


class Promotions:
    """Promotes labels in one store."""

    def __init__(self, writes: Writes) -> None:
        self._writes = writes

    def promote(
        self, label: str, source: str, *, prefix: str = "", dry_run: bool = False, attribution: Attribution
    ) -> Promoted:
        """Point *label* where the label *source* points, for every prompt that has *source*, in one commit.

        *source* can be `latest`. With *prefix*, a folder of names, only prompts below it. With *dry_run* say what would
        be, and write nothing.

        Raises:
            Invalid: a rule is broken.
            LabelProtected, LabelGated: the caller may not move the label.
            OutsidePrefix: it may not write to a prompt whose label would move.
            StaleVersion: the caller has not seen a prompt as it is, at the version that the label would point at.
            PathBlocked: the label of another prompt lies where one's file would be.
            (and those of `Writer.submit`)
        """
        labels.check(label)
        followed = sources.source(source, prefix)
        moves: list[Move] = []

        def plan(index: sqlite3.Connection) -> Plan | None:
            moving = followed.ahead_of(index, label)
            if not moving:
                self._writes.expect_mover(index, [label], attribution.rights)
            for prompt in moving:
                self._writes.expect_mover(index, [label], attribution.rights, prompt.name)
                prefixes.expect_name_below(prompt.name, attribution.rights)
                checks.expect_seen(prompt, attribution.if_match)
            moves[:] = [
                Move(prompt.id, prompt.name, prompt.labels.get(label), prompt.newest.number) for prompt in moving
            ]
            if not moves:
                return None
            if any(move.before is None for move in moves):
                labels.expect_portable(label)
            files: Files = {labels.path_of(label, move.name): labels.content(move.number) for move in moves}
            return Plan(files, _reason(label, followed, moves))

        def answer(index: sqlite3.Connection) -> Promoted:
            return Promoted(None if dry_run or not moves else change_queries.newest(index), moves)

        def recall(index: sqlite3.Connection, commit: str) -> Promoted:
            made = [Move(*moved) for moved in repeats.Left(index, commit).moves_of(label)]
            prefixes.expect_below(index, [move.prompt_id for move in made], attribution.rights)
            return Promoted(commit, made)

        return self._writes.run(plan, answer, recall, attribution, None, dry_run=dry_run)


def _reason(label: str, followed: Source, moves: list[Move]) -> str:
    lines = [f"{move.name} {f'v{move.before}' if move.before else 'nowhere'} -> v{move.number}" for move in moves]
    below = f" below {followed.folder}" if followed.folder else ""
    return listed(f"Promote {followed.label} to {label}{below}", lines)
