"""The commands for histories: import, export."""

from __future__ import annotations

import gzip
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from promptgit.cli.base import counter, data_option, existing_store, main, open_store
from promptgit.cli.output import plain
from promptgit.domain import formats, names
from promptgit.settings import Settings

if TYPE_CHECKING:
    from promptgit.exchange import importer

# Each command imports what it needs of the server, so that `promptgit --help` works without it.

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@main.command("import")
@click.argument("file", type=_FILE, required=False)
@data_option
@click.option("--skip-invalid", is_flag=True, help="Go on past lines and items that cannot be taken, and list them.")
@click.option(
    "--committer-date",
    type=click.Choice(["author", "now"]),
    help="Date each commit by its line, or by this import.  [default: author in a new folder whose lines are in order "
    "of time, else now]",
)
@click.option("--override", is_flag=True, help="Pass gates of labels, as an administrator; -m says why.")
@click.option("-m", "--message", metavar="TEXT", help="With --override: why, for the files of releases that record it.")
@click.option("--langfuse", type=_FILE, help="In the place of FILE: answers of Langfuse's API.")
@click.option(
    "--git",
    "repository",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="In the place of FILE: a git repository with a file for each prompt.",
)
@click.option("--under", default=names.ROOT, show_default=True, help="With --git: the folder of the prompts.")
@click.option("--suffix", default=names.SUFFIX, show_default=True, help="With --git: how their files' names end.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", *formats.SUFFIXES]),
    help="With --git: what the files are; `text` is taken as it is.  [default: dotprompt for .prompt, prompty for "
    ".prompty, else text]",
)
def import_(
    file: Path | None,
    data: Path | None,
    skip_invalid: bool,
    committer_date: str | None,
    override: bool,
    message: str | None,
    langfuse: Path | None,
    repository: Path | None,
    under: str,
    suffix: str,
    format_: str | None,
) -> None:
    """Import a history from FILE: JSON Lines, plain or gzip. Each line becomes one commit."""
    from promptgit.exchange import conversions

    if [file, langfuse, repository].count(None) != 2:
        raise click.UsageError("Give one of FILE, --langfuse and --git.")
    if override != (message is not None):
        raise click.UsageError("Give --override and -m together: -m says why a gate is overridden.")
    settings = Settings.from_environment(data=data)
    refused: list[str] = []
    notes: list[str] = []

    def refuse(error: ValueError) -> None:
        if not skip_invalid:
            raise error
        refused.append(str(error))

    with ExitStack() as stack:
        if langfuse is not None:
            file = stack.enter_context(conversions.written(conversions.from_langfuse(langfuse, refuse)))
        elif repository is not None:
            progress = stack.enter_context(counter("Reading history"))
            kind = format_ or formats.of_suffix(suffix)
            kind = None if kind == "text" else kind
            entries = conversions.from_git(repository, under, suffix, progress, kind, notes.append)
            file = stack.enter_context(conversions.written(entries))
        assert file is not None  # one of the three
        run = _import(file, settings, skip_invalid, committer_date, message)
    if run.added:
        with counter("Indexing for the search", "prompts") as progress:
            run.prepare_search(progress)
    refused += map(str, run.refused)
    for note in notes:
        click.echo(plain(note), err=True)
    for problem in refused:
        click.echo(f"skipped: {problem}", err=True)
    click.echo(f"{run.added:,} commits added, {run.present:,} lines there already, {len(refused):,} skipped.")


def _import(
    file: Path, settings: Settings, skip_invalid: bool, committer_date: str | None, override: str | None
) -> importer.Import:
    from promptgit.exchange import importer

    with importer.open_lines(file) as opened:
        dates = importer.survey(opened, settings.max_content_bytes, skip_invalid=skip_invalid)
    problem = dates.problem(time.time()) if committer_date is None else None
    by_lines = committer_date != "now" and problem is None
    store = open_store(settings, born=dates.first if by_lines else None)
    if committer_date is None and problem is None:
        problem = importer.follows(store, dates)
        by_lines = problem is None
    run = importer.Import(
        store,
        settings.max_content_bytes,
        skip_invalid=skip_invalid,
        dated_by_lines=by_lines,
        override=override,
    )
    with click.progressbar(length=os.path.getsize(file), label="Importing", file=sys.stderr) as bar:
        for position in run.take(lambda: importer.open_lines(file)):
            bar.update(position - bar.pos)
    if problem is not None and run.added:
        click.echo(f"Committer dates are the time of this import: {problem}.", err=True)
    return run


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@data_option
def export(file: Path, data: Path | None) -> None:
    """Write the whole history to FILE as JSON Lines, packed if its name ends in .gz; to the output without FILE."""
    import orjson

    from promptgit.exchange import exporter

    store = existing_store(data)
    count = 0
    with _output(file) as output:
        for entry in exporter.export(store):
            output.write(orjson.dumps(entry) + b"\n")
            count += 1
    click.echo(f"{count:,} lines exported.", err=True)


@contextmanager
def _output(file: Path) -> Iterator[BinaryIO]:
    """The file to write to, which appears whole or not at all; or the standard output."""
    if str(file) == "-":
        yield sys.stdout.buffer
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with open(part, "wb") as raw:
            if file.suffix == ".gz":
                with gzip.GzipFile(file.name, "wb", fileobj=raw, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield raw
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
