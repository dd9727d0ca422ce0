"""`promptgit promote`."""

from __future__ import annotations

import sys

import click

from promptgit.cli import moves
from promptgit.cli.attribution import Attribution, attributed
from promptgit.cli.base import Refusal, main
from promptgit.cli.output import color_option, json_option, print_answer
from promptgit.cli.target import connected
from promptgit.client.commit_values import Promoted
from promptgit.client.synchronous import Client


@main.command()
@click.argument("source", metavar="FROM")
@click.argument("label", metavar="LABEL")
@click.option("--prefix", metavar="FOLDER", help="Only prompts below this folder of names.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would move.")
@json_option
@color_option
@attributed
@connected
def promote(
    client: Client,
    source: str,
    label: str,
    prefix: str | None,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    attribution: Attribution,
) -> None:
    """Point LABEL where FROM points, in one commit.

    That is done for every prompt that has the label FROM; FROM can be latest. Shown first: each prompt whose label
    moves, from which version to which, and the lines that this adds and takes away.
    """
    foreseen = client.promote(source, label, prefix=prefix, dry_run=True)
    if dry_run and as_json:
        return _print(foreseen, as_json)
    for one in foreseen.results:
        click.echo(moves.shown(client, one.prompt_id, one.name, one.before, one.after), err=as_json)
    if not foreseen.results:
        click.echo(f"Nothing to promote: {label} points where {source} does.", err=True)
    if dry_run or not foreseen.results:
        return _print(foreseen, as_json) if as_json else None
    if not (yes or sys.stdin.isatty()):
        raise Refusal("Nothing was promoted: add --yes, for there is nobody to ask.")
    if not (yes or click.confirm(f"Point {label} there?", err=True)):
        raise Refusal("Nothing was promoted.")
    made = client.promote(source, label, prefix=prefix, **attribution)
    if made.results != foreseen.results:
        click.echo("Somebody else has moved labels or saved meanwhile. What was done:", err=True)
        for one in made.results:
            click.echo(moves.shown(client, one.prompt_id, one.name, one.before, one.after), err=True)
    _print(made, as_json)
    return None


def _print(made: Promoted, as_json: bool) -> None:
    count = len(made.results)
    moved = f"{count:,} prompt{'' if count == 1 else 's'}"
    line = f"[{made.commit[:7]}] {moved}" if made.commit else "Nothing was moved."
    print_answer({"commit": made.commit, "results": [one.json() for one in made.results]}, line, as_json=as_json)
