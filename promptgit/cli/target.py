"""Where the commands work: on a server, or without one on its folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import httpx2
from click.shell_completion import CompletionItem

from promptgit.cli.base import Refusal, data_option
from promptgit.client import wire
from promptgit.client.retries import Retries
from promptgit.client.synchronous import Client
from promptgit.domain.formats import SUFFIXES
from promptgit.domain.past import as_of, last_second
from promptgit.errors import Invalid, PromptgitError
from promptgit.settings import Settings

_NOWHERE = "http://promptgit.invalid"  # the address of the application in this process
_SHOWN = 100  # names that a shell is offered


def connect(url: str | None, data: Path | None, **options: Any) -> Client:
    """A client of the server at *url*, or of the application on the folder *data*, run in this process.

    *options* are those of `Client`.

    Raises:
        Refusal: no server was named, and the folder holds no repository.
    """
    settings = _folder(url, data)
    if settings is None:
        return Client(url, **options)
    client = Client(_NOWHERE, transport=_transport(settings), **options)
    client.url = settings.data.resolve().as_uri()
    return client


def connect_http(url: str | None, data: Path | None) -> httpx2.Client:
    """The same as a client of HTTP, for a face that is not the API.

    Raises:
        Refusal: no server was named, and the folder holds no repository.
    """
    settings = _folder(url, data)
    if settings is None:
        address, token = wire.address(url, None)
        return httpx2.Client(**wire.options(address, token, wire.READ_SECONDS))
    return httpx2.Client(base_url=_NOWHERE, transport=_transport(settings))


def _folder(url: str | None, data: Path | None) -> Settings | None:
    """The settings of the folder to work on; None: a server was named."""
    if url and data:
        raise click.UsageError("Give --url or --data, not both.")
    if data is None and (url or wire.environment("PROMPTGIT_URL")):
        return None
    settings = Settings.from_environment(data=data)
    if not (settings.data / "prompts.git").exists():
        raise Refusal(
            f"There is no repository in {str(settings.data)!r}. Name a server with --url, its folder with --data, "
            "or start one with `promptgit serve`."
        )
    return settings


def _transport(settings: Settings) -> httpx2.WSGITransport:
    """The way to the application in this process: the same faces without a network."""
    from promptgit.app import create_local_app  # Flask and libgit2: not for commands that ask a server

    return httpx2.WSGITransport(create_local_app(settings))


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command a client as its first argument, and the options --data and --url."""

    @data_option
    @click.option("--url", metavar="URL", help="The server.  [default: PROMPTGIT_URL]")
    @wraps(command)
    def call(url: str | None, data: Path | None, **values: Any) -> None:
        with connect(url, data) as client:
            command(client, **values)

    return call


class _Moment(click.ParamType[str]):
    """A commit's full id, a time (RFC 3339), or a day, which stands for its last second in UTC."""

    name = "moment"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """What the API is told."""
        moment = last_second(value)
        try:
            as_of(moment)
        except Invalid as error:
            self.fail(f"{error} Or give a day, such as 2026-11-01, which ends in UTC.", param, ctx)
        return moment


at_option = click.option(
    "--at",
    type=_Moment(),
    metavar="WHEN",
    help="As of a commit (its full id), a time (RFC 3339), or the end of a day in UTC.",
)


format_option = click.option(
    "--format", "format_", type=click.Choice(list(SUFFIXES)), help="As a file of dotprompt or of Prompty."
)


class Name(click.ParamType[str]):
    """The name of a prompt; shells are offered those that there are."""

    name = "name"

    def shell_complete(self, ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Names that begin with *incomplete*; none if the server does not answer the first request."""
        try:
            with connect(ctx.params.get("url"), ctx.params.get("data"), retries=Retries(count=0)) as client:
                found = client.list(prefix=incomplete, page=_SHOWN)
                return [CompletionItem(prompt.name) for prompt, _ in zip(found, range(_SHOWN), strict=False)]
        except (PromptgitError, click.ClickException, ValueError, OSError, ModuleNotFoundError):
            return []


def version_of(client: Client, name: str, revision: str) -> int:
    """The number of the version that a number, a label or nothing (the newest) names."""
    if revision.isascii() and revision.isdigit():
        return int(revision)
    return client.get(name, label=revision or None).version_number
