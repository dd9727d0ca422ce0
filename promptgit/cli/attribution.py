"""The options of commands that write: description, author, precondition."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import wraps
from typing import Any, TypedDict

import click

from promptgit.cli.output import json_option
from promptgit.cli.target import connected
from promptgit.domain.models import Author

_IDENTITY = re.compile(r"\s*(.+?)\s*<([^<>]*)>.*", re.DOTALL)


class Attribution(TypedDict):
    """Description and author of a write, as arguments of the client."""

    description: str | None
    author: Author | None


def attributed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options -m and --author, as its argument `attribution`."""

    @click.option("-m", "--message", metavar="TEXT", help="Why: the description of the version.")
    @click.option(
        "--author", metavar="'NAME <EMAIL>'", callback=_author, help="Who wrote it.  [default: as git has it]"
    )
    @wraps(command)
    def call(*args: Any, message: str | None, author: Author | None, **values: Any) -> None:
        command(*args, attribution=Attribution(description=message, author=author), **values)

    return call


def writes(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that writes one prompt its client, and the options --if-match, --json and those above."""
    if_match = click.option(
        "--if-match", type=click.IntRange(1), metavar="N", help="Only if N is the newest version still."
    )
    return if_match(json_option(attributed(connected(command))))


def overridable(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that `writes` the option --override, as its argument `override`."""

    @click.option("--override", is_flag=True, help="Pass a label's gate, as an administrator; -m says why.")
    @wraps(command)
    def call(*args: Any, override: bool, attribution: Attribution, **values: Any) -> None:
        if override and attribution["description"] is None:
            raise click.UsageError("Say why the gate is overridden: -m.")
        command(*args, override=override, attribution=attribution, **values)

    return call


def forcible(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --force, as its argument `force`."""
    return click.option("--force", is_flag=True, help="Also if other prompts refer to it.")(command)


def _author(_: click.Context, __: click.Parameter, value: str | None) -> Author | None:
    if value is None:
        return _from_git()
    found = _IDENTITY.fullmatch(value)
    if found is None:
        raise click.BadParameter("write it as 'Ada Lovelace <ada@example.org>'.")
    return Author(found[1], found[2].strip())


def _from_git() -> Author | None:
    """The author that git has here; None if git is missing or has none: the author is then the service's."""
    command = ["git", "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT"]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    found = _IDENTITY.match(done.stdout.decode(errors="replace")) if done.returncode == 0 else None
    return Author(found[1], found[2].strip()) if found else None
