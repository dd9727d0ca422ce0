"""The commands that compare the index with git: reindex, check."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path

import click

from promptgit.cli.base import counter, data_option, existing_store, main, open_store
from promptgit.settings import Settings

# Each command imports what it needs of the server, so that `promptgit --help` works without it.


@main.command()
@data_option
def reindex(data: Path | None) -> None:
    """Build the index anew from git."""
    store = open_store(Settings.from_environment(data=data), catch_up=False)
    with counter("Reading history") as progress:
        store.index.rebuild(progress)
    click.echo(f"The index was built anew up to the commit {store.repository.main()}.")


@main.command()
@data_option
@click.option("--quick", is_flag=True, help="Compare only; do not verify every object.")
def check(data: Path | None, quick: bool) -> None:
    """Verify every object, compare the index with git, and say what else should not stay.

    Exits with 1 if there is anything.
    """
    from promptgit.exchange import checker, soundness

    store = existing_store(data)
    count = 0
    with counter("Reading history") as progress:
        for difference in chain(
            store.warnings(), soundness.faults(store, quick=quick), checker.differences(store, progress)
        ):
            click.echo(difference)
            count += 1
    told = "1 difference." if count == 1 else f"{count:,} differences."
    click.echo(told if count else "The index agrees with git.")
    sys.exit(1 if count else 0)
