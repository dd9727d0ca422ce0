"""The command line."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from promptgit import checker, importer
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


def _data(command: Callable[..., None]) -> Callable[..., None]:
    help_text = "The folder that keeps everything.  [default: data]"
    return click.option("--data", type=click.Path(file_okay=False, path_type=Path), help=help_text)(command)


@main.command()
@_data
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="The port to listen on; 0 takes a free one.  [default: 8000]")
@click.option("--workers", type=int, help="Processes.  [default: 2]")
@click.option("--threads", type=int, help="Threads of each process.  [default: 8]")
def serve(**flags: Any) -> None:
    """Serve the HTTP API."""
    settings = Settings.from_environment(**flags)
    _expect_free(settings)
    _open(settings).close()
    from promptgit import server  # gunicorn and Flask: slow to import, and only needed here

    server.share_memory()
    server.Server(settings).run()


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_data
@click.option("--skip-invalid", is_flag=True, help="Go on past lines that cannot be taken, and list them.")
def import_(file: Path, data: Path | None, skip_invalid: bool) -> None:
    """Load a history from FILE: JSON Lines, plain or gzip, one commit a line."""
    settings = Settings.from_environment(data=data)
    store = _open(settings)
    run = importer.Import(store, settings.max_content_bytes, skip_invalid=skip_invalid)
    with click.progressbar(length=os.path.getsize(file), label="Importing", file=sys.stderr) as bar:
        for position in run.take(lambda: importer.open_lines(file)):
            bar.update(position - bar.pos)
    for refused in run.refused:
        click.echo(f"skipped: {refused}", err=True)
    click.echo(f"{run.added:,} commits added, {run.present:,} lines there already, {len(run.refused):,} skipped.")


@main.command()
@_data
def reindex(data: Path | None) -> None:
    """Build the index anew from git."""
    store = _open(Settings.from_environment(data=data), catch_up=False)
    with _counter("Reading history") as progress:
        store.index.rebuild(progress)
    click.echo(f"The index was built anew up to the commit {store.repository.main()}.")


@main.command()
@_data
def check(data: Path | None) -> None:
    """Compare the index with git; exit with 1 if they differ."""
    settings = Settings.from_environment(data=data)
    store = Store(settings.data, lock_timeout=settings.lock_timeout)
    if not store.repository.path.exists():
        raise click.ClickException(f"There is no repository at {store.repository.path}.")
    count = 0
    with _counter("Reading history") as progress:
        for difference in checker.differences(store, progress):
            click.echo(difference)
            count += 1
    told = "1 difference." if count == 1 else f"{count:,} differences."
    click.echo(told if count else "The index agrees with git.")
    sys.exit(1 if count else 0)


def _expect_free(settings: Settings) -> None:
    """Refuse an address that cannot be had, before anything else is done."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise click.ClickException(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}."
        ) from error


def _open(settings: Settings, *, catch_up: bool = True) -> Store:
    store = Store(settings.data, lock_timeout=settings.lock_timeout)
    with _counter("Building the index") as progress:
        store.open(progress, catch_up=catch_up)
    return store


@contextmanager
def _counter(label: str) -> Iterator[Progress]:
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
