"""The forms that open releases: of one version, or of all that another label points at."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from flask import flash, render_template, request

from promptgit import errors
from promptgit.domain.models import Prompt
from promptgit.domain.releases import Item
from promptgit.http.web import access, forms, gates
from promptgit.http.web.forms import Answer, Refusal, field, form, is_sent, prompt_of
from promptgit.http.web.pages import catalogue, service
from promptgit.http.web.reading import between
from promptgit.http.web.steps import to_release
from promptgit.service.release_plans import Wanted

_MOST = 200  # items that are shown with the size of their difference


@form("/prompts/<uuid:prompt_id>/versions/<number>/propose")
def propose(prompt_id: UUID, number: str) -> Answer:
    """Open a release of one version."""
    prompt = prompt_of(prompt_id)
    version = service().version(prompt.id, number)
    label = field("label").strip() if is_sent() else request.args.get("label", "").strip()
    page = partial(_page, prompt, version.number, label)
    wanted = [Wanted(prompt.id, version.number)]
    if not is_sent():
        service().releases.preview(label, wanted, rights=access.person().rights)
        return page()
    with forms.showing(page, prompt):
        made = service().releases.open(
            label, wanted, when_ready=bool(field("when_ready")), attribution=forms.attribution()
        )
        return _opened(made.release.number)


def _page(prompt: Prompt, number: int, label: str, refusal: Refusal | None = None) -> str:
    pointed = prompt.labels.get(label)
    new = service().version(prompt.id, number)
    change = between(service().version(prompt.id, pointed), new) if pointed else {}
    return forms.page(
        "propose",
        prompt,
        refusal,
        number=number,
        label=label,
        pointed=pointed,
        when_ready=bool(field("when_ready")),
        checks=service().checks.of([new]).get(new.id, []),
        rule=gates.rules().rule_for(label, prompt.name),
        **change,
    )


@form("/releases/new")
def new_release() -> Answer:
    """Open a release of all that another label points at, after a look at it."""
    sent = request.form if is_sent() else request.args
    label, source, prefix = (sent.get(name, "").replace("\0", "").strip() for name in ("label", "from", "prefix"))
    page = partial(_many_page, label, source, prefix)
    if not is_sent():
        try:
            return page(items=_preview(label, source, prefix))
        except errors.PromptgitError as error:
            if not (label and source):
                return page()
            return page(_refusal(error))
    with forms.showing(page):
        made = service().releases.open(
            label,
            source=source,
            prefix=prefix,
            when_ready=bool(field("when_ready")),
            attribution=forms.attribution(),
        )
        return _opened(made.release.number)


def _refusal(error: errors.PromptgitError) -> Refusal:
    if isinstance(error, errors.Invalid) and error.field == "items":
        return Refusal(None, f"Nothing can be proposed: the prompts {error.reason}.")
    return forms.refusal(error)


def _preview(label: str, source: str, prefix: str) -> tuple[Item, ...]:
    return service().releases.preview(label, source=source, prefix=prefix, rights=access.person().rights)


def _many_page(
    label: str, source: str, prefix: str, refusal: Refusal | None = None, items: tuple[Item, ...] | None = None
) -> str:
    if items is None and is_sent():  # what would move now, if that can be told
        try:
            items = _preview(label, source, prefix)
        except errors.PromptgitError:
            items = None
    return render_template(
        "web/new-release.html",
        refusal=refusal,
        label=label,
        source=source,
        prefix=prefix,
        labels=sorted(gates.rules().labels),
        items=items,
        sizes=[catalogue().size(item.prompt_id, item.before, item.number or 0) for item in (items or ())[:_MOST]],
        description=field("description"),
        when_ready=bool(field("when_ready")),
    )


def _opened(number: int) -> Answer:
    flash(f"Opened release {number}.")
    return to_release(number)
