"""`promptgit hook`: webhooks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptgit.cli.base import data_option, existing_store, expect_owner, main
from promptgit.domain.models import PROMPT_CHANGES
from promptgit.jobs.outbound import Undelivered
from promptgit.settings import Settings

if TYPE_CHECKING:
    from promptgit.jobs.deliveries import Deliveries


@main.group()
def hook() -> None:
    """Manage webhooks: URLs to which the server posts each change, signed as Standard Webhooks has it.

    A running server delivers, and obeys at once.
    """


@hook.command()
@click.argument("url")
@click.option(
    "--events",
    default=",".join(PROMPT_CHANGES),
    help=f"Which changes; check, release and rules only if you ask.  [default: {','.join(PROMPT_CHANGES)}]",
)
@click.option("--prefix", default="", help="Only of prompts whose names begin so, such as support/.")
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Holds what the receiver verifies signatures with: whsec_ and 24 to 64 bytes in base64.",
)
@click.option("--allow-private", is_flag=True, help="URL may lead into a private network, or to this machine.")
@data_option
def add(url: str, events: str, prefix: str, secret_file: Path, allow_private: bool, data: Path | None) -> None:
    """Post to URL what is done from now on; prints the hook's id."""
    deliveries, head = _deliveries(data)
    secret = secret_file.read_text(errors="replace").strip()
    made = deliveries.hooks.add(
        url, [event.strip() for event in events.split(",")], prefix, secret, head, allow_private=allow_private
    )
    click.echo(made.id)


@hook.command("list")
@data_option
def list_(data: Path | None) -> None:
    """Every hook: id, state, address, events, prefix."""
    hooks = _deliveries(data)[0].hooks
    for one in hooks.all():
        state = hooks.state(one.id)
        said = f"failing ({state.failures}): {state.error}" if state.failures else "ok"
        click.echo(f"{one.id}  {one.url}  {','.join(one.events)}  {one.prefix or '*'}  {said}")


@hook.command()
@click.argument("hook_id", metavar="ID")
@data_option
def remove(hook_id: str, data: Path | None) -> None:
    """End a hook; what waits for it is not delivered."""
    _deliveries(data)[0].hooks.remove(hook_id)
    click.echo(f"The hook {hook_id} is removed.")


@hook.command()
@click.argument("hook_id", metavar="ID")
@data_option
def test(hook_id: str, data: Path | None) -> None:
    """Post a message of the type "test" now."""
    deliveries, _ = _deliveries(data)
    try:
        deliveries.test(deliveries.hooks.get(hook_id))
    except Undelivered as error:
        raise click.ClickException(f"Not delivered: {error}.") from error
    click.echo("Delivered.")


def _deliveries(data: Path | None) -> tuple[Deliveries, str]:
    """The deliveries of a data folder, and the commit at which `main` is."""
    from promptgit.jobs import deliveries  # libgit2 and SQLite: not for commands that ask a server

    store = existing_store(data)
    expect_owner(store.repository.path)
    return deliveries.of(Settings.from_environment(data=data)), store.repository.main()
