"""`promptgit hook`: webhooks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptgit.cli.base import data_option, existing_store, expect_owner, main
from promptgit.domain.models import HOOK_FORMATS, PROMPT_CHANGES
from promptgit.jobs.outbound import Undelivered
from promptgit.settings import Settings

if TYPE_CHECKING:
    from promptgit.jobs.deliveries import Deliveries


@main.group()
def hook() -> None:
    """Manage webhooks: URLs to which the server posts what is done.

    A running server delivers, and obeys at once.
    """


@hook.command()
@click.argument("url")
@click.option(
    "--events",
    default=",".join(PROMPT_CHANGES),
    help="Which changes; check, release, rules and commit (a message for each commit) only if you ask.  "
    f"[default: {','.join(PROMPT_CHANGES)}]",
)
@click.option("--prefix", default="", help="Only of prompts whose names begin so, such as support/.")
@click.option(
    "--format",
    "form",
    type=click.Choice(HOOK_FORMATS),
    default=HOOK_FORMATS[0],
    show_default=True,
    help="json: signed as Standard Webhooks has it; slack: for people, also in Mattermost; "
    "github-dispatch: starts workflows.",
)
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With json: holds what the receiver verifies signatures with, whsec_ and 24 to 64 bytes in base64.",
)
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With github-dispatch: holds the token for GitHub; it is read at each delivery.",
)
@click.option("--allow-private", is_flag=True, help="URL may lead into a private network, or to this machine.")
@data_option
def add(
    url: str,
    events: str,
    prefix: str,
    form: str,
    secret_file: Path | None,
    token_file: Path | None,
    allow_private: bool,
    data: Path | None,
) -> None:
    """Post to URL what is done from now on; prints the hook's id. The URL - is read from standard input."""
    deliveries, head = _deliveries(data)
    made = deliveries.hooks.add(
        sys.stdin.readline().strip() if url == "-" else url,
        [event.strip() for event in events.split(",")],
        prefix,
        secret_file.read_text(errors="replace").strip() if secret_file else "",
        head,
        allow_private=allow_private,
        form=form,
        token_file=str(token_file.absolute()) if token_file else "",
    )
    click.echo(made.id)


@hook.command("list")
@data_option
def list_(data: Path | None) -> None:
    """Every hook: id, address, events, prefix, format, state."""
    hooks = _deliveries(data)[0].hooks
    for one in hooks.all():
        state = hooks.state(one.id)
        said = f"failing ({state.failures}): {state.error}" if state.failures else "ok"
        told = one.id, one.shown_url, ",".join(one.events), one.prefix or "*", one.format, said
        click.echo("  ".join(told))
    for hook_id in hooks.foreign():
        click.echo(f"{hook_id}  was made by another version of promptgit, and is not served by this one")


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
