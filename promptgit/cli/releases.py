"""`promptgit release`: requests to move gated labels, step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice

import click

from promptgit.cli.attribution import Attribution, attributed
from promptgit.cli.base import main
from promptgit.cli.output import check_line, color_option, date, json_array, json_option, paged, plain, print_answer
from promptgit.cli.target import Name, connected, version_of
from promptgit.client.release_values import AskedCheck, Deed, Release
from promptgit.client.synchronous import Client
from promptgit.client.values import ReleaseItem
from promptgit.domain.names import revision_of

_STATES = ("open", "ready", "outdated", "released", "rejected", "withdrawn", "overridden")
_COLORS = {"released": "green", "ready": "green", "open": "yellow", "overridden": "red", "outdated": "red"}
_number = click.argument("number", type=click.IntRange(1), metavar="NUMBER")


@main.group()
def release() -> None:
    """Move a gated label: open, approve, make and roll back releases.

    Each step is a commit. Which labels are gated, and what a release of them takes, is in the rules:
    `promptgit rules show`.
    """


@release.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state; open has ready and outdated ones.")
@click.option("--label", help="Only those of this label.")
@click.option("-n", "--max-count", "count", type=click.IntRange(0), metavar="N", help="At most N releases.")
@json_option
@color_option
@connected
def list_(client: Client, state: str | None, label: str | None, count: int | None, as_json: bool) -> None:
    """List releases, the newest first."""
    found = islice(client.releases(state=state, label=label), count)
    paged(json_array(one.json() for one in found) if as_json else map(_row, found))


@release.command()
@_number
@json_option
@color_option
@connected
def show(client: Client, number: int, as_json: bool) -> None:
    """Show a release: its items, checks and approvals, and what is missing."""
    found = client.release(number)
    print_answer(found.json(), *_paragraphs(found), as_json=as_json)


@release.command("open")
@click.argument("label")
@click.argument("items", nargs=-1, type=Name(), metavar="[NAME@VERSION|NAME@LABEL]...")
@click.option("--from", "source", metavar="LABEL", help="Instead of names: where this label points, or latest.")
@click.option("--prefix", help="With --from: only names below this folder.")
@click.option("--when-ready", is_flag=True, help="Make it by itself, with the last approval or check that it lacks.")
@json_option
@attributed
@connected
def open_(
    client: Client,
    label: str,
    items: tuple[str, ...],
    source: str | None,
    prefix: str | None,
    when_ready: bool,
    as_json: bool,
    attribution: Attribution,
) -> None:
    """Ask for LABEL to be moved to versions; -m says what for.

    They are support/greeting@5, support/greeting@staging, or the newest (support/greeting, support/greeting@latest).
    """
    if bool(items) == (source is not None):
        raise click.UsageError("Give names with their versions, or --from LABEL.")
    if prefix is not None and source is None:
        raise click.UsageError("--prefix goes with --from.")
    why, author = attribution["description"], attribution["author"]
    if why is None:
        raise click.UsageError("Say what the release is for, to those who approve it: -m.")
    wanted: dict[str, int] = {}
    for name, revision in map(revision_of, items):
        if name in wanted:
            raise click.UsageError(f"{name!r} is given twice; a label points at one version of it.")
        wanted[name] = version_of(client, name, revision)
    opened = client.open_release(
        label,
        wanted or None,
        from_label=source,
        prefix=prefix,
        when_ready=when_ready,
        description=why,
        author=author,
    )
    print_answer(opened.json(), *_paragraphs(opened), as_json=as_json)


def _step(name: str, verb: Callable[..., Release], text: str) -> None:
    """Add a command that takes one step of a release, and prints the release as it is then."""

    @release.command(name, help=text)
    @_number
    @json_option
    @attributed
    @connected
    def step(client: Client, number: int, as_json: bool, attribution: Attribution) -> None:
        if name == "rollback" and attribution["description"] is None:
            raise click.UsageError("Say why it is rolled back: -m.")
        done = verb(client, number, **attribution)
        print_answer(done.json(), *_paragraphs(done), as_json=as_json)


_step(
    "approve",
    Client.approve_release,
    "Approve a release that somebody else has opened, and whose versions others have written.",
)
_step("reject", Client.reject_release, "Close a release: it moves nothing.")
_step("withdraw", Client.withdraw_release, "Close a release that you have opened.")
_step("make", Client.make_release, "Move the labels of a release that is ready, in one commit.")
_step(
    "rollback",
    Client.roll_back_release,
    "Return the labels of a release to the versions before it, which were released; a release of its own. -m says why.",
)


def _row(one: Release) -> str:
    why = plain(one.description).partition("\n")[0]
    state = click.style(f"{one.state:10}", fg=_COLORS.get(one.state))
    items = _moves(one.items[0]) if len(one.items) == 1 else f"{len(one.items)} prompts"
    when, who = date(one.opened.timestamp), plain(one.opened.by)
    return f"{one.number:>6}  {state}  {when}  {who}  {one.label}: {items}  {why}\n"


def _paragraphs(one: Release) -> Iterator[str]:
    checks: dict[str, list[AskedCheck]] = defaultdict(list)
    for asked in one.checks:
        checks[asked.prompt_id].append(asked)
    yield f"{click.style(f'release {one.number}', fg='yellow')} to {one.label}: " + click.style(
        one.state, fg=_COLORS.get(one.state), bold=True
    )
    yield f"Opened:     {_deed(one.opened)}"
    if one.rollback_of is not None:
        yield f"Takes back release {one.rollback_of}."
    if one.when_ready and one.closed is None:
        yield "It is made by itself, once it is ready."
    yield "".join(f"\n    {line}".rstrip() for line in plain(one.description).split("\n")) + "\n"
    for item in one.items:
        yield f"  {_moves(item)}"
        for asked in checks[item.prompt_id]:
            yield f"      {check_line(asked)}"
    for approval in one.approvals:
        yield f"Approved:   {_deed(approval)}{_reason(approval)}{'' if approval.counts else '  (does not count)'}"
    if one.closed is not None:
        yield f"{one.state.capitalize() + ':':11} {_deed(one.closed)}{_reason(one.closed)}"
    for lacking in one.missing:
        yield f"Missing:    {plain(lacking)}"


def _moves(item: ReleaseItem) -> str:
    ends = " -> ".join("nowhere" if end is None else f"v{end}" for end in (item.before, item.after))
    return f"{plain(item.name)}  {ends}"


def _deed(deed: Deed) -> str:
    owner = f" ({plain(deed.owner)})" if deed.owner and deed.owner != deed.by else ""
    return f"{date(deed.timestamp)}  {plain(deed.by)}{owner}"


def _reason(deed: Deed) -> str:
    why = plain(deed.description).partition("\n")[0]
    return f"  {why}" if why else ""
