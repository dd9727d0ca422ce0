"""The pages of labels: where each points and has pointed, what a move would change, moving and removing it."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from flask import flash, render_template, request
from werkzeug.exceptions import Forbidden, PreconditionFailed

from promptgit import errors
from promptgit.domain.models import Prompt
from promptgit.http.web import access, forms
from promptgit.http.web.forms import Answer, Refusal, field, form, is_sent, prompt_of, to_prompt
from promptgit.http.web.gates import expect_not_shut, may_move
from promptgit.http.web.pages import blueprint, catalogue, counters, number_in, service, told
from promptgit.http.web.reading import between
from promptgit.http.web.referenced import used_by
from promptgit.service.checks import Precondition

_MOVES = 100  # shown; the API and git have them all


def expect_mover(prompt: Prompt, *labels: str) -> None:
    """Refuse somebody who may not move all these labels of *prompt*.

    Raises:
        Forbidden, OutsidePrefix, LabelGated
    """
    access.expect_writer(prompt)
    expect_not_shut(prompt, labels)
    if not may_move(prompt, labels):
        raise Forbidden(f"You may not move or remove {' and '.join(labels)}. Ask an administrator.")


@blueprint.get("/prompts/<uuid:prompt_id>/labels/<label>")
def label(prompt_id: UUID, label: str) -> str:
    """Where a label points and has pointed, and what a move to the newest version would change."""
    prompt, removal = service().find(str(prompt_id))
    moves = service().labels.history(prompt.id, label)
    number = prompt.labels.get(label)
    change = between(service().version(prompt.id, number), prompt.newest) if number else {}
    return render_template(
        "web/label.html",
        prompt=prompt,
        removal=removal,
        label=label,
        number=number,
        moves=moves[: -_MOVES - 1 : -1],
        count=len(moves),
        **change,
    )


@form("/prompts/<uuid:prompt_id>/point")
def point(prompt_id: UUID) -> Answer:
    """Point a label at a version."""
    if not is_sent():
        asked = request.args.get("label", "")
        prompt = prompt_of(prompt_id)
        expect_mover(prompt, *([asked] if asked else []))
        return _page("point", prompt.id, asked, number=request.args.get("version", "") or str(prompt.newest.number))
    prompt = prompt_of(prompt_id)
    name, number = field("label").strip(), field("version_number").strip()
    page = partial(_page, "point", prompt.id, name, number=number)
    with forms.showing(page, prompt):
        if field("look"):  # only to see what the move would change
            return page()
        version = service().version(prompt.id, number)
        try:
            service().labels.point(
                prompt.id, name, version.number, attribution=forms.attribution(if_match=_pointed(name))
            )
        except errors.StaleVersion:
            if service().get(prompt.id).labels.get(name) != version.number:  # else it is a form that was sent twice
                raise _moved(prompt, name) from None
        flash(f"{name} now points at version {version.number}.")
        return to_prompt(prompt)


@form("/prompts/<uuid:prompt_id>/labels/<label>/remove")
def remove(prompt_id: UUID, label: str) -> Answer:
    """Remove a label."""
    prompt = prompt_of(prompt_id)
    read = told(one for one in counters().of(prompt.id) if one.label == label)
    page = partial(_page, "unlabel", prompt.id, label, read=read)
    if not is_sent():
        expect_mover(prompt, label)
        if label not in prompt.labels:
            raise errors.LabelNotFound(prompt.name, label)
        return page()
    with forms.showing(page, prompt):
        try:
            service().labels.remove(prompt.id, label, attribution=forms.attribution(if_match=_pointed(label)))
        except errors.StaleVersion:
            if label in service().get(prompt.id).labels:
                raise _moved(prompt, label) from None
        flash(f"Removed the label {label}.")
        return to_prompt(prompt)


def _page(template: str, prompt_id: str, label: str, refusal: Refusal | None = None, **values: str | None) -> str:
    prompt, _ = service().find(prompt_id)
    pointed = prompt.labels.get(label)
    number = number_in(values.get("number") or "", 0)
    size = None
    if pointed and 1 <= number <= prompt.newest.number and number != pointed:
        size = catalogue().size(prompt.id, pointed, number)
    users = used_by(prompt, label) if template == "unlabel" else []
    return forms.page(template, prompt, refusal, label=label, pointed=pointed, size=size, used_by=users, **values)


def _pointed(label: str) -> Precondition:
    """The label points where the page showed it."""
    pointed = field("pointed")
    return lambda prompt: str(prompt.labels.get(label, "")) == pointed


def _moved(prompt: Prompt, label: str) -> PreconditionFailed:
    number = service().get(prompt.id).labels.get(label)
    where = f"points at version {number}" if number else "points nowhere any more"
    return PreconditionFailed(f"{label} {where}, other than this page has shown. Send it again if you mean it.")
