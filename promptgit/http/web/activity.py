"""What happened, newest first, by day: a page with filters, its Atom feed, and a page for one commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from flask import Response, current_app, get_template_attribute, render_template, request, url_for
from werkzeug.exceptions import NotFound

from promptgit.domain.models import CHANGE_TYPES, FeedEntry
from promptgit.http.web import atom, shown
from promptgit.http.web.pages import blueprint, catalogue
from promptgit.jobs.hook_formats import address_of
from promptgit.service.activity import Activity, ActivityEntry, Wanted

FEED = f"{blueprint.name}.activity_feed"
"""The endpoint of the feed: programs ask for it, which are told errors as programs are."""

_COMMITS = 30
_PEOPLE = 50
_UNFOLDED = 3  # changes of a commit that are all shown; more are folded
_FOLDED = 20  # changes of a commit, on a page of many commits
_CHANGES = 200  # of one commit, on its own page
_MOST_CHARACTERS = 1_000  # of a filter
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """A commit as a page shows it: *changes* are the first of *count*, *words* say how many there are of which type.

    *has_more* is true if it did other things, too, which were not sought.
    """

    entry: ActivityEntry
    changes: Sequence[FeedEntry]
    count: int
    words: Sequence[tuple[str, str | None, int]]
    has_more: bool

    @property
    def stored(self) -> datetime:
        """When the commit was stored, aware and in UTC."""
        return _EPOCH + timedelta(seconds=self.entry.seconds)

    @property
    def written(self) -> datetime | None:
        """When it was written, if that was another time, as of an import."""
        then = self.entry.changes[0].timestamp
        return then if abs(self.stored - then) > timedelta(minutes=1) else None

    @property
    def is_unfolded(self) -> bool:
        """True if all of its changes are shown at once."""
        return self.count <= _UNFOLDED


def activity() -> Activity:
    """The activity of the store that the application was made with."""
    found: Activity = current_app.extensions["promptgit.activity"]
    return found


def rows(entries: Sequence[ActivityEntry]) -> list[Row]:
    """Commits as a page shows them."""
    return [_row(entry) for entry in entries]


def by_day(listed: Sequence[Row]) -> Iterator[tuple[date, list[Row]]]:
    """Rows by the day in UTC on which they were stored; where dates go back, a day comes twice."""
    for day, some in groupby(listed, lambda row: row.stored.date()):
        yield day, list(some)


def _row(entry: ActivityEntry) -> Row:
    """A restore makes a version, which is not told a second time."""
    restored = {(change.prompt_id, change.number) for change in entry.changes if change.type == "restore"}
    changes = [one for one in entry.changes if one.type != "version" or (one.prompt_id, one.number) not in restored]
    counts = {(tally.type, tally.label): tally.number for tally in entry.tallies}
    restores = counts.get(("restore", None), 0)
    sought = sum(counts.values()) + (0 if ("version", None) in counts else restores)
    if ("version", None) in counts:
        counts["version", None] -= restores
    words = [(kind, label, count) for (kind, label), count in counts.items() if count > 0]
    return Row(entry, changes, sum(count for *_, count in words), words, has_more=sought < entry.total)


def wanted() -> Wanted:
    """What the address asks for; a kind that there is not is none."""
    person, folder, kind = (
        request.args.get(name, "").replace("\0", "")[:_MOST_CHARACTERS].strip() for name in ("person", "folder", "kind")
    )
    return Wanted(person, folder.strip("/"), kind if kind in CHANGE_TYPES else "")


@blueprint.get("/activity")
def activity_page() -> str:
    """What happened."""
    asked = wanted()
    before = min(max(request.args.get("before", 0, type=int), 0), 1 << 62) or None
    found = activity().page(asked, before=before, limit=_COMMITS, most=_FOLDED)
    return render_template(
        "web/activity.html",
        days=list(by_day(rows(found.entries))),
        older=found.older,
        reached=found.reached,
        before=before,
        wanted=asked,
        filters={name: value for name, value in asked._asdict().items() if value},
        kinds=CHANGE_TYPES,
        people=_typed(one.email or one.name for one in activity().newcomers(_PEOPLE)),
        folders=_typed(name for name, _ in catalogue().folders("")),
    )


def _typed(offered: Iterable[str]) -> list[str]:
    """What a field offers: each text once, and none with characters that nobody sees, which no box can show there."""
    return [one for one in dict.fromkeys(offered) if not shown.invisible(one)]


@blueprint.get("/activity/<commit>")
def activity_commit(commit: str) -> str:
    """What one commit did."""
    start = min(max(request.args.get("start", 0, type=int), 0), 1 << 31) // _CHANGES * _CHANGES
    entry = activity().commit(commit, start=start, most=_CHANGES)
    if entry is None:
        raise NotFound("This commit did nothing to prompts, labels, checks, releases or rules.")
    return render_template("web/commit.html", row=_row(entry), start=start, per_page=_CHANGES)


@blueprint.get("/activity.atom")
def activity_feed() -> Response:
    """The same as an Atom feed: the newest commits, with the page's filters."""
    asked = wanted()
    found = activity().page(asked, limit=_COMMITS, most=_FOLDED)
    public: str = current_app.config["PUBLIC_URL"]
    filters = {name: value for name, value in asked._asdict().items() if value}
    said = get_template_attribute("web/macros/activity.html", "summary")
    feed = atom.Feed(
        identity=(activity().root(), *asked),
        title=", ".join(["promptgit", *(f"{name} {value}" for name, value in filters.items())]),
        addresses=tuple(_absolute(public, endpoint, filters) for endpoint in ("activity_feed", "activity_page")),
        entries=[_told(row, said(row).striptags(), public) for row in rows(found.entries)],
    )
    answer = Response(feed.document(), content_type="application/atom+xml; charset=utf-8")
    answer.add_etag()  # and no Last-Modified: the next commit may be of the very same second
    answer.make_conditional(request)
    return answer


def _told(row: Row, title: str, public: str) -> atom.Entry:
    change = row.changes[0]
    entry = row.entry
    line = get_template_attribute("web/macros/activity.html", "act")
    lines = [line(one).striptags() for one in row.changes] if row.count > 1 else []
    if (more := row.count - len(row.changes)) > 0:
        lines.append(f"and {more:,} more")
    alone = row.count == 1
    return atom.Entry(
        commit=entry.commit,
        title=title,
        text="\n\n".join(filter(None, (entry.description, "\n".join(lines)))),
        author=entry.author,
        committer=entry.committer,
        updated=row.stored,
        kinds=sorted({kind for kind, *_ in row.words}),
        address=address_of(public, change.as_json()) if alone else public and f"{public}/activity/{entry.commit}",
    )


def _absolute(public: str, endpoint: str, filters: dict[str, str]) -> str:
    """The address of a page below that of the service; '' if that is not set."""
    values: dict[str, Any] = {**filters}
    path = url_for(f"{blueprint.name}.{endpoint}", **values)
    return public and public + path.removeprefix(request.script_root)
