"""`promptgit backup`."""

from __future__ import annotations

from pathlib import Path

import click

from promptgit.cli.base import Refusal, data_option, main
from promptgit.settings import Settings


@main.command()
@click.argument("dest", type=click.Path(path_type=Path))
@data_option
def backup(dest: Path, data: Path | None) -> None:
    """Make a backup at DEST, or bring the one that is there up to date, beside a running server."""
    from promptgit import backup as backups
    from promptgit.store.store import Store

    settings = Settings.from_environment(data=data)
    store = Store(settings.data, lock_timeout=settings.lock_timeout)
    if not store.repository.is_complete():
        raise Refusal(f"There is no repository at {store.repository.path}.")
    made = backups.back_up(store.repository, dest)
    tip = made.main()
    click.echo(f"{dest} holds {made.git.count(tip, first_parent=True):,} commits, up to {tip}.")
