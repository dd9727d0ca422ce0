"""Pages as of an earlier day, commit or time: what `?at=` asks for, and how a page says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import request

from promptgit.domain.past import as_of, last_second
from promptgit.http.web.pages import service
from promptgit.service.past import Past


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of the past that a page shows: what was typed, the time that it means, and what there was."""

    asked: str
    time: datetime | None
    past: Past


def asked_for() -> Moment | None:
    """The state that the address asks for with `at`; None: the present one.

    Raises:
        Invalid: it names neither a day, nor a commit, nor a time.
        CommitNotFound: there was nothing then, or `main` does not have that commit.
    """
    asked = request.args.get("at", "").strip()
    if not asked:
        return None
    moment = as_of(last_second(asked))
    time = None if isinstance(moment, str) else datetime.fromtimestamp(moment, UTC)
    return Moment(asked, time, service().as_of(moment))
