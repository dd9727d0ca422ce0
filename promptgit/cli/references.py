"""`promptgit references`."""

from __future__ import annotations

import click

from promptgit.cli.base import main
from promptgit.cli.output import json_option, plain, print_answer
from promptgit.cli.target import Name, connected
from promptgit.client.reference_values import Use, UsedBy
from promptgit.client.synchronous import Client


@main.command()
@click.argument("name", type=Name())
@json_option
@connected
def references(client: Client, name: str, as_json: bool) -> None:
    """Tell which prompts a prompt uses, and where it is used.

    The newest and the labelled versions of prompts count.
    """
    found = client.references(name)
    lines = [*map(_use, found.uses), *map(_used_by, found.used_by)]
    print_answer(
        found.json(), *(lines or [f"{plain(name)} refers to no prompt, and none refers to it."]), as_json=as_json
    )


def _use(use: Use) -> str:
    by = f"@{use.label}" if use.label else ""
    means = f"version {use.version_number}" if use.version_number else "nothing"
    return f"uses     {plain(use.name)}{plain(by)}, which is {means}, in version {', '.join(map(str, use.used_in))}"


def _used_by(user: UsedBy) -> str:
    by = f"the label {plain(user.label)}" if user.label else f"version {user.used_version or '(none)'}"
    return f"used by  {plain(user.name)}, version {user.version_number}, by {by}"
