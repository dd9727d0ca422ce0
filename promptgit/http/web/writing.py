"""The pages that write: edit, revert, rename, delete. Each ends at the prompt's page, with a message."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from promptgit import errors
from promptgit.domain import names
from promptgit.domain.models import Prompt, Version
from promptgit.http.web import access, forms, lines, shown
from promptgit.http.web.forms import Refusal, field
from promptgit.http.web.labelling import expect_mover
from promptgit.http.web.pages import blueprint, service
from promptgit.http.web.reading import between
from promptgit.http.web.shown import Content


def _to(prompt: Prompt) -> Response:
    return redirect(url_for("web.prompt", prompt_id=prompt.id), 303)


@blueprint.get("/new")
def new() -> str:
    """An empty prompt to write."""
    access.expect_writer()
    return _new_page(None)


def _new_page(refusal: Refusal | None) -> str:
    content = field("content")
    return render_template(
        "web/edit.html",
        prompt=None,
        refusal=refusal,
        name=field("name"),
        content=content,
        invisible_found=shown.invisible(content),
        description=field("description"),
    )


@blueprint.post("/new")
def create() -> Response:
    """Create a prompt."""
    content, name = field("content"), field("name").strip()
    with forms.showing(_new_page):
        if not name:  # a form that was sent too early, most often; the API makes an id the name
            raise errors.Invalid("name", "is missing; give one, such as support/greeting")
        try:
            prompt = service().create(content, name=name, attribution=forms.attribution())
        except errors.NameTaken as error:
            prompt = service().get(error.prompt_id)
            is_sent_twice = (prompt.name, prompt.newest.number) == (names.canonical(name), 1)
            if not (is_sent_twice and service().content(prompt.newest) == content.encode()):
                raise
        forms.done(f"Created “{forms.shortened(prompt)}”.")
        return _to(prompt)


@blueprint.get("/prompts/<uuid:prompt_id>/edit")
def edit(prompt_id: UUID) -> str:
    """The newest content, to be changed."""
    access.expect_writer()
    prompt = service().get(str(prompt_id))
    return _edit_page(prompt, Content(service().content(prompt.newest)).text)


def _edit_page(prompt: Prompt, content: str, refusal: Refusal | None = None) -> str:
    """The form, and next to it what others have changed since it was opened."""
    opened = _opened(prompt)
    others = between(opened, prompt.newest) if opened.commit != prompt.newest.commit else {}
    return render_template(
        "web/edit.html",
        prompt=prompt,
        refusal=refusal,
        content=content,
        invisible_found=shown.invisible(content),
        description=field("description"),
        is_utf8=Content(service().content(opened)).is_utf8,
        crlf="\r\n" in content,
        others=others,
    )


def _opened(prompt: Prompt) -> Version:
    """The version that the form was opened on; the newest where it does not say."""
    if field("version"):
        with suppress(errors.VersionNotFound):
            version = service().version(prompt.id, field("version"))
            if version.commit == field("commit"):
                return version
    return prompt.newest


@blueprint.post("/prompts/<uuid:prompt_id>/edit")
def save(prompt_id: UUID) -> Response:
    """Save the next version."""
    prompt, _ = service().find(str(prompt_id))
    opened = Content(service().content(_opened(prompt))).text
    content = lines.restored(field("content"), opened)
    with forms.showing(lambda refusal: _edit_page(service().find(str(prompt_id))[0], content, refusal)):
        if content == opened:  # also where it is not UTF-8, and would be saved with U+FFFD
            forms.done("Nothing was changed, so nothing was saved.")
            return _to(prompt)
        try:
            prompt = service().save(prompt.id, content, attribution=forms.attribution(if_match=forms.seen()))
        except errors.StaleVersion:
            prompt = service().get(prompt.id)
            if service().content(prompt.newest) != content.encode():  # else it is a form that was sent twice
                raise
        forms.done(f"Saved version {prompt.newest.number}.")
        return _to(prompt)


@blueprint.get("/prompts/<uuid:prompt_id>/versions/<number>/revert")
def confirm_revert(prompt_id: UUID, number: str) -> str:
    """What a revert would change."""
    access.expect_writer()
    return _revert_page(str(prompt_id), number)


def _revert_page(prompt_id: str, number: str, refusal: Refusal | None = None) -> str:
    prompt, removal = service().find(prompt_id)
    target = service().version(prompt_id, number)
    return render_template(
        "web/revert.html",
        prompt=prompt,
        removal=removal,
        refusal=refusal,
        description=field("description"),
        inline=False,
        **between(prompt.newest, target),
    )


@blueprint.post("/prompts/<uuid:prompt_id>/versions/<number>/revert")
def revert(prompt_id: UUID, number: str) -> Response:
    """Make an older version's content the newest; a deleted prompt is restored."""
    prompt, removal = service().find(str(prompt_id))
    target = service().version(prompt.id, number)
    with forms.showing(lambda refusal: _revert_page(prompt.id, number, refusal)):
        try:
            prompt = service().revert(prompt.id, number, attribution=forms.attribution(if_match=forms.seen()))
        except errors.StaleVersion:
            prompt = service().get(prompt.id)
            if prompt.newest.blob != target.blob:
                raise
        forms.done(
            f"Restored “{forms.shortened(prompt)}” as version {target.number} had it."
            if removal
            else f"Reverted to version {target.number} successfully."
        )
        return _to(prompt)


@blueprint.get("/prompts/<uuid:prompt_id>/rename")
def confirm_rename(prompt_id: UUID) -> str:
    """A name to change."""
    access.expect_writer()
    prompt = service().get(str(prompt_id))
    return _name_page("web/rename.html", prompt, prompt.name)


@blueprint.post("/prompts/<uuid:prompt_id>/rename")
def rename(prompt_id: UUID) -> Response:
    """Move a prompt to another name."""
    prompt = service().get(str(prompt_id))
    name = field("name").strip()
    with forms.showing(lambda refusal: _name_page("web/rename.html", prompt, name, refusal)):
        renamed = service().rename(prompt.id, name, attribution=forms.attribution())
        forms.done(f"Renamed to “{forms.shortened(renamed)}”.")
        return _to(renamed)


@blueprint.get("/prompts/<uuid:prompt_id>/delete")
def confirm_delete(prompt_id: UUID) -> str:
    """The name, to be typed."""
    access.expect_writer()
    prompt = service().get(str(prompt_id))
    expect_mover(*prompt.labels)
    return _name_page("web/delete.html", prompt, "")


@blueprint.post("/prompts/<uuid:prompt_id>/delete")
def delete(prompt_id: UUID) -> Response:
    """Delete a prompt, if its name was typed."""
    prompt, _ = service().find(str(prompt_id))
    name = field("name").strip()
    with forms.showing(lambda refusal: _name_page("web/delete.html", prompt, name, refusal)):
        if name not in (prompt.name.strip(), prompt.id):
            raise errors.Invalid("name", "is another one; type it as it stands above")
        service().delete(prompt.id, attribution=forms.attribution(if_match=forms.seen()))
        forms.done(f"Deleted “{forms.shortened(prompt)}”. Its versions stay, and any of them can be restored.")
        return _to(prompt)


def _name_page(template: str, prompt: Prompt, name: str, refusal: Refusal | None = None) -> str:
    return render_template(template, prompt=prompt, name=name, refusal=refusal, description=field("description"))
