"""The commands that read: log, show, blame, diff, ls."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice, repeat
from typing import Any

import click

from promptgit.cli import differences
from promptgit.cli.base import Refusal, main
from promptgit.cli.output import (
    check_line,
    color_option,
    colored,
    date,
    json_array,
    json_option,
    paged,
    plain,
    print_json,
)
from promptgit.cli.target import Name, at_option, connected, format_option, version_of
from promptgit.client.release_values import Check
from promptgit.client.synchronous import Client
from promptgit.client.values import Lines, Prompt, Usage, Version
from promptgit.domain.names import revision_of
from promptgit.domain.usage import last, times

_REPLACED = "\ufffd"


@main.command()
@click.argument("name", type=Name())
@click.option("-n", "--max-count", "count", type=click.IntRange(0), metavar="N", help="At most N versions.")
@click.option("--oneline", is_flag=True, help="A line for each version.")
@click.option("--reverse", is_flag=True, help="The oldest first.")
@click.option("--usage", "is_used", is_flag=True, help="Show who has read each version, by which label, and when last.")
@json_option
@color_option
@connected
def log(
    client: Client, name: str, count: int | None, oneline: bool, reverse: bool, is_used: bool, as_json: bool
) -> None:
    """Show a prompt's versions and what CIs say about them, the newest first.

    Those of a deleted prompt, too.
    """
    used: dict[int, list[Usage]] = {}
    for reads in sorted(client.usage(name) if is_used else (), key=lambda one: one.last_read, reverse=True):
        used.setdefault(reads.version_number, []).append(reads)
    page = 500 if count is None else max(1, min(count, 500))
    versions = islice(client.versions(name, newest_first=not reverse, page=page), count)
    checked = _checked(client, versions, page)
    if as_json:
        paged(json_array(_json(version, checks, used if is_used else None) for version, checks in checked))
    else:
        show = _line if oneline else _paragraph
        gaps = chain([""], repeat("\n"))
        paged(
            show(version, checks, used.get(version.version_number, ()), gap)
            for (version, checks), gap in zip(checked, gaps, strict=False)
        )


def _checked(client: Client, versions: Iterable[Version], page: int) -> Iterator[tuple[Version, Sequence[Check]]]:
    """Versions with their checks, which take one more request for each *page* of versions."""
    rest = iter(versions)
    while some := list(islice(rest, page)):
        numbers = [version.version_number for version in some]
        found: dict[int, list[Check]] = {}
        for check in client.version_checks(some[0].prompt_id, after=min(numbers) - 1, before=max(numbers) + 1):
            found.setdefault(check.version_number, []).append(check)
        yield from ((version, found.get(version.version_number, ())) for version in some)


def _json(version: Version, checks: Sequence[Check], used: Mapping[int, Sequence[Usage]] | None) -> dict[str, Any]:
    shown = version.json() | {"checks": [check.json() for check in checks]}
    if used is not None:
        shown["usage"] = [reads.json() for reads in used.get(version.version_number, ())]
    return shown


def _heads(version: Version) -> str:
    labels = "".join(f", {click.style(label, fg='green', bold=True)}" for label in version.labels)
    return click.style(f"version {version.version_number}", fg="yellow") + labels


def _paragraph(version: Version, checks: Sequence[Check], used: Sequence[Usage], gap: str) -> str:
    said = "".join(f"Check:  {check_line(check)}\n" for check in checks)
    said += "".join(f"Read:   {_read_line(reads)}\n" for reads in used)
    makers = {"Author": version.author, "Commit": version.committer}  # as `git log --format=full` has it
    who = "".join(f"{role}: {plain(one.name)} <{plain(one.email)}>\n" for role, one in makers.items() if one)
    description = "".join(f"    {line}".rstrip() + "\n" for line in plain(version.description).split("\n"))
    return (
        f"{gap}{_heads(version)}\n"
        f"commit {version.commit}\n"
        f"{who}"
        f"Date:   {date(version.timestamp)}\n"
        f"{said}\n"
        f"{description}"
    )


def _read_line(reads: Usage) -> str:
    """When last and by whom, how often on the days that are kept, and by which label."""
    how = f"by the label {reads.label}" if reads.label else "by its number"
    return plain(f"{last(reads, datetime.now(UTC))}, {times(sum(reads.days.values()))} {how}")


def _line(version: Version, checks: Sequence[Check], used: Sequence[Usage], _: str) -> str:
    first = plain(version.description).partition("\n")[0]
    labels = f" ({', '.join(version.labels)})" if version.labels else ""
    number = click.style(str(version.version_number), fg="yellow")
    told = "".join(f"  {check.check}: {check.state}" for check in checks)
    read = f"  last read {plain(last(used[0], datetime.now(UTC)))}" if used else ""
    return f"{number} {version.commit[:7]}{click.style(labels, fg='green')} {first}{told}{read}\n"


@main.command()
@click.argument("name", type=Name(), metavar="NAME[@VERSION|@LABEL]")
@click.option("--resolve", is_flag=True, help="With the prompts within it put in.")
@at_option
@format_option
@json_option
@connected
def show(client: Client, name: str, resolve: bool, at: str | None, format_: str | None, as_json: bool) -> None:
    """Print a prompt's content, byte for byte.

    That of its newest version, or of NAME@3 or NAME@production. Where the name itself has an @, write one behind
    it for the newest: mail@work@. With --at, what it was then, by the name of then. With --format it is a file of
    dotprompt or Prompty; what such a file cannot say is told on the standard error.
    """
    if format_ is not None and as_json:
        raise click.UsageError("--format gives a file, and --json the API's answer; say one of them.")
    if resolve and format_ is not None:
        raise click.UsageError("--resolve goes without --format: a file of another format keeps its references.")
    name, revision = revision_of(name)
    by_number = revision.isascii() and revision.isdigit()
    number, label = (int(revision), None) if by_number else (None, revision or None)
    prompt = client.get(name, version=number, label=label, at=at, resolve=resolve)
    if as_json:
        print_json(prompt.json())
    elif resolve:
        sys.stdout.buffer.write(prompt.content.encode())
    else:
        sys.stdout.buffer.write(content_of(client, prompt, format_))


def content_of(client: Client, prompt: Prompt, format_: str | None = None) -> bytes:
    """The bytes of a prompt's file, or of one of another format, of which it is told what that cannot say."""
    if format_ is not None:
        found = client.file_as(prompt.id, prompt.version_number, format_)
        for what in found.dropped:
            click.echo(f"{plain(prompt.name)}: dropped: {plain(what)}", err=True)
        return found.data
    if _REPLACED in prompt.content:  # stands in JSON for bytes that are not UTF-8
        return client.content(prompt.id, prompt.version_number)
    return prompt.content.encode()


@main.command()
@click.argument("name", type=Name())
@click.option("--version", "revision", default="", metavar="N|LABEL", help="Of this version; the newest unless given.")
@json_option
@color_option
@connected
def blame(client: Client, name: str, revision: str, as_json: bool) -> None:
    """Show which version wrote each line of a text, when and by whom."""
    number = version_of(client, name, revision)
    found = client.blame(name, number)
    if as_json:
        print_json([lines.json() for lines in found])
    else:
        paged(_blamed(found, client.content(name, number)))


def _blamed(found: Sequence[Lines], text: bytes) -> Iterator[str]:
    """Each line of a text behind the version that wrote it, who did, the date in UTC and the line's number."""
    whole = text.decode(errors="replace").removesuffix("\n").split("\n") if text else []
    writers = chain.from_iterable(repeat((lines, _writer(lines)), lines.lines) for lines in found)
    newest = max((lines.version_number for lines in found), default=0)
    longest = max((len(_writer(lines)) for lines in found), default=0)
    for at, ((lines, who), line) in enumerate(zip(writers, whole, strict=True), 1):
        number = click.style(f"{lines.version_number:>{len(str(newest))}}", fg="yellow")
        when = f"{lines.timestamp:%Y-%m-%d %H:%M}"
        yield f"{number} ({who:<{longest}} {when} {at:>{len(str(len(whole)))}}) {plain(line)}\n"


def _writer(lines: Lines) -> str:
    return plain(lines.author.name + (f", stored by {lines.committer.name}" if lines.committer else ""))


@main.command()
@click.argument("name", type=Name())
@click.argument("old", required=False, metavar="[A]")
@click.argument("new", required=False, metavar="[B]")
@click.option("--word-diff", is_flag=True, help="Show words that changed, as `git diff --word-diff` does.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if there are differences.")
@json_option
@color_option
@connected
def diff(
    client: Client, name: str, old: str | None, new: str | None, word_diff: bool, exit_code: bool, as_json: bool
) -> None:
    """Show what changed between two versions.

    From A to B, each a number or a label. Without B to the newest version; without A what the newest one changed.
    """
    after = version_of(client, name, new or "")
    before = after - 1 if old is None else version_of(client, name, old)
    if before == 0 and old is None:
        raise Refusal(f"{name!r} has one version: there is none to compare it with.")
    found = client.diff(name, before, after)
    if as_json:
        counts = {"additions": found.additions, "deletions": found.deletions}
        print_json({"from": before, "to": after, "diff": found.text} | counts)
    elif word_diff:
        sides = [client.content(name, number) for number in (before, after)]
        paged([differences.words(found.text, sides[0], sides[1], color=colored())])
    else:
        paged(differences.lines(found.text) if colored() else [found.text])
    if exit_code and found.text:
        sys.exit(1)


@main.command()
@click.argument("prefix", required=False, type=Name())
@click.option("-l", "--long", is_flag=True, help="With version, time and labels.")
@click.option("--label", help="Only those with this label, each at the version that it points at.")
@click.option("--search", metavar="TEXT", help="Only those with TEXT in the name or the newest content.")
@at_option
@json_option
@connected
def ls(
    client: Client,
    prefix: str | None,
    long: bool,
    label: str | None,
    search: str | None,
    at: str | None,
    as_json: bool,
) -> None:
    """List prompts, all or those under a prefix.

    With --at, those of then, which cannot be searched.
    """
    found = client.list(prefix=prefix, q=search, label=label, at=at, page=1000)
    if as_json:
        paged(json_array(prompt.json() for prompt in found))
    else:
        paged(_row(prompt) if long else f"{plain(prompt.name)}\n" for prompt in found)


def _row(prompt: Prompt) -> str:
    labels = " ".join(f"{label}={number}" for label, number in prompt.labels.items())
    row = f"{prompt.version_number:>6}  {prompt.updated_at:%Y-%m-%d %H:%M}  {plain(prompt.name)}  {labels}"
    return row.rstrip() + "\n"
