"""Addresses that people can write by hand: a prompt by its name, and one of its versions behind an @."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from promptgit.domain import names
from promptgit.domain.labels import LATEST, is_label
from promptgit.domain.models import Prompt
from promptgit.errors import InvalidName, LabelNotFound
from promptgit.http.web import access, forms
from promptgit.http.web.pages import blueprint, catalogue, service


@blueprint.get("/names/<path:name>")
def by_name(name: str) -> Response | tuple[str, int]:
    """Lead to the prompt of a name, or with `@3` or `@production` behind it to that version of it.

    A prompt with the whole as its name comes first; what was called so before it was renamed or deleted comes last. A
    name that no prompt ever had can be given to a new one.
    """
    asked = names.canonical(name.replace("\0", ""))
    meant, at, revision = asked.rpartition("@")
    meanings = [(asked, "")]
    if at and (not revision or is_label(revision)):  # which a number is, too
        meanings.append((meant, revision))
    for look in (_living, catalogue().once_called):
        for called, wanted in meanings:
            if (found := look(called)) is not None:
                if found.name != called:
                    flash(f"What you asked for is called “{forms.shortened(found)}” now.")
                return redirect(_address(found, wanted))
    return _unknown(meanings[-1][0])


def _living(name: str) -> Prompt | None:
    return next(iter(service().list(name=name, limit=1)), None)


def _address(prompt: Prompt, revision: str) -> str:
    """The page of a prompt, or of a version that a number or a label names."""
    if revision in ("", LATEST):
        return url_for("web.prompt", prompt_id=prompt.id)
    if revision.isdigit():
        return url_for("web.version", prompt_id=prompt.id, number=revision)
    if revision not in prompt.labels:
        raise LabelNotFound(prompt.name, revision)
    return url_for("web.version", prompt_id=prompt.id, number=prompt.labels[revision])


def _unknown(name: str) -> tuple[str, int]:
    """A page that says so, and offers to create it to whoever may."""
    try:
        is_possible = names.check(name) == name
    except InvalidName:
        is_possible = False
    person = access.person()
    may_create = is_possible and person.may_write and person.rights.may_write_to(name)
    return render_template("web/unknown.html", name=name, may_create=may_create), 404
