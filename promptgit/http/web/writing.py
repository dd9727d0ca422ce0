"""The pages that write: create, edit, revert, rename, delete. Each form ends at the prompt's page, with a message."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from flask import flash, render_template

from promptgit import errors
from promptgit.domain import front_matter, names, variables
from promptgit.domain.inputs import body_of, mismatch
from promptgit.domain.models import Prompt
from promptgit.http.web import conflicts, forms, lines, shown
from promptgit.http.web.forms import Answer, Refusal, field, form, is_sent, prompt_of, to_prompt
from promptgit.http.web.gates import expect_not_shut
from promptgit.http.web.labelling import expect_mover
from promptgit.http.web.pages import asked, counters, service, told
from promptgit.http.web.reading import between
from promptgit.http.web.referenced import used_by
from promptgit.http.web.shown import Content


@form("/new")
def new() -> Answer:
    """Create a prompt."""
    content, name = field("content"), field("name").strip()
    if not is_sent():
        return _new_page()
    with forms.showing(_new_page):
        if not name:  # most often a form that was sent too early; the API makes an id the name
            raise errors.Invalid("name", "is missing; give one, such as support/greeting")
        names.check(name)
        if not content.strip():  # the API takes an empty text, from a program that means it
            raise errors.Invalid("content", "is empty; write the prompt's text")
        try:
            prompt = service().create(content, name=name, attribution=forms.attribution())
        except errors.NameTaken as error:
            prompt = service().get(error.prompt_id or "")  # it has one: this request gives a single name
            is_sent_twice = (prompt.name, prompt.newest.number) == (names.canonical(name), 1)
            if not (is_sent_twice and service().content(prompt.newest) == content.encode()):
                raise
        flash(f"Created “{forms.shortened(prompt)}”. {_unfit(content)}".rstrip())
        return to_prompt(prompt)


def _new_page(refusal: Refusal | None = None) -> str:
    content = field("content")
    return render_template(
        "web/edit.html",
        prompt=None,
        refusal=refusal,
        name=field("name") if is_sent() else asked("name"),
        content=content,
        invisible_found=shown.invisible(content),
        description=field("description"),
    )


@form("/prompts/<uuid:prompt_id>/edit")
def edit(prompt_id: UUID) -> Answer:
    """Save the next version."""
    prompt = prompt_of(prompt_id)
    seen = conflicts.opened(prompt)
    opened = Content(service().content(seen)).text
    content = lines.restored(field("content"), opened) if is_sent() else opened
    page = partial(_edit_page, prompt.id, content)
    if not is_sent():
        return page()
    with forms.showing(page, prompt):
        if field("take"):
            return page()
        if content == opened:  # also where it is not UTF-8, and would be saved with U+FFFD
            flash("Nothing was changed, so nothing was saved.", "note")
            return to_prompt(prompt)
        if seen.commit == prompt.newest.commit and _told(variables.change(opened, content)) != field("told"):
            return page(asks=True)
        try:
            prompt = service().save(prompt.id, content, attribution=forms.attribution(if_match=forms.seen()))
        except errors.StaleVersion:
            prompt = service().get(prompt.id)
            if service().content(prompt.newest) != content.encode():  # else it is a form that was sent twice
                raise
        flash(f"Saved version {prompt.newest.number}. {_unfit(content)}".rstrip())
        return to_prompt(prompt)


def _unfit(content: str) -> str:
    """A sentence about the variables of a text that those which it declares do not fit; "" of most texts."""
    declared = front_matter.declared(content)
    return str(mismatch(variables.names_in(body_of(content)), declared)) if declared else ""


def _edit_page(prompt_id: str, content: str, refusal: Refusal | None = None, *, asks: bool = False) -> str:
    """The form, and next to it what others have changed since it was opened.

    *asks*: it was not saved because its sender has not been told which variables it adds and drops.
    """
    prompt, _ = service().find(prompt_id)
    conflict = conflicts.found(prompt, content)
    if conflict and conflict.chosen:
        content = conflict.texts[conflict.chosen]
    newest = Content(service().content(prompt.newest))
    change = variables.change(newest.text, content)
    return render_template(
        "web/edit.html",
        prompt=prompt,
        refusal=refusal,
        content=content,
        invisible_found=shown.invisible(content),
        description=field("description"),
        is_utf8=newest.is_utf8,
        crlf="\r\n" in content,
        conflict=conflict,
        variables=variables.names_in(newest.text),
        change=change,
        told=_told(change),
        asks=asks,
    )


def _told(change: variables.Change) -> str:
    """A change of variables, as the form says that its sender was told of it; static/writing.js does the same."""
    return " ".join([*(f"-{name}" for name in change.dropped), *(f"+{name}" for name in change.added)])


@form("/prompts/<uuid:prompt_id>/versions/<number>/revert")
def revert(prompt_id: UUID, number: str) -> Answer:
    """Make an older version's content the newest; a deleted prompt is restored."""
    page = partial(_revert_page, str(prompt_id), number)
    if not is_sent():
        return page()
    prompt, removal = service().find(str(prompt_id))
    target = service().version(prompt.id, number)
    with forms.showing(page, prompt):
        try:
            prompt = service().revert(prompt.id, number, attribution=forms.attribution(if_match=forms.seen()))
        except errors.StaleVersion:
            prompt = service().get(prompt.id)
            if prompt.newest.blob != target.blob:
                raise
        flash(
            f"Restored “{forms.shortened(prompt)}” as version {target.number} had it."
            if removal
            else f"Reverted to version {target.number} successfully."
        )
        return to_prompt(prompt)


def _revert_page(prompt_id: str, number: str, refusal: Refusal | None = None) -> str:
    prompt, removal = service().find(prompt_id)
    difference = between(prompt.newest, service().version(prompt_id, number))
    return forms.page("revert", prompt, refusal, removal=removal, **difference)


@form("/prompts/<uuid:prompt_id>/rename")
def rename(prompt_id: UUID) -> Answer:
    """Move a prompt to another name."""
    prompt = service().get(str(prompt_id))
    name = field("name").strip() if is_sent() else prompt.name
    page = partial(_removing_page, "rename", prompt, name=name)
    if not is_sent():
        expect_not_shut(prompt, prompt.labels)
        return page()
    with forms.showing(page, prompt):
        renamed = service().rename(prompt.id, name, attribution=forms.attribution())
        flash(f"Renamed to “{forms.shortened(renamed)}”.")
        return to_prompt(renamed)


def _removing_page(template: str, prompt: Prompt, refusal: Refusal | None = None, **values: str | None) -> str:
    """A form after which the prompt has its name no more, with those who refer to it."""
    return forms.page(template, prompt, refusal, used_by=used_by(prompt), **values)


@form("/prompts/<uuid:prompt_id>/delete")
def delete(prompt_id: UUID) -> Answer:
    """Delete a prompt, if its name was typed."""
    prompt = prompt_of(prompt_id)
    name = field("name").strip()
    page = partial(_removing_page, "delete", prompt, name=name, read=told(counters().of(prompt.id)))
    if not is_sent():
        expect_mover(prompt, *prompt.labels)
        return page()
    with forms.showing(page, prompt):
        if name not in (prompt.name.strip(), prompt.id):
            raise errors.Invalid("name", "is another one; type it as it stands above")
        service().delete(prompt.id, attribution=forms.attribution(if_match=forms.seen()))
        flash(f"Deleted “{forms.shortened(prompt)}”. Its versions stay, and any of them can be restored.")
        return to_prompt(prompt)
