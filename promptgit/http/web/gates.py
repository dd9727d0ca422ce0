"""What the rules gate, as pages need it: which buttons work, and which versions can be proposed."""

from __future__ import annotations

from collections.abc import Iterable

from flask import g

from promptgit.domain.models import Prompt
from promptgit.domain.rules import Rules
from promptgit.errors import LabelGated
from promptgit.http.web import access
from promptgit.http.web.pages import blueprint, service


def rules() -> Rules:
    """The rules that hold, read once for a request."""
    if "rules" not in g:
        g.rules = service().rules.current()
    found: Rules = g.rules
    return found


def gated(prompt: Prompt, labels: Iterable[str]) -> list[str]:
    """Those of *labels* that only a release moves, for this prompt."""
    return [label for label in labels if rules().rule_for(label, prompt.name) is not None]


def may_move(prompt: Prompt, labels: Iterable[str]) -> bool:
    """True if the person may move and remove all these labels of *prompt*; gated ones, by an override."""
    person, labels = access.person(), list(labels)
    may = person.may_write_to(prompt) and service().labels.are_movable(labels, person.rights)
    return may and not is_shut(prompt, labels)


def is_shut(prompt: Prompt, labels: Iterable[str]) -> bool:
    """True if one of *labels* is gated, and the person cannot override that."""
    return not access.person().rights.is_admin and bool(gated(prompt, labels))


def expect_not_shut(prompt: Prompt, labels: Iterable[str]) -> None:
    """Refuse somebody who cannot override the gate of one of *labels*.

    Raises:
        LabelGated
    """
    labels = list(labels)
    if is_shut(prompt, labels):
        raise LabelGated(gated(prompt, labels)[0], prompt.name)


def proposable(prompt: Prompt, number: int) -> list[str]:
    """The gated labels that a release can point at version *number* of *prompt*; none for who may not open one."""
    if not access.person().may_write_to(prompt):
        return []
    return [label for label in rules().releasable(prompt.name) if prompt.labels.get(label) != number]


@blueprint.app_context_processor
def _shared() -> dict[str, object]:
    return {"gated": gated, "may_move": may_move, "is_shut": is_shut, "proposable": proposable}
