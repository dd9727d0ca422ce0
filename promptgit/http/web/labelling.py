"""The pages of labels: where each points and has pointed, what it would mean to move it, moving and removing it."""

from __future__ import annotations

from uuid import UUID

from flask import redirect, render_template, request, url_for
from werkzeug.exceptions import Forbidden, PreconditionFailed
from werkzeug.wrappers import Response

from promptgit import errors
from promptgit.domain.models import Prompt
from promptgit.http.web import access, forms
from promptgit.http.web.forms import Refusal, field
from promptgit.http.web.pages import blueprint, may_move, service
from promptgit.http.web.reading import between
from promptgit.service.checks import Precondition

_MOVES = 100  # shown; the API and git have them all


def expect_mover(*labels: str) -> None:
    """Refuse somebody who may not move all these labels.

    Raises:
        Forbidden
    """
    access.expect_writer()
    if not may_move(labels):
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


@blueprint.get("/prompts/<uuid:prompt_id>/point")
def confirm_point(prompt_id: UUID) -> str:
    """A label and a version to choose."""
    asked = request.args.get("label", "")
    expect_mover(*([asked] if asked else []))
    prompt = service().get(str(prompt_id))
    return _point_page(prompt.id, asked, request.args.get("version", "") or str(prompt.newest.number))


def _point_page(prompt_id: str, label: str, number: str, refusal: Refusal | None = None) -> str:
    prompt = service().find(prompt_id)[0]
    return render_template(
        "web/point.html",
        prompt=prompt,
        label=label,
        number=number,
        pointed=prompt.labels.get(label),
        refusal=refusal,
        description=field("description"),
    )


@blueprint.post("/prompts/<uuid:prompt_id>/point")
def point(prompt_id: UUID) -> Response:
    """Point a label at a version."""
    prompt, _ = service().find(str(prompt_id))
    name, number = field("label").strip(), field("version_number").strip()
    with forms.showing(lambda refusal: _point_page(prompt.id, name, number, refusal)):
        version = service().version(prompt.id, number)
        try:
            service().labels.point(
                prompt.id, name, version.number, attribution=forms.attribution(if_match=_pointed(name))
            )
        except errors.StaleVersion:
            if service().get(prompt.id).labels.get(name) != version.number:  # else it is a form that was sent twice
                raise _moved(prompt, name) from None
        forms.done(f"{name} now points at version {version.number}.")
        return redirect(url_for("web.prompt", prompt_id=prompt.id), 303)


@blueprint.get("/prompts/<uuid:prompt_id>/labels/<label>/remove")
def confirm_remove(prompt_id: UUID, label: str) -> str:
    """Whether it is meant."""
    expect_mover(label)
    prompt = service().get(str(prompt_id))
    if label not in prompt.labels:
        raise errors.LabelNotFound(prompt.name, label)
    return _remove_page(prompt.id, label)


def _remove_page(prompt_id: str, label: str, refusal: Refusal | None = None) -> str:
    prompt = service().find(prompt_id)[0]
    return render_template(
        "web/unlabel.html",
        prompt=prompt,
        label=label,
        pointed=prompt.labels.get(label),
        refusal=refusal,
        description=field("description"),
    )


@blueprint.post("/prompts/<uuid:prompt_id>/labels/<label>/remove")
def remove(prompt_id: UUID, label: str) -> Response:
    """Remove a label."""
    prompt, _ = service().find(str(prompt_id))
    with forms.showing(lambda refusal: _remove_page(prompt.id, label, refusal)):
        try:
            service().labels.remove(prompt.id, label, attribution=forms.attribution(if_match=_pointed(label)))
        except errors.StaleVersion:
            if label in service().get(prompt.id).labels:
                raise _moved(prompt, label) from None
        forms.done(f"Removed the label {label}.")
        return redirect(url_for("web.prompt", prompt_id=prompt.id), 303)


def _pointed(label: str) -> Precondition:
    """That the label points where the page showed it."""
    pointed = field("pointed")
    return lambda prompt: str(prompt.labels.get(label, "")) == pointed


def _moved(prompt: Prompt, label: str) -> PreconditionFailed:
    number = service().get(prompt.id).labels.get(label)
    where = f"points at version {number}" if number else "points nowhere any more"
    return PreconditionFailed(f"{label} {where}, other than this page has shown. Send it again if you mean it.")
