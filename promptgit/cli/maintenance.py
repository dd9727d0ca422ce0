"""The commands that maintain the repository of a data folder: backup, upkeep."""

from __future__ import annotations

from pathlib import Path

import click

from promptgit.cli.base import Refusal, data_option, existing_store, main
from promptgit.settings import Settings


@main.command()
@click.argument("dest", type=click.Path(path_type=Path))
@data_option
def backup(dest: Path, data: Path | None) -> None:
    """Make a backup at DEST, or bring the one that is there up to date, also while a server runs.

    It has the history, the tokens (their hashes) and the access log, but no webhooks, whose secrets are in the clear.
    """
    from promptgit.exchange import backup as backups
    from promptgit.service.stores import store_of

    settings = Settings.from_environment(data=data)
    store = store_of(settings)
    if not store.repository.is_complete():
        raise Refusal(f"There is no repository at {store.repository.path}.")
    made = backups.back_up(store.repository, dest)
    tip = made.main()
    click.echo(f"{dest} holds {made.git.count(tip, first_parent=True):,} commits, up to {tip}.")
    _tell_the_rest(settings.data)


def _tell_the_rest(folder: Path) -> None:
    """Say what else a backup of *folder* holds, and on standard error what is missing in it."""
    from promptgit.auth.tokens import Tokens
    from promptgit.errors import UnusableTokens
    from promptgit.jobs.hooks import Hooks
    from promptgit.store import access_log

    if hooks := Hooks(folder).all():
        click.echo(
            f"NOT in it: hooks.json, which has the secrets of webhooks ({len(hooks):,}) in the clear. "
            "Keep a copy of it where secrets may be.",
            err=True,
        )
    tokens = Tokens(folder)
    try:
        if tokens.are_made():
            logged = ", and the access log" if (folder / access_log.NAME).exists() else ""
            click.echo(f"It also holds the tokens ({len(tokens.all()):,}), as hashes{logged}.")
    except UnusableTokens as error:
        raise Refusal(f"The tokens are NOT in it: {error}") from error


@main.command()
@data_option
def upkeep(data: Path | None) -> None:
    """Pack the repository, also while servers run: clones and `git log` stay quick."""
    store = existing_store(data)
    if not store.upkeep.run():
        raise Refusal("Another process is at it.")
    state = store.upkeep.state()
    click.echo(f"Packs: {state.packs:,}. Objects that came meanwhile: {state.fresh_objects:,}.")
