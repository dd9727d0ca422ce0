"""`promptgit label`."""

from __future__ import annotations

import click

from promptgit.cli import moves
from promptgit.cli.attribution import Attribution, forcible, overridable, writes
from promptgit.cli.base import main
from promptgit.cli.output import date, plain, print_answer, tell_reads
from promptgit.cli.target import Name, at_option, version_of
from promptgit.client.synchronous import Client
from promptgit.client.values import Label, LabelMove


@main.command()
@click.argument("name", type=Name())
@click.argument("label", required=False, metavar="[LABEL]")
@click.argument("version", required=False, metavar="[VERSION]")
@click.option("-d", "--delete", is_flag=True, help="Remove LABEL.")
@at_option
@writes
@overridable
@forcible
def label(
    client: Client,
    name: str,
    label: str | None,
    version: str | None,
    delete: bool,
    at: str | None,
    if_match: int | None,
    override: bool,
    force: bool,
    as_json: bool,
    attribution: Attribution,
) -> None:
    """Point a label at a version, or tell where.

    VERSION is a number, another label, or latest. Without VERSION tell every move of LABEL; without LABEL where all
    labels point, or with --at: where they pointed then.
    """
    if at is not None and (label is not None or delete):
        raise click.UsageError("With --at give no label: it tells where all of them pointed.")
    if force and not delete:
        raise click.UsageError("--force is for --delete: no reference breaks where a label only moves.")
    if delete:
        if label is None or version is not None:
            raise click.UsageError("With --delete give a label, and no version.")
        was_there = _show(client, name, label, None, as_json) is not None
        if was_there and not as_json:
            tell_reads(f"{label} of {name}", [one for one in client.usage(name) if one.label == label])
        # Sent for a label that is missing as well: the server may refuse it for another reason.
        client.remove_label(name, label, if_match=if_match, override=override, force=force, **attribution)
        done = f"Removed {label} from {plain(name)}."
        if not was_there:
            done = f"{plain(name)} has no label {label}: nothing was removed."
        print_answer({"deleted": label if was_there else None}, done, as_json=as_json)
    elif label is None:
        found = client.labels(name, at=at)
        print_answer([one.json() for one in found], *map(_row, found), as_json=as_json)
    elif version is None:
        moves = client.label_history(name, label)
        print_answer([move.json() for move in moves], *map(_move, moves), as_json=as_json)
    else:
        number = version_of(client, name, version)
        _show(client, name, label, number, as_json)
        pointed = client.set_label(name, label, number, if_match=if_match, override=override, **attribution)
        print_answer(pointed.json(), f"{label} of {plain(name)} -> version {pointed.version_number}", as_json=as_json)


def _show(client: Client, name: str, label: str, number: int | None, as_json: bool) -> int | None:
    """Say what is going to change, before it does; where the label points now."""
    before = next((one.version_number for one in client.labels(name) if one.label == label), None)
    if before != number and not as_json:
        click.echo(moves.shown(client, name, name, before, number), err=True)
    return before


def _row(one: Label) -> str:
    return f"{one.label:20} {one.version_number:>6}  {_signature(one)}"


def _move(move: LabelMove) -> str:
    outside = "  (outside: a push, without a release)" if move.outside else ""
    return f"{move.before or '-':>6} -> {move.after or '-':<6}  {_signature(move)}{outside}"


def _signature(made: Label | LabelMove) -> str:
    why = plain(made.description).partition("\n")[0]
    who = made.author.name + (f", stored by {made.committer.name}" if made.committer else "")
    return f"{date(made.timestamp)}  {plain(who)}  {why}"
