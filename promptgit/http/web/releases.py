"""The pages that show releases: the list of them, and one with what it moves, its checks, approvals and history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import render_template, request

from promptgit import errors
from promptgit.domain import releases as domain
from promptgit.domain.evaluations import Check
from promptgit.domain.models import Prompt, Version
from promptgit.domain.releases import OPEN, OUTDATED, READY, RELEASED, Deed, Item
from promptgit.http.api.releases import number_of
from promptgit.http.web import access, differences, gates, steps
from promptgit.http.web.blocks import Difference
from promptgit.http.web.pages import blueprint, service
from promptgit.service.readiness import Judged

_PAGE = 50  # releases
_MOST_OPEN = 1_000  # open releases that are put in order
_ITEMS = 100  # of a release, on one page
_UNFOLDED = 20  # of a release with more items, all differences are folded
_MOST_BYTES = 1 << 20  # of the texts that one page compares; beyond, differences are only linked
_ORDER = (READY, OPEN, OUTDATED)
_CLOSED = domain.STATES[1:]


@dataclass(frozen=True, slots=True)
class Move:
    """An item as the page shows it: from where its label points now (of a closed release: pointed then) to where.

    *prompt* is None where history does not have it any more; *checks* are all that were reported, *lacking* the names
    of those that the rules ask for and nobody has reported.
    """

    item: Item
    prompt: Prompt | None
    old: Version | None
    new: Version | None
    difference: Difference | None
    checks: Sequence[Check]
    lacking: Sequence[str]

    @property
    def shown(self) -> int | None:
        """The number of the version that the label points at; None: nowhere."""
        return self.old.number if self.old else None


@blueprint.get("/releases")
def releases() -> str:
    """The releases: those that wait first, ready ones before all."""
    label, state = (request.args.get(name, "").strip() for name in ("label", "state"))
    after = min(max(request.args.get("after", 0, type=int), 0), 10**12)
    found = _in_order(label, state if state in (*domain.STATES, *domain.DERIVED) else "", after)
    return render_template(
        "web/releases.html",
        releases=found[:_PAGE],
        following=found[_PAGE - 1].release.number if len(found) > _PAGE else None,
        label=label,
        state=state,
        after=after,
        states=(*_ORDER, *_CLOSED),
        labels=sorted(gates.rules().labels),
    )


def _in_order(label: str, state: str, after: int) -> list[Judged]:
    """A page of releases, and one more if there are more: the open ones in order, then closed ones, newest first.

    *after* is the number of the last one of the page before, or 0.
    """
    waiting: list[Judged] = []
    if state in ("", OPEN, *domain.DERIVED):
        waiting = service().releases.page(states=[OPEN], label=label or None, limit=_MOST_OPEN)
        waiting = [one for one in waiting if state in ("", OPEN, one.state)]
        waiting.sort(key=lambda one: _ORDER.index(one.state))
    numbers = [one.release.number for one in waiting]
    before: int | None = None
    if after in numbers:
        waiting = waiting[numbers.index(after) + 1 :]
    elif after:
        waiting, before = [], after
    closed: list[Judged] = []
    if state == "" or state in _CLOSED:
        states = [state] if state else _CLOSED
        closed = service().releases.page(states=states, label=label or None, before=before, limit=_PAGE + 1)
    return (waiting + closed)[: _PAGE + 1]


@blueprint.get("/releases/<release>")
def release(release: str) -> str:
    """One release."""
    judged = service().releases.get(number_of(release))
    shown = judged.release
    start = min(max(request.args.get("start", 0, type=int), 0), domain.MOST_ITEMS) // _ITEMS * _ITEMS
    possible = service().releases.possible(shown.number, access.person().rights) if access.person().may_write else {}
    return render_template(
        "web/release.html",
        judged=judged,
        release=shown,
        moves=_moves(judged, shown.items[start : start + _ITEMS]),
        start=start,
        per_page=_ITEMS,
        unfolded=len(shown.items) <= _UNFOLDED,
        steps=[step for step in steps.STEPS if possible.get(step.method, errors.PromptgitError()) is None],
        reasons=steps.why_not(judged, possible),
        history=_history(judged),
        rolled_back_by=_rolled_back_by(judged),
    )


def _moves(judged: Judged, items: Iterable[Item]) -> list[Move]:
    """What a release moves, with differences as far as there is room for them."""
    found = [(item, *_versions(judged, item)) for item in items]
    checks = service().checks.of([new for *_, new in found if new is not None])
    room = _MOST_BYTES
    moves: list[Move] = []
    for item, prompt, old, new in found:
        difference = None
        if room > 0:
            sides = [service().content(one) if one else b"" for one in (old, new)]
            room -= sum(map(len, sides))
            difference = differences.compare(sides[0], sides[1]) if room > 0 or not moves else None
        lacking = [check for one, check, said in judged.checks if one == item and said is None]
        moves.append(Move(item, prompt, old, new, difference, checks.get(new.id, []) if new else [], lacking))
    return moves


def _versions(judged: Judged, item: Item) -> tuple[Prompt | None, Version | None, Version | None]:
    """The prompt of an item, the version that its label shows (an ended release: showed before), and the new one."""
    try:
        prompt, _ = service().find(item.prompt_id)
    except errors.PromptNotFound:
        return None, None, None
    now = prompt.labels.get(judged.release.label) if judged.release.state == OPEN else item.before
    return prompt, _version(prompt, now), _version(prompt, item.number)


def _version(prompt: Prompt, number: int | None) -> Version | None:
    try:
        return service().version(prompt.id, number) if number else None
    except errors.VersionNotFound:
        return None


def _history(judged: Judged) -> list[tuple[str, Deed, str]]:
    """What was done with a release, oldest first: the deed in words, who did it, and why."""
    release = judged.release
    opened = "Rolled back release " + str(release.rollback_of) if release.rollback_of else "Opened"
    if release.state == domain.OVERRIDDEN:
        opened = "Overrode the gate"
    done = [(opened, release.opened, ""), *(("Approved", deed, deed.description) for deed in release.approvals)]
    if release.closed is not None and release.closed != release.opened:
        done.append((release.state.capitalize(), release.closed, release.closed.description))
    return done


def _rolled_back_by(judged: Judged) -> list[int]:
    """The numbers of the releases that took this one back."""
    release = judged.release
    if release.state != RELEASED:
        return []
    others = service().releases.of_prompt(release.items[0].prompt_id, [RELEASED])
    return [one.release.number for one in others if one.release.rollback_of == release.number]


def waiting(prompt: Prompt) -> list[Judged]:
    """The open releases that would move a label of *prompt*, those that are ready first."""
    return sorted(service().releases.of_prompt(prompt.id, [OPEN]), key=lambda one: _ORDER.index(one.state))
