"""What the commands share: the group, the options, the store, the counter."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EPIPE
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from promptgit.errors import PromptgitError, StaleVersion, Unauthenticated
from promptgit.settings import Settings

if TYPE_CHECKING:
    from promptgit.store.index.intake import Progress
    from promptgit.store.store import Store

# Which file of this folder has which commands: only that of the command that runs is imported.
_FILES = {
    "reading": ["log", "show", "blame", "diff", "ls"],
    "writing": ["save", "edit", "revert", "rename", "rm"],
    "labels": ["label"],
    "references": ["references"],
    "promoting": ["promote"],
    "releases": ["release"],
    "gates": ["rules", "report"],
    "folders": ["pull", "push"],
    "serve": ["serve"],
    "mcp": ["mcp"],
    "exchange": ["import", "export"],
    "histories": ["check", "reindex"],
    "tokens": ["token", "access-log"],
    "people": ["people"],
    "hooks": ["hook"],
    "maintenance": ["backup", "upkeep"],
    "verify": ["verify"],
}
_FILE_OF = {command: file for file, commands in _FILES.items() for command in commands}


class Refusal(click.ClickException):
    """An error that is printed in one line; exit code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it as git does."""
        click.echo(f"promptgit: {self.format_message()}", file=file, err=True)


@contextmanager
def refusals() -> Iterator[None]:
    """Print refusals, wrong settings, missing packages and files in one line, without a traceback."""
    try:
        yield
    except (click.UsageError, Refusal):
        raise
    except click.ClickException as error:
        raise Refusal(error.format_message()) from error
    except ModuleNotFoundError as error:
        if (error.name or "promptgit").partition(".")[0] in {"promptgit", *sys.stdlib_module_names}:
            raise
        raise Refusal(
            f"This needs the server, and {error.name} is not installed: pip install 'promptgit-registry[server]'"
        ) from error
    except OSError as error:
        if error.errno == EPIPE:  # click ends quietly when the reader of a pipe is gone
            raise
        raise Refusal(f"{error.filename}: {error.strerror}" if error.filename else str(error)) from error
    except StaleVersion as error:
        raise Refusal(
            f"The prompt is at version {error.current} by now, and nothing was written. See what changed with "
            f"`promptgit log` and `promptgit diff`, merge, and try again with --if-match {error.current}."
        ) from error
    except Unauthenticated as error:
        raise Refusal(
            "The server lets nobody in without an active token. Put one into PROMPTGIT_TOKEN; if one is there, it is "
            "wrong, was revoked, or has expired: ask for another."
        ) from error
    except (PromptgitError, ValueError) as error:
        raise Refusal(str(error)) from error


class _Group(click.Group):
    """Imports a command's file when the command is asked for."""

    def main(self, *args: Any, **values: Any) -> Any:
        """Run a command; characters that the output's encoding cannot represent are printed as escape sequences."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*args, **values)

    def list_commands(self, _: click.Context) -> list[str]:
        return list(_FILE_OF)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _FILE_OF and cmd_name not in self.commands:
            import_module(f"promptgit.cli.{_FILE_OF[cmd_name]}")
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):  # https://no-color.org
            ctx.color = False
        with refusals():
            return super().invoke(ctx)


@click.group(cls=_Group)
@click.version_option(package_name="promptgit-registry")
def main() -> None:
    """Versions for prompts, kept in git.

    The commands work on a server (--url, or PROMPTGIT_URL, with PROMPTGIT_TOKEN), or without one on its folder
    (--data, or PROMPTGIT_DATA). Every other setting of the server is an environment variable PROMPTGIT_*, too;
    options win.

    NAME is the name of a prompt, or its id.

    Exit codes: 0 done; 1 refused, failed or (with --exit-code) different; 2 wrong usage.
    """


data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder that keeps everything.  [default: data]",
)


def open_store(settings: Settings, *, catch_up: bool = True, born: int | None = None) -> Store:
    """The store of the settings' folder, made if it is missing; its index is brought up to `main`.

    *born* is the date of the first commit of a folder that was missing, in seconds since 1970.
    """
    from promptgit.service.stores import store_of  # libgit2 and SQLite: not for commands that ask a server

    store = store_of(settings)
    with counter("Building the index") as progress:
        store.open(progress, catch_up=catch_up, born=born)
    return store


def existing_store(data: Path | None) -> Store:
    """The store of --data, or of the environment's folder, which must exist; its index is left alone."""
    from promptgit.service.stores import store_of

    store = store_of(Settings.from_environment(data=data))
    if not store.repository.path.exists():
        raise Refusal(f"There is no repository at {store.repository.path}.")
    return store


def expect_owner(repository: Path) -> None:
    """Refuse to write a file with secrets that the service could not read."""
    if (owner := repository.stat().st_uid) != os.geteuid():
        raise Refusal(
            f"{repository} belongs to the user {owner}, who could not read a file of yours. "
            "Run this as the user that runs the service."
        )


@contextmanager
def counter(label: str, unit: str = "commits") -> Iterator[Progress]:
    """A callback that prints on a terminal how many commits, or how many of another *unit*, were read."""
    shown = False

    def progress(count: int) -> None:
        nonlocal shown
        if sys.stderr.isatty():
            shown = True
            click.echo(f"\r{label}: {count:,} {unit}", err=True, nl=False)

    yield progress
    if shown:
        click.echo(err=True)
