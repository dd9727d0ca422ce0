"""The steps of a release as forms: approve, reject, withdraw, release, roll back, each after a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from promptgit import errors
from promptgit.domain.releases import OUTDATED, REJECTED, RELEASED, WITHDRAWN
from promptgit.http.api.releases import number_of
from promptgit.http.web import access, forms
from promptgit.http.web.forms import Answer, Refusal, field, form, is_sent
from promptgit.http.web.pages import service
from promptgit.service.readiness import Judged


@dataclass(frozen=True, slots=True)
class Step:
    """A step that a person can take: *method* is that of the service, *ends* the state in which it leaves a release.

    *question* says what it does, *done* what was done, both with the release's number and label.
    """

    method: str
    button: str
    question: str
    done: str
    kind: str = ""
    ends: str = ""
    is_explained: bool = False

    @property
    def endpoint(self) -> str:
        """The name of its view in the blueprint."""
        return "make" if self.method == "release" else self.method

    @property
    def heading(self) -> str:
        """What it does with a release, before that word."""
        return "Make" if self.method == "release" else self.button


STEPS = (
    Step(
        "approve",
        "Approve",
        "You say that these versions are fit for {label}. It counts once for you, whatever token you use.",
        "Approved release {number}.",
        "primary",
    ),
    Step(
        "release",
        "Release",
        "{label} will point at these versions at once, in one commit. Programs that ask for it get them.",
        "{label} points at what release {number} ships.",
        "primary",
        RELEASED,
    ),
    Step(
        "reject",
        "Reject",
        "This closes the release: it moves nothing, and cannot be opened again.",
        "Rejected release {number}.",
        "danger",
        REJECTED,
    ),
    Step(
        "withdraw",
        "Withdraw",
        "This closes the release: it moves nothing, and cannot be opened again.",
        "Withdrew release {number}.",
        "danger",
        WITHDRAWN,
    ),
    Step(
        "roll_back",
        "Roll back",
        "{label} goes back to where it pointed before, for every prompt of this release, in one commit and without "
        "new approvals. It is a release of its own.",
        "Rolled back, as release {number}.",
        "danger",
        is_explained=True,
    ),
)
_BY_METHOD = {step.method: step for step in STEPS}


def why_not(judged: Judged, possible: Mapping[str, errors.PromptgitError | None]) -> list[str]:
    """Why steps that a person may look for do not work, a sentence each."""
    found = (_sentence(judged, step, error) for step, error in possible.items() if error is not None)
    return list(dict.fromkeys(filter(None, found)))


def _sentence(judged: Judged, step: str, error: errors.PromptgitError) -> str | None:
    label = judged.release.label
    match step, error:
        case "approve", errors.SelfApproval(name=None):
            return "You have opened this release, so somebody else has to approve it."
        case "approve", errors.SelfApproval(version=version, name=name):
            return f"You have written or stored version {version} of {name}, so somebody else has to approve it."
        case "roll_back", errors.ReleaseOutdated(name=name) if judged.state == RELEASED:
            return f"It cannot be rolled back: {label} of {name} has moved since."
        case "roll_back", errors.RollbackRefused(reason=reason) if judged.state == RELEASED:
            return f"It cannot be rolled back: {reason}."
        case _, errors.LabelProtected():
            return f"You may not move {label}, so others approve and release this."
        case _, errors.OutsidePrefix():
            return f"{error}"
        case "approve", errors.Forbidden() if judged.state != OUTDATED:
            return f"{error}"
        case _:
            return None


@form("/releases/<release>/approve")
def approve(release: str) -> Answer:
    """Approve a release."""
    return _take("approve", release)


@form("/releases/<release>/reject")
def reject(release: str) -> Answer:
    """Reject a release."""
    return _take("reject", release)


@form("/releases/<release>/withdraw")
def withdraw(release: str) -> Answer:
    """Withdraw a release."""
    return _take("withdraw", release)


@form("/releases/<release>/release")
def make(release: str) -> Answer:
    """Make a release."""
    return _take("release", release)


@form("/releases/<release>/rollback")
def roll_back(release: str) -> Answer:
    """Roll a release back."""
    return _take("roll_back", release)


def _take(method: str, release: str) -> Answer:
    step, number = _BY_METHOD[method], number_of(release)
    page = partial(_page, step, number)
    if not is_sent():
        refused = service().releases.possible(number, access.person().rights).get(method)
        if refused is not None:
            raise refused
        return page()
    with forms.showing(page):
        take: Callable[..., Judged] = getattr(service().releases, method)
        try:
            judged = take(number, attribution=forms.attribution())
        except errors.ReleaseClosed as error:
            if error.state != step.ends:  # else it is a form that was sent twice
                raise
            judged = service().releases.get(number)
        made = judged.release
        flash(step.done.format(number=made.number, label=made.label) + _also(step, judged))
        return to_release(made.number)


def _also(step: Step, judged: Judged) -> str:
    """What an approval has led to, if anything."""
    if step.method == "approve" and judged.state == RELEASED:
        return f" That was the last thing it lacked: {judged.release.label} points at what it ships."
    return ""


def _page(step: Step, number: int, refusal: Refusal | None = None) -> str:
    judged = service().releases.get(number)
    return render_template(
        "web/step.html",
        step=step,
        question=step.question.format(label=judged.release.label),
        judged=judged,
        release=judged.release,
        refusal=refusal,
        description=field("description"),
    )


def to_release(number: int) -> Response:
    """Lead to the page of a release, after a form was accepted."""
    return redirect(url_for("web.release", release=number), 303)
