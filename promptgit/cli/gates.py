"""What releases are judged by: `promptgit rules`, and `promptgit report` for checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import click

from promptgit.cli.attribution import Attribution, attributed
from promptgit.cli.base import main
from promptgit.cli.output import json_option, plain, print_answer, print_json
from promptgit.cli.target import Name, connected, version_of
from promptgit.cli.writing import text_of
from promptgit.client.release_values import Rules
from promptgit.client.synchronous import Client


@main.group()
def rules() -> None:
    """Which labels are gated, and what a release of them takes: the file rules.toml of the repository."""


@rules.command()
@json_option
@connected
def show(client: Client, as_json: bool) -> None:
    """Print the rules, as the file has them."""
    found = client.rules()
    if as_json:
        print_json(found.json())
        return
    click.echo(found.content, nl=False)
    for problem in found.problems:
        click.echo(f"promptgit: {plain(problem)}", err=True)


@rules.command("set")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--if-match", metavar="COMMIT", help="Only if this commit changed the rules last: `rules show --json`.")
@click.option("--create-only", is_flag=True, help="Only if there are none.")
@json_option
@attributed
@connected
def set_(
    client: Client,
    file: BinaryIO,
    if_match: str | None,
    create_only: bool,
    as_json: bool,
    attribution: Attribution,
) -> None:
    """Write the rules, as an administrator.

    Without FILE, or for -, from the standard input. What would not be understood is refused.
    """
    if if_match is not None and create_only:
        raise click.UsageError("Give --if-match or --create-only, not both.")
    content = text_of(file.read(), file.name)
    made = client.set_rules(content, if_match=if_match, create_only=create_only, **attribution)
    print_answer(made.json(), *_gates(made), as_json=as_json)


def _gates(made: Rules) -> Iterator[str]:
    for label, gate in made.labels.items():
        approvals = "1 approval" if gate.approvals == 1 else f"{gate.approvals} approvals"
        below = f", below {' and '.join(map(plain, gate.prefixes))}" if gate.prefixes else ""
        yield f"{label}: {', '.join([approvals, *gate.checks])}{below}"
    if not made.labels:
        yield "No label is gated."


@main.command()
@click.argument("name", type=Name())
@click.argument("version")
@click.argument("check")
@click.argument("state", type=click.Choice(["success", "failure", "pending"]))
@click.option("--summary", metavar="TEXT", help="One line for people.")
@click.option("--link", metavar="URL", help="Where more is told.")
@json_option
@attributed
@connected
def report(
    client: Client,
    name: str,
    version: str,
    check: str,
    state: str,
    summary: str | None,
    link: str | None,
    as_json: bool,
    attribution: Attribution,
) -> None:
    """Say how a check of a version went, as a CI does.

    VERSION is a number, a label, or latest. A check that the rules name takes a token that may set it.
    """
    number = version_of(client, name, version)
    said = client.set_check(name, number, check, state, summary=summary, url=link, **attribution)
    print_answer(said.json(), f"{said.check} of {plain(name)} version {number}: {said.state}", as_json=as_json)
