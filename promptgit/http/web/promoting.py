"""The page that promotes: a label to where another one points, for many prompts, with a look at what will move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from werkzeug.exceptions import PreconditionFailed

from promptgit import errors
from promptgit.domain.models import Prompt
from promptgit.http.web import access, forms
from promptgit.http.web.forms import Answer, Refusal, field, form, is_sent
from promptgit.http.web.pages import catalogue, service
from promptgit.service.checks import Precondition
from promptgit.service.promotions import Move
from promptgit.service.writes import Attribution

_MOST = 200  # moves that are shown with the size of their difference


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says: *label* goes to where *source* points, for prompts below *prefix*."""

    label: str
    source: str
    prefix: str

    @classmethod
    def of_request(cls) -> Asked:
        """From the form that was sent, or from the address."""
        sent = request.form if is_sent() else request.args
        return cls(*(sent.get(name, "").replace("\0", "").strip() for name in ("label", "from", "prefix")))

    @property
    def is_whole(self) -> bool:
        """True if both labels are given."""
        return bool(self.label and self.source)

    def moves(self) -> list[Move]:
        """What would move now."""
        attribution = Attribution(rights=access.person().rights)
        promoted = service().promotions.promote(
            self.label, self.source, prefix=self.prefix, dry_run=True, attribution=attribution
        )
        return promoted.moves

    def page(self, refusal: Refusal | None = None, moves: Sequence[Move] | None = None) -> str:
        """The form; with *moves*, what would move; after a refusal, what would move now, if that can be told."""
        if moves is None and refusal is not None and self.is_whole:
            try:
                moves = self.moves()
            except errors.PromptgitError:
                moves = None
        return render_template(
            "web/promote.html",
            asked=self,
            refusal=refusal,
            description=field("description"),
            moves=moves,
            sizes=[catalogue().size(move.prompt_id, move.before, move.number) for move in (moves or ())[:_MOST]],
            shown=" ".join(map(_mark, moves or ())),
        )


@form("/promote")
def promote() -> Answer:
    """Look at what a promotion moves, and make it."""
    asked = Asked.of_request()
    if not is_sent():
        if not asked.is_whole:
            return asked.page()
        with forms.showing(asked.page):
            return asked.page(moves=asked.moves())
    with forms.showing(asked.page):
        try:
            made = service().promotions.promote(
                asked.label,
                asked.source,
                prefix=asked.prefix,
                attribution=forms.attribution(if_match=_shown(asked.label)),
            )
        except errors.StaleVersion as error:
            raise PreconditionFailed(
                f"Other labels would move than this page has shown, such as that of {error.name!r}. "
                "Look at them, and send it again if you mean it."
            ) from None
        count = len(made.moves)
        moved = f"{count:,} prompt{'' if count == 1 else 's'} moved" if count else "nothing had to move"
        flash(f"{asked.label} points where {asked.source} does: {moved}.")
        return redirect(url_for("web.index", folder=asked.prefix.strip("/") or None), 303)


def _shown(label: str) -> Precondition:
    """The move of a prompt's label is one that the page has shown."""
    shown = set(field("shown").split())
    return lambda prompt: _mark(_move_of(prompt, label)) in shown


def _move_of(prompt: Prompt, label: str) -> Move:
    return Move(prompt.id, prompt.name, prompt.labels.get(label), prompt.newest.number)


def _mark(move: Move) -> str:
    return f"{move.prompt_id}:{move.before or 0}:{move.number}"
