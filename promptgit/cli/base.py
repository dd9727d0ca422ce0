"""What the commands share: the group, the options, the store, the counter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from promptgit.errors import PromptgitError
from promptgit.settings import Settings
from promptgit.store.intake import Progress
from promptgit.store.store import Store


class _Group(click.Group):
    """Tells refusals and wrong settings in one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (PromptgitError, ValueError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group)
@click.version_option(package_name="promptgit")
def main() -> None:
    """Git-backed versions for prompts.

    Every option is also an environment variable PROMPTGIT_*; options win.
    """


def data_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --data."""
    help_text = "The folder that keeps everything.  [default: data]"
    return click.option("--data", type=click.Path(file_okay=False, path_type=Path), help=help_text)(command)


def open_store(settings: Settings, *, catch_up: bool = True) -> Store:
    """The store of the settings' folder, made if it is missing; its index is brought up to `main`."""
    store = Store(settings.data, lock_timeout=settings.lock_timeout, signing_key=settings.signing_key)
    with counter("Building the index") as progress:
        store.open(progress, catch_up=catch_up)
    return store


def existing_store(settings: Settings) -> Store:
    """The store of the settings' folder, which must be there already; its index is left alone."""
    store = Store(settings.data, lock_timeout=settings.lock_timeout, signing_key=settings.signing_key)
    if not store.repository.path.exists():
        raise click.ClickException(f"There is no repository at {store.repository.path}.")
    return store


@contextmanager
def counter(label: str) -> Iterator[Progress]:
    """Tells how many commits were read, on a terminal."""
    shown = False

    def progress(count: int) -> None:
        nonlocal shown
        if sys.stderr.isatty():
            shown = True
            click.echo(f"\r{label}: {count:,} commits", err=True, nl=False)

    yield progress
    if shown:
        click.echo(err=True)
