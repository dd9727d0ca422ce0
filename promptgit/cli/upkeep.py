"""`promptgit upkeep`."""

from __future__ import annotations

from pathlib import Path

import click

from promptgit.cli.base import Refusal, data_option, existing_store, main
from promptgit.settings import Settings


@main.command()
@data_option
def upkeep(data: Path | None) -> None:
    """Pack the repository, also while servers run: clones and `git log` stay quick."""
    store = existing_store(Settings.from_environment(data=data))
    if not store.upkeep.run():
        raise Refusal("Another process is at it.")
    state = store.upkeep.state()
    click.echo(f"Packs: {state.packs:,}. Objects that came meanwhile: {state.fresh_objects:,}.")
